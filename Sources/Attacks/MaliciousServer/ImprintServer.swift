import Clients
import Solvers
import TensorGraph

/// Robbing the Fed (Fowl et al. 2022, arXiv 2110.13057, sections 3 and 4): a server puts a small block
/// in front of the model that sorts a batch into bins, so that the images fall out of its gradient.
///
/// The block measures every image by the same h, here its mean brightness, against k thresholds:
/// zᵢ = relu(⟨h, x⟩ - cᵢ). All zᵢ act alike on what follows, so that the gradient of row i is
/// Gᵢ = Σₙ sₙ xₙ over the images above cᵢ, and its bias's is Bᵢ = Σₙ sₙ. An image that is alone between
/// cᵢ and cᵢ₊₁ is x = (Gᵢ - Gᵢ₊₁) / (Bᵢ - Bᵢ₊₁). With thresholds at the quantiles of the brightness, an
/// image of n is alone with probability (1 - 1/k)ⁿ⁻¹.
///
/// Copies of the rows that act differently on what follows make it a proof (VGIA, arXiv 2604.15063): a bin's differences, one row
/// (Gᵢ - Gᵢ₊₁, Bᵢ - Bᵢ₊₁) = Σₙ sₙ (xₙ, 1) for each copy, have the rank of the images in it; rank 1 is one image.
package struct ImprintServer: Sendable {
  /// What the difference of two neighbouring rows holds: an image, or the blend of several.
  package struct Content: Sendable {
    package let bin: Int
    /// [C, H, W] in f64.
    package let image: Tensor
    /// Whether it is proved to be one private image, or several that are alike to rounding; nil without copies to tell.
    package let isSingle: Bool?
  }

  /// The client's model with the block in front of it.
  package let model: Model
  /// Ascending; the first lies below every image.
  package let thresholds: [Double]
  /// Rows for each threshold.
  package let copies: Int
  private let weight: Int
  private let bias: Int

  /// Where the block's parameters are in the model.
  private static let place = "imprint"

  /// - Parameters:
  ///   - model: what the client believes to train.
  ///   - samples: images [C, H, W] like the client's, values in 0...1, to take quantiles from. At least
  ///     one.
  ///   - bins: at least 2.
  ///   - copies: of each row; 2 or more prove what holds one image.
  /// - Throws: ``AttackError`` when the numbers do not fit, or all samples are equally bright.
  package init(
    model: Model, samples: [Tensor], bins: Int, copies: Int = 1
  ) throws(AttackError) {
    guard ImprintServer.binCounts.contains(bins), ImprintServer.copyCounts.contains(copies) else {
      throw AttackError(
        "\(bins) bins of \(copies) copies: give 2 to 65536 bins, and 1 to 16 copies of them")
    }
    self.copies = copies
    let brightness = samples.map(ImprintServer.measure).filter(\.isFinite).sorted()
    guard let least = brightness.first, let most = brightness.last, least < most else {
      throw AttackError(
        "all \(samples.count) sample images are equally bright, so no threshold separates them; "
          + "give other images")
    }
    // No image of values in 0...1 is below -1.
    thresholds =
      [-1] + (1..<bins).map { ImprintServer.quantile(Double($0) / Double(bins), brightness) }
    self.model = ImprintServer.model(model, bins: bins * copies)
    weight = try ImprintServer.index("weight", in: self.model)
    bias = try ImprintServer.index("bias", in: self.model)
  }

  /// How many bins there may be.
  package static let binCounts = 2...65536
  /// How many copies of each bin.
  package static let copyCounts = 1...16

  /// A model with a block in front of it.
  ///
  /// - Parameter bins: rows of the block.
  private static func model(_ model: Model, bins: Int) -> Model {
    let body = model.body
    return Model(
      name: "imprint+" + model.name, inputShape: model.inputShape, classCount: model.classCount
    ) { scope, images in
      let block = scope[ImprintServer.place]
      let measures = block["measure"].linear(images.flattenedPerSample(), to: bins).relu()
      let pixels = model.inputShape.elementCount
      let change = block["restore"].linear(measures, to: pixels)
      return body(scope, images + change.reshape(to: images.shape))
    }
  }

  /// A model with a block in front of it that does nothing yet: its second matrix is 0, as in adapters at their beginning.
  ///
  /// - Parameter bins: one of ``binCounts``.
  package static func extended(_ honest: WeightedModel, bins: Int, seed: UInt64) -> WeightedModel {
    let model = ImprintServer.model(honest.model, bins: bins)
    let known = Dictionary(
      zip(honest.model.parameters.map(\.name), honest.parameters),
      uniquingKeysWith: { first, _ in first })
    let parameters = model.initialParameters(seed: seed, dtype: .f64).map { name, tensor in
      name.hasPrefix(place + ".restore.")
        ? Tensor(tensor.shape, .f64, repeating: 0) : known[name] ?? tensor
    }
    return WeightedModel(model: model, parameters: parameters, buffers: honest.buffers)
  }

  private static func index(_ name: String, in model: Model) throws(AttackError) -> Int {
    let full = place + ".measure." + name
    guard let index = model.parameters.firstIndex(where: { $0.name == full }) else {
      throw AttackError("\(model.name) has no parameter \(full)")
    }
    return index
  }

  /// The planted block, and the rest drawn afresh.
  package func weights(seed: UInt64) -> WeightedModel {
    planted(WeightedModel(untrained: model, seed: seed))
  }

  /// The planted block, and the rest as it is.
  ///
  /// - Parameter weighted: ``model`` with its weights.
  package func planted(_ weighted: WeightedModel) -> WeightedModel {
    let bins = thresholds.count
    let effects = self.effects
    let parameters = zip(model.parameters, weighted.parameters).map { parameter, tensor in
      let shape = parameter.shape
      switch parameter.name {
      case ImprintServer.place + ".measure.weight":
        return Tensor(shape, .f64, repeating: 1 / Double(model.inputShape.elementCount))
      case ImprintServer.place + ".measure.bias":
        return Tensor(shape, .f64((0..<copies).flatMap { _ in thresholds.map { -$0 } }))
      case ImprintServer.place + ".restore.weight":
        // Small, so that the rest of the model still sees the image.
        return Tensor(
          shape,
          .f64(
            effects.flatMap { $0.flatMap { [Double](repeating: $0 / Double(bins), count: bins) } }))
      case ImprintServer.place + ".restore.bias":
        return Tensor(shape, .f64, repeating: 0)
      default:
        return tensor
      }
    }
    return WeightedModel(model: model, parameters: parameters, buffers: weighted.buffers)
  }

  /// For each pixel how much each copy changes it; the same for every copy's rows. A single one changes all alike.
  private var effects: [[Double]] {
    let pixels = model.inputShape.elementCount
    guard copies > 1 else { return [[Double]](repeating: [1], count: pixels) }
    var source = RandomSource(seed: 0).derive(label: "imprint")
    return (0..<pixels).map { _ in (0..<copies).map { _ in source.normal() / Double(copies) } }
  }

  /// What the bins hold; empty ones are left out.
  package func contents(of update: SharedUpdate) -> [Content] {
    let strips = ImprintStrips(
      rows: update.gradients[weight], sums: update.gradients[bias], copies: copies)
    let provesAlone = strips.provesAlone
    return strips.occupied.map { bin in
      Content(
        bin: bin.number, image: Tensor(model.inputShape, .f64(bin.image)),
        isSingle: provesAlone ? bin.isSingle : nil)
    }
  }

  /// The bin that an image falls into.
  package func bin(of image: Tensor) -> Int {
    let brightness = ImprintServer.measure(image)
    return max((thresholds.firstIndex { $0 >= brightness } ?? thresholds.count) - 1, 0)
  }

  /// Images that are alone in their bin, in expectation, of `count` independent ones.
  package static func expectedIsolatedCount(count: Int, bins: Int) -> Double {
    var share = 1.0
    for _ in 1..<max(count, 1) { share *= 1 - 1 / Double(bins) }
    return Double(count) * share
  }

  private static func measure(_ image: Tensor) -> Double {
    image.doubles.reduce(0, +) / Double(max(image.shape.elementCount, 1))
  }

  /// Linear between the two nearest of the sorted values.
  private static func quantile(_ share: Double, _ sorted: [Double]) -> Double {
    let position = share * Double(sorted.count - 1)
    let below = Int(position)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
  }
}
