import TensorGraph

/// An image with its label that a client mixes into others, or that another client adds to a sum.
public struct Companion: Sendable {
  /// [C, H, W], values in 0...1.
  public let image: Tensor
  public let label: Int

  public init(image: Tensor, label: Int) {
    self.image = image
    self.label = label
  }
}

/// A private batch as it is fed to the model, after the defences that change images.
public struct EncodedBatch: Sendable {
  /// [N, C, H, W] in the batch's element type; more than the private images where others add theirs.
  public internal(set) var images: Tensor
  /// The share of each class in each image: [N, K] in row-major order.
  public internal(set) var shares: [[Double]]
  /// What was fed in each private image's place, [C, H, W]; nil when that is the image itself.
  public internal(set) var encodings: [Tensor]?

  /// One class for each image; nil when some are of several.
  public var labels: [Int]? {
    let labels = shares.compactMap { $0.firstIndex(of: 1) }
    return labels.count == shares.count ? labels : nil
  }
}

extension DefencePipeline {
  /// What the client feeds to its model in place of a private batch in this round.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W], values in 0...1.
  ///   - labels: N class indices.
  ///   - classCount: how many labels there are; those of companions are taken modulo it.
  ///   - companions: the client's or the public's other images, and other clients'; used in their
  ///     order, cyclically.
  /// - Throws: ``AttackError`` when a defence needs more other images than there are.
  public func encode(
    images: Tensor, labels: [Int], classCount: Int, companions: [Companion] = []
  ) throws(AttackError) -> EncodedBatch {
    var batch = EncodedBatch(
      images: images, shares: labels.map { oneHot($0, classCount) }, encodings: nil)
    for (index, defence) in chain.defences.enumerated() where defence.stage == .input {
      var source = source(of: index)
      var elements = unstacked(batch.images).map(\.doubles)
      switch defence {
      case .transform(let policy):
        let shape = images.shape.removing(axes: [0])
        elements = elements.map {
          policy.apply(to: Tensor(shape, .f64($0)), using: &source).doubles
        }
      case .mixup(let concentration):
        let others = try batch.partners(
          1, companions, classCount, isPermutation: true, using: &source)
        let share = source.beta(concentration)
        (elements, batch.shares) = mixed(
          elements, batch.shares, others, shares: elements.map { _ in [share, 1 - share] })
      case .instaHide(let count):
        let others = try batch.partners(
          count - 1, companions, classCount, isPermutation: false, using: &source)
        let shares = elements.map { _ in source.cappedShares(count, cap: instaHideCap) }
        (elements, batch.shares) = mixed(elements, batch.shares, others, shares: shares)
        // Around mid-grey, as the paper's images are around 0.
        elements = elements.map { image in
          image.map { source.integer(below: 2) == 0 ? $0 : 1 - $0 }
        }
      case .secureAggregation(let clients):
        let others = try batch.added(
          (clients - 1) * labels.count, from: companions, using: &source)
        elements += others.map { other in
          // The other clients do with their images what this one did.
          chain.defences[..<index].reduce(other.image) { image, earlier in
            guard case .transform(let policy) = earlier else { return image }
            return policy.apply(to: image, using: &source)
          }.doubles
        }
        batch.shares += others.map { oneHot($0.label, classCount) }
      case .gaussian, .laplacian, .prune, .topK, .randomK, .deepGradientCompression, .rounding,
        .int8, .qsgd, .ternGrad, .signSGD, .clip, .dpSGD, .freeze, .soteria, .adapters, .bottleneck:
        continue
      }
      let shape = Shape([elements.count] + images.shape.dimensions.dropFirst())
      batch.images = Tensor(shape, images.dtype, elements.flatMap(\.self))
      if defence.encodesImages {
        batch.encodings = Array(unstacked(batch.images).prefix(labels.count))
      }
    }
    return batch
  }
}

/// The greatest share of one image in an InstaHide encoding (Huang et al. 2020, section 4).
private let instaHideCap = 0.65

private func oneHot(_ label: Int, _ classCount: Int) -> [Double] {
  (0..<classCount).map { $0 == label % classCount ? 1 : 0 }
}

/// An image's elements, and the shares of its classes.
private typealias Ingredient = (elements: [Double], shares: [Double])

/// Each image times its first share, plus its partners times the others; labels likewise.
private func mixed(
  _ images: [[Double]], _ labels: [[Double]], _ partners: [[Ingredient]], shares: [[Double]]
) -> ([[Double]], [[Double]]) {
  var (mixedImages, mixedLabels) = (images, labels)
  for index in images.indices {
    let own = shares[index][0]
    mixedImages[index] = images[index].map { own * $0 }
    mixedLabels[index] = labels[index].map { own * $0 }
    for (partner, share) in zip(partners[index], shares[index].dropFirst()) {
      for (at, value) in partner.elements.enumerated() { mixedImages[index][at] += share * value }
      for (at, value) in partner.shares.enumerated() { mixedLabels[index][at] += share * value }
    }
  }
  return (mixedImages, mixedLabels)
}

extension EncodedBatch {
  /// For each image `count` others to mix it with: of the batch as far as it reaches, then companions.
  ///
  /// - Parameter isPermutation: whether each image of a batch of several is the partner of one, as in
  ///   MixUp's code, where that may be itself.
  fileprivate func partners(
    _ count: Int, _ companions: [Companion], _ classCount: Int, isPermutation: Bool,
    using source: inout RandomSource
  ) throws(AttackError) -> [[Ingredient]] {
    let own = zip(unstacked(images), shares).map {
      Ingredient(elements: $0.doubles, shares: $1)
    }
    if isPermutation, own.count > 1 {
      return source.permutation(of: own.count).map { [own[$0]] }
    }
    let others = companions.map {
      Ingredient(elements: $0.image.doubles, shares: oneHot($0.label, classCount))
    }
    var result: [[Ingredient]] = []
    for index in own.indices {
      var pool = own
      pool.remove(at: index)
      pool = source.permutation(of: pool.count).map { pool[$0] }
      pool += source.permutation(of: others.count).map { others[$0] }
      try EncodedBatch.checkPartners(count, of: pool.count)
      result.append(Array(pool.prefix(count)))
    }
    return result
  }

  /// - Throws: ``AttackError`` when there are not enough images to mix one with.
  static func checkPartners(_ needed: Int, of count: Int) throws(AttackError) {
    guard count >= needed else {
      throw AttackError(
        "each image is to be mixed with \(needed) others, and there are \(count); mix fewer, or give "
          + "more images")
    }
  }

  /// - Throws: ``AttackError`` when there are not enough images for the other clients of a sum.
  static func checkOthers(_ needed: Int, of count: Int) throws(AttackError) {
    guard count >= needed else {
      throw AttackError(
        "the other clients of the sum need \(needed) images, and there are \(count); take fewer "
          + "clients, or give more images")
    }
  }

  fileprivate func added(
    _ count: Int, from companions: [Companion], using source: inout RandomSource
  ) throws(AttackError) -> [Companion] {
    try EncodedBatch.checkOthers(count, of: companions.count)
    return source.permutation(of: companions.count).prefix(count).map { companions[$0] }
  }
}
