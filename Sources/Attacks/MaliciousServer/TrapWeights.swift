import Clients
import Solvers
import TensorGraph

/// Trap weights (Boenisch et al. 2021, "When the curious abandon honesty", arXiv 2112.02918, section 5):
/// first-layer weights whose units hardly ever fire, so that a unit often fires for one image of a
/// batch alone. The gradient of such a unit's row, divided by its bias's, is that image.
///
/// In every row a random half of the weights is negative, and the other half is as large but scaled
/// down, so that most images end below 0. The paper sets the scale by hand; here it is set such that
/// one image of a batch is expected to reach each unit.
package struct TrapWeights: Sendable {
  private let weighted: WeightedModel
  private let layer: LinearLayerLeak.FirstLayer
  /// How much smaller positive weights are than negative ones.
  package let scale: Double

  /// The model with its traps set.
  package var model: WeightedModel { weighted }

  /// - Parameters:
  ///   - samples: images [C, H, W] like the client's, to set the scale by.
  ///   - batchSize: the expected number of images in a batch.
  /// - Throws: ``AttackError`` when the model does not begin with a fully connected layer with bias.
  package init(
    _ honest: WeightedModel, samples: [Tensor], batchSize: Int, seed: UInt64
  ) throws(AttackError) {
    guard !samples.isEmpty else { throw AttackError("trap weights need sample images") }
    let layer = try LinearLayerLeak(model: honest.model).layer
    try layer.requireUsualOrder("trap weights")
    let shape = honest.parameters[layer.weight].shape
    let (rows, columns) = (shape[0], shape[1])
    var source = RandomSource(seed: seed).derive(label: "trap weights")
    var elements = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      let order = source.permutation(of: columns)
      let half = columns / 2
      for index in 0..<half {
        // Standard deviation 1/2, as the authors' code has it.
        let magnitude = abs(0.5 * source.normal())
        elements[row * columns + order[index]] = -magnitude
        elements[row * columns + order[half + index]] = magnitude
      }
    }
    scale = TrapWeights.scale(elements, rows, columns, samples, share: 1 / Double(batchSize))
    let scale = scale
    var parameters = honest.parameters
    parameters[layer.weight] = Tensor(shape, .f64(elements.map { $0 > 0 ? $0 * scale : $0 }))
    parameters[layer.bias] = Tensor([rows], .f64, repeating: 0)
    weighted = WeightedModel(model: honest.model, parameters: parameters, buffers: honest.buffers)
    self.layer = layer
  }

  /// The quotient of every unit that fired: an image [C, H, W], or the blend of several.
  package func contents(of update: SharedUpdate) -> [Tensor] {
    let rows = update.gradients[layer.weight].doubles
    let sums = update.gradients[layer.bias].doubles
    let pixels = weighted.model.inputShape.elementCount
    return sums.indices.compactMap { row in
      guard sums[row] != 0 else { return nil }
      let image = rows[row * pixels..<(row + 1) * pixels].map { $0 / sums[row] }
      guard image.allSatisfy(\.isFinite) else { return nil }
      return Tensor(weighted.model.inputShape, .f64(image))
    }
  }

  /// A unit fires when scale · positive part > negative part, so the scale is a quantile of their
  /// ratio over units and samples.
  private static func scale(
    _ elements: [Double], _ rows: Int, _ columns: Int, _ samples: [Tensor], share: Double
  ) -> Double {
    var ratios: [Double] = []
    for sample in samples.prefix(64) {
      let image = sample.doubles
      for row in 0..<min(rows, 128) {
        var (positive, negative) = (0.0, 0.0)
        for column in 0..<columns {
          let product = elements[row * columns + column] * image[column]
          if product > 0 { positive += product } else { negative -= product }
        }
        if positive > 0 { ratios.append(negative / positive) }
      }
    }
    ratios.sort()
    guard !ratios.isEmpty else { return 0.95 }
    return ratios[min(Int(share * Double(ratios.count)), ratios.count - 1)]
  }
}
