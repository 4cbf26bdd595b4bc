import Clients
import TensorGraph

/// An image's elements, and the shares of its classes.
typealias Ingredient = (elements: [Double], shares: [Double])

extension EncodedBatch {
  /// Mixes each image and label with its partners'.
  ///
  /// - Parameters:
  ///   - shares: for each image its own share and those of its partners.
  ///   - finish: what becomes of a mixture.
  mutating func mix(
    with partners: [[Ingredient]], shares: [[Double]], finish: (inout [Double]) -> Void = { _ in }
  ) {
    var mixtures = elements.map(\.doubles)
    for index in mixtures.indices {
      let own = shares[index][0]
      mixtures[index] = mixtures[index].map { own * $0 }
      self.shares[index] = self.shares[index].map { own * $0 }
      for (partner, share) in zip(partners[index], shares[index].dropFirst()) {
        for (at, value) in partner.elements.enumerated() { mixtures[index][at] += share * value }
        for (at, value) in partner.shares.enumerated() { self.shares[index][at] += share * value }
      }
      finish(&mixtures[index])
    }
    setImages(mixtures)
  }

  /// For each image `count` others to mix it with: of the batch as far as it reaches, then companions.
  ///
  /// - Parameter isPermutation: whether each image of a batch of several is the partner of one, as in
  ///   MixUp's code, where that may be itself.
  func partners(
    _ count: Int, in round: inout EncodingRound, isPermutation: Bool
  ) throws(AttackError) -> [[Ingredient]] {
    let own = zip(unstacked(images), shares).map {
      Ingredient(elements: $0.doubles, shares: $1)
    }
    if isPermutation, own.count > 1 {
      return round.source.permutation(of: own.count).map { [own[$0]] }
    }
    let others = round.companions.map {
      Ingredient(elements: $0.image.doubles, shares: oneHot($0.label, round.classCount))
    }
    var result: [[Ingredient]] = []
    for index in own.indices {
      var pool = own
      pool.remove(at: index)
      pool = round.source.permutation(of: pool.count).map { pool[$0] }
      pool += round.source.permutation(of: others.count).map { others[$0] }
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
}
