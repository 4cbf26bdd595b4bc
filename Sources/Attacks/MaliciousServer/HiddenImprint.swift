import Clients
import Solvers
import TensorGraph

/// Robbing the Fed (Fowl et al. 2022, arXiv 2110.13057) without a block of its own: bins planted among
/// the units of a model's first fully connected layer, and disguised.
///
/// The bins are some of the rows, each with noise, a scale and a sign of its own; what the next layer
/// does with them is made alike, so that their gradients differ by images alone. Noise makes thresholds
/// of neighbouring bins cross for some images, and costs those.
package struct HiddenImprint: Sendable {
  /// How the bins are planted.
  package struct Disguise: Sendable {
    /// Rows with bins, at least 2.
    package var rows: Int
    /// Standard deviation of the noise on each weight, by the weight.
    package var noise = 0.0
    /// Rows are multiplied by numbers from 1/scale to scale.
    package var scale = 1.0
    /// Half of the rows measure the negative.
    package var mixesSigns = false
    /// The measure is a random direction rather than the brightness.
    package var isRandom = false

    package init(rows: Int) { self.rows = rows }
  }

  /// The model with its bins.
  package let model: WeightedModel
  private let layer: LinearLayerLeak.FirstLayer
  /// Units by ascending threshold, with their signs.
  private let units: [(unit: Int, sign: Double)]

  /// - Parameters:
  ///   - samples: images [C, H, W] like the client's, to take quantiles from.
  /// - Throws: ``AttackError`` when the model does not begin with two fully connected layers, the first
  ///   of them with at least as many units as rows are to be planted.
  package init(
    _ honest: WeightedModel, _ disguise: Disguise, samples: [Tensor], seed: UInt64
  ) throws(AttackError) {
    let layer = try LinearLayerLeak(model: honest.model).layer
    try layer.requireUsualOrder("an imprint")
    let shape = honest.parameters[layer.weight].shape
    let (count, width) = (shape[0], shape[1])
    guard disguise.rows >= 2, disguise.rows <= count, !samples.isEmpty else {
      throw AttackError(
        "\(disguise.rows) rows with bins: the first layer has \(count), of which 2 or more can be "
          + "planted, by sample images")
    }
    var source = RandomSource(seed: seed).derive(label: "hidden imprint")
    let direction =
      disguise.isRandom
      ? (0..<width).map { _ in source.normal() / Double(width).squareRoot() }
      : [Double](repeating: 1 / Double(width), count: width)
    let measures = samples.map { sample in
      zip(direction, sample.doubles).reduce(0) { $0 + $1.0 * $1.1 }
    }.sorted()
    let chosen = source.permutation(of: count).prefix(disguise.rows)
    var weight = honest.parameters[layer.weight].doubles
    var bias = honest.parameters[layer.bias].doubles
    var units: [(unit: Int, sign: Double)] = []
    for (place, unit) in chosen.enumerated() {
      let quantile = measures[place * measures.count / disguise.rows]
      let sign = disguise.mixesSigns && source.uniform() < 0.5 ? -1.0 : 1
      var factor = 1.0
      if disguise.scale > 1 {
        let exponent = 2 * source.uniform() - 1
        let growth = 1 + abs(exponent) * (disguise.scale - 1)
        factor = exponent < 0 ? 1 / growth : growth
      }
      for column in 0..<width {
        let noisy = direction[column] * (1 + disguise.noise * source.normal())
        weight[unit * width + column] = sign * factor * noisy
      }
      bias[unit] = -sign * factor * quantile
      units.append((unit, sign))
    }
    var parameters = honest.parameters
    parameters[layer.weight] = Tensor(shape, .f64(weight))
    parameters[layer.bias] = Tensor([count], .f64(bias))
    // The next matrix treats the planted units alike.
    let next = honest.model.parameters.indices.first {
      $0 > layer.weight && honest.model.parameters[$0].shape.rank == 2
        && honest.model.parameters[$0].shape[1] == count
    }
    guard let next, let first = units.first else {
      throw AttackError("\(honest.model.name) has no fully connected layer behind the first")
    }
    let nextShape = parameters[next].shape
    var outgoing = parameters[next].doubles
    for row in 0..<nextShape[0] {
      for (unit, _) in units { outgoing[row * count + unit] = outgoing[row * count + first.unit] }
    }
    parameters[next] = Tensor(nextShape, .f64(outgoing))
    model = WeightedModel(model: honest.model, parameters: parameters, buffers: honest.buffers)
    self.layer = layer
    self.units = units
  }

  /// The quotients of neighbouring bins' differences: images [C, H, W], or blends of several.
  package func contents(of update: SharedUpdate) -> [Tensor] {
    let rows = update.gradients[layer.weight].doubles
    let sums = update.gradients[layer.bias].doubles
    let pixels = model.model.inputShape.elementCount
    let largest = sums.reduce(0) { max($0, abs($1)) }
    var images: [Tensor] = []
    for sign in [1.0, -1] {
      let bins = units.filter { $0.sign == sign }.map(\.unit)
      for (place, unit) in bins.enumerated() {
        // The outermost bin of either sign stands alone.
        let neighbour = sign > 0 ? place + 1 : place - 1
        let other = bins.indices.contains(neighbour) ? bins[neighbour] : nil
        let sum = sums[unit] - (other.map { sums[$0] } ?? 0)
        guard abs(sum) > 1e-6 * largest, largest > 0 else { continue }
        let image = (0..<pixels).map { pixel in
          (rows[unit * pixels + pixel] - (other.map { rows[$0 * pixels + pixel] } ?? 0)) / sum
        }
        images.append(Tensor(model.model.inputShape, .f64(image)))
      }
    }
    return images
  }
}
