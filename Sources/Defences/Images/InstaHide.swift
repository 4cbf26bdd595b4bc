import Clients
import ModelIO

/// Mixes so many images, and changes the sign of each pixel at random.
package struct InstaHide: ImageDefence {
  package static let descriptor = DefenceDescriptor(
    name: "instahide",
    parameters: [DefenceDescriptor.Parameter("images", 2...8, isWhole: true)],
    summary: "mixes so many images and labels, and turns each pixel's sign at random",
    source: "Huang et al. 2020, arXiv 2010.02772, section 4 (inside-dataset)",
    answer: DefenceDescriptor.Answer(
      "seeks the labels' shares together with the encoding; many encodings of the same "
        + "images are decoded (Carlini et al. 2021): see 'gradleak bench encodings'",
      seeksShares: true),
    strength: DefenceDescriptor.Strength("images mixed"),
    strengths: DefenceDescriptor.Strengths([2, 4].map { InstaHide(count: $0) }, effort: .large),
    needs: DefenceNeeds(
      imagesOnly: "it mixes pixels; \(DefenceNeeds.updateInstead)", companions: true),
    priced: [InstaHide(count: 2)],
    make: { InstaHide(count: Int($0[0])) })

  /// The greatest share of one image (section 4).
  private static let cap = 0.65

  let count: Int
  package var values: [Double] { [Double(count)] }

  /// - Parameter count: images in each mixture, 2 to 8.
  package init(count: Int) {
    self.count = count
  }

  package func apply(
    to batch: inout EncodedBatch, in round: inout EncodingRound
  ) throws(AttackError) {
    let others = try batch.partners(count - 1, in: &round, isPermutation: false)
    let shares = others.map { _ in round.source.cappedShares(count, cap: InstaHide.cap) }
    batch.mix(with: others, shares: shares) { image in
      // Around mid-grey, as the paper's images are around 0.
      for at in image.indices where round.source.integer(below: 2) != 0 {
        image[at] = 1 - image[at]
      }
    }
  }

  package func checkCompanions(_ count: Int, batchSize: Int) throws(AttackError) {
    try EncodedBatch.checkPartners(self.count - 1, of: batchSize - 1 + count)
  }
}
