import Clients
import ModelIO

/// Mixes each image and its label with another's, by one share from Beta(concentration, concentration).
struct MixUp: ImageDefence {
  static let descriptor = DefenceDescriptor(
    name: "mixup",
    parameters: [DefenceDescriptor.Parameter("alpha", 1e-3...1e3, fallback: 1)],
    summary: "mixes each image and label with another, by a share from Beta(ALPHA, ALPHA)",
    source: "Zhang et al. 2018, arXiv 1710.09412, section 2",
    answer: DefenceDescriptor.Answer(
      "seeks the labels' shares together with the mixed images", seeksShares: true),
    strength: DefenceDescriptor.Strength("concentration of the shares"),
    strengths: DefenceDescriptor.Strengths([MixUp(concentration: 1)], effort: .large),
    needs: DefenceNeeds(
      imagesOnly: "it mixes pixels; \(DefenceNeeds.updateInstead)", companions: true),
    priced: [MixUp(concentration: 1)],
    make: { MixUp(concentration: $0[0]) })

  let concentration: Double
  var values: [Double] { [concentration] }

  func apply(
    to batch: inout EncodedBatch, in round: inout EncodingRound
  ) throws(AttackError) {
    let others = try batch.partners(1, in: &round, isPermutation: true)
    let share = round.source.beta(concentration)
    batch.mix(with: others, shares: others.map { _ in [share, 1 - share] })
  }

  func checkCompanions(_ count: Int, batchSize: Int) throws(AttackError) {
    if batchSize == 1 { try EncodedBatch.checkPartners(1, of: count) }
  }
}
