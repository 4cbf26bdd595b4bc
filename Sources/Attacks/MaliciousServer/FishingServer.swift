import Clients
import TensorGraph

/// Fishing for user data in large batches (Wen et al. 2022, arXiv 2202.00580, section 3): a server
/// that changes nothing but the last layer's weights, so that the gradient of a whole batch becomes
/// that of a few of its images, or of one.
///
/// Class fishing: all classes but one get weight 0 and a huge bias. The probability of the fished class
/// is then 0 for every image; images of other classes pull at rows that are 0 and leave no gradient in
/// the layers below, and what remains is the mean gradient of the fished class's images.
///
/// Feature fishing, for a batch of a single class: the fished class's row is a direction u of feature
/// space, amplified, with a threshold. Images above it are certain of their class and leave no gradient;
/// only those below remain. The bias's gradient tells how many that are, so that bisection over
/// rounds ends with one.
package struct FishingServer: Sendable {
  private let honest: WeightedModel
  private let classifier: (weight: Int, bias: Int)
  /// The class that is fished for.
  package let target: Int

  /// Far beyond what features and weights of usual size add up to; its exponential underflows.
  private static let bias = 1e4
  private static let amplification = 1e6

  /// - Throws: ``AttackError`` when the last layer is not fully connected with a bias, or there is no
  ///   such class.
  package init(_ honest: WeightedModel, target: Int) throws(AttackError) {
    guard let classifier = honest.model.classifier, let bias = classifier.bias else {
      throw AttackError(
        "fishing plants weights in a fully connected last layer with bias, which "
          + "\(honest.model.name) lacks; use another model")
    }
    guard (0..<honest.model.classCount).contains(target), honest.model.classCount >= 2 else {
      throw AttackError(
        "there is no class \(target) among \(honest.model.classCount); fishing needs one of two or "
          + "more")
    }
    self.honest = honest
    self.classifier = (classifier.weight, bias)
    self.target = target
  }

  /// Weights that leave the gradient of the target class alone.
  package func classWeights() -> WeightedModel {
    planted { row in
      row
    } bias: {
      $0 == target ? 0 : FishingServer.bias
    }
  }

  /// Weights that leave the gradient of the images whose feature is below the threshold.
  package func featureWeights(threshold: Double) -> WeightedModel {
    let gain = FishingServer.amplification
    return planted {
      $0 * gain
    } bias: {
      $0 == target ? -gain * threshold : 0
    }
  }

  /// The mean feature ⟨u, h⟩ of the images that an update comes from.
  package func meanFeature(of update: SharedUpdate) -> Double? {
    let features = features(of: update)
    let direction = honest.parameters[classifier.weight].doubles
    guard let features else { return nil }
    return features.indices.reduce(0) {
      $0 + features[$1] * direction[target * features.count + $1]
    }
  }

  /// How many images an update comes from, where nothing but planted weights weakens the others.
  package func count(in update: SharedUpdate) -> Double {
    -update.gradients[classifier.bias].doubles[target] * Double(update.batchSize)
  }

  /// The update that the fished images alone would have shared; nil when there are none.
  ///
  /// Only the last layer's tensors still hold the other images; with the fished class's row, which is
  /// free of them, they are made anew.
  package func isolated(_ update: SharedUpdate) -> SharedUpdate? {
    let count = count(in: update)
    guard count > 0.5, let features = features(of: update) else { return nil }
    let classes = honest.model.classCount
    let others = 1 / Double(classes - 1)
    let cotangent = (0..<classes).map { $0 == target ? -1 : others }
    let factor = Double(update.batchSize) / count
    let gradients = update.gradients.enumerated().map { index, tensor -> Tensor in
      if index == classifier.bias { return Tensor(tensor.shape, .f64(cotangent)) }
      if index == classifier.weight {
        return Tensor(
          tensor.shape, .f64(cotangent.flatMap { c in features.map { c * $0 } }))
      }
      return Tensor(tensor.shape, .f64(tensor.doubles.map { $0 * factor }))
    }
    return SharedUpdate(gradients: gradients, batchSize: max(Int(count.rounded()), 1))
  }

  /// Mean of the features of the fished images: their row divided by their bias's gradient.
  private func features(of update: SharedUpdate) -> [Double]? {
    let sum = update.gradients[classifier.bias].doubles[target]
    guard sum < 0 else { return nil }
    let rows = update.gradients[classifier.weight]
    let width = rows.shape[1]
    return rows.doubles[target * width..<(target + 1) * width].map { $0 / sum }
  }

  private func planted(
    row: (Double) -> Double, bias: (Int) -> Double
  ) -> WeightedModel {
    var parameters = honest.parameters
    let weight = parameters[classifier.weight]
    let width = weight.shape[1]
    parameters[classifier.weight] = Tensor(
      weight.shape,
      .f64(weight.doubles.enumerated().map { $0 / width == target ? row($1) : 0 }))
    parameters[classifier.bias] = Tensor(
      [honest.model.classCount], .f64((0..<honest.model.classCount).map(bias)))
    return WeightedModel(model: honest.model, parameters: parameters, buffers: honest.buffers)
  }
}
