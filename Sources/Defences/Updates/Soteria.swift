import Clients
import ModelIO
import TensorGraph

/// Leaves this share of the features that the last layer reads out of its weight's gradient.
struct Soteria: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "soteria", parameters: [.share],
    summary:
      "leaves this share of the last layer's inputs, those that tell most of the image for "
      + "their size, out of that layer's weight gradient",
    source: "Sun et al. 2021, arXiv 2012.06043, section 4.3",
    answer: DefenceDescriptor.Answer(
      "ignores the hidden part of that layer's gradient (Balunovic et al. 2022)"),
    strength: DefenceDescriptor.Strength("share of the representation"),
    strengths: DefenceDescriptor.Strengths(
      [0.2, 0.4, 0.6, 0.8, 0.95].map { Soteria(share: $0) }, effort: .deficient),
    needs: DefenceNeeds(
      imagesOnly: "it scores features by the pixels behind them; \(DefenceNeeds.updateInstead)",
      oneStepOnly: "Soteria hides features of the gradient of one step", lastLayer: true,
      representation: true),
    priced: [Soteria(share: 0.8)],
    privacy: .deterministic,
    make: { Soteria(share: $0[0]) })

  let share: Double
  var values: [Double] { [share] }

  /// Leaves the ⌊share · F⌋ features with the least ‖∂rᵢ/∂x‖ / |rᵢ| out of the last layer's weight
  /// gradient: of all sets of so many these change the representation's image most while they change
  /// the representation least (Sun et al. 2021, section 4.3, and the authors' code).
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    guard let representation = round.representation else { return }
    let count = representation.featureCount
    let order = (0..<count).sorted {
      let (left, right) = (representation.sensitivities[$0], representation.sensitivities[$1])
      return left == right ? $0 < $1 : left < right
    }
    let hidden = Set(order.prefix(Int(share * Double(count))))
    guard !hidden.isEmpty else { return }
    let layer = representation.classifier
    let rows = update.parts[layer.weight].type.shape[1]
    let kept = update.parts.indices.map { part -> [Int] in
      let values = update.parts[part].values.indices
      guard part == layer.weight else { return Array(values) }
      let positions = update.parts[part].positions
      return values.filter { index in
        let position = positions?[index] ?? index
        return !hidden.contains(layer.isTransposed ? position / rows : position % count)
      }
    }
    update.keep(kept)
    update.wire.setSparse(isSeeded: false)
  }
}

/// What the last fully connected layer reads, and how much of the image is in each number of it.
public struct Representation: Sendable {
  /// The layer's weight.
  let classifier: Model.Classifier
  /// Numbers that it reads of each image.
  public let featureCount: Int
  /// For each feature ‖∂rᵢ/∂x‖ / |rᵢ|, summed over the batch; infinite where a feature is 0, whose
  /// gradient is 0 as it is.
  public let sensitivities: [Double]
}

extension WeightedModel {
  /// The representation of a batch, by one backward pass for each feature.
  ///
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer whose input is
  ///   known, or cannot be run.
  func representation(
    of images: Tensor, mode: ForwardMode, backend: any Backend
  ) throws(AttackError) -> Representation {
    let builder = GraphBuilder()
    let dtype = images.dtype
    let input = builder.input("images", images.shape, dtype)
    let values = (model.parameters + model.buffers).map {
      builder.input($0.name, $0.shape, dtype, role: .fixed)
    }
    let trace = model.trace(
      input, parameters: Array(values.prefix(model.parameters.count)),
      buffers: Array(values.dropFirst(model.parameters.count)), mode: mode)
    guard let classifier = model.classifier, let features = trace.features,
      features.shape.rank == 2
    else {
      throw AttackError(
        "soteria defends the fully connected layer at a model's end, and \(model.name) has none "
          + "whose input is known; use another defence")
    }
    let direction = builder.input("direction", features.shape, dtype)
    let sum = (features * direction).sum()
    let gradient = sum.gradient(withRespectTo: [input])[0]
    let count = features.shape[1]
    do {
      let function = try CompiledFunction(
        builder.function(computing: [features, gradient]), on: backend)
      function.bind(input.handle, to: images)
      function.bind(values.map(\.handle), to: parameters + buffers)
      let directionBuffer = function.input(direction.handle)
      var sensitivities: [Double] = []
      let batch = images.shape[0]
      for feature in 0..<count {
        let unit = (0..<batch * count).map { $0 % count == feature ? 1.0 : 0 }
        directionBuffer.write(Tensor(direction.shape, dtype, unit))
        try function.run()
        let numbers = function.read(features.handle).doubles
        let gradient = function.read(gradient.handle).doubles
        let size = gradient.count / batch
        sensitivities.append(
          (0..<batch).reduce(0.0) { sum, example in
            let row = gradient[example * size..<(example + 1) * size]
            let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let value = abs(numbers[example * count + feature])
            return sum + (value > 0 ? norm / value : .infinity)
          })
      }
      return Representation(
        classifier: classifier, featureCount: count, sensitivities: sensitivities)
    } catch {
      throw AttackError("\(model.name) cannot be run: \(error.message)")
    }
  }
}
