import Clients
import ModelIO
import TensorGraph

/// Shares the sum of so many clients' updates only.
struct SecureAggregation: ImageDefence {
  static let descriptor = DefenceDescriptor(
    name: "secure-aggregation",
    parameters: [DefenceDescriptor.Parameter("clients", 2...1024, isWhole: true)],
    summary:
      "the server sees the sum of so many clients' updates only; simulated as one batch of "
      + "all their images, each client training on its own, without the cryptography",
    source: "Bonawitz et al. 2017, ACM CCS, section 4",
    answer: DefenceDescriptor.Answer("attacks the sum as the gradient of one large batch"),
    strength: DefenceDescriptor.Strength("clients in the sum"),
    strengths: DefenceDescriptor.Strengths(
      [2, 4, 8].map { SecureAggregation(clientCount: $0) }, effort: .large),
    needs: DefenceNeeds(
      imagesOnly: """
        it is simulated with other clients' images; give the texts of \
        all clients as one batch with \(.batchSize), whose gradient is what their sum comes to
        """,
      companions: true),
    priced: [SecureAggregation(clientCount: 4)],
    make: { SecureAggregation(clientCount: Int($0[0])) })

  let clientCount: Int
  var values: [Double] { [Double(clientCount)] }

  func conflict(with other: any Defence) -> String? {
    if other.descriptor.answer.seeksShares {
      return "mixtures in a sum of clients are not simulated; leave out \(other.name) or \(name)"
    }
    guard other.stage > .images, !other.needs.worksOnAMean else { return nil }
    return
      "of a sum of clients only noise is simulated, not \(other.name); write \(name) last, or "
      + "with gaussian or laplacian after it"
  }

  func apply(
    to batch: inout EncodedBatch, in round: inout EncodingRound
  ) throws(AttackError) {
    let count = (clientCount - 1) * batch.shares.count
    try checkCompanions(round.companions.count, batchSize: batch.shares.count)
    let others = round.source.permutation(of: round.companions.count).prefix(count).map {
      round.companions[$0]
    }
    batch.setImages(
      batch.elements.map(\.doubles)
        + others.map { other in
          // The other clients do with their images what this one did.
          round.earlier.reduce(other.image) { $1.transform($0, using: &round.source) }.doubles
        })
    batch.shares += others.map { oneHot($0.label, round.classCount) }
  }

  func checkCompanions(_ count: Int, batchSize: Int) throws(AttackError) {
    let needed = (clientCount - 1) * batchSize
    guard count >= needed else {
      throw AttackError(
        "the other clients of the sum need \(needed) images, and there are \(count); take fewer "
          + "clients, or give more images")
    }
  }
}
