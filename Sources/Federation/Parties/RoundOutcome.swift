import TensorGraph

/// What became of a round.
package struct RoundOutcome: Sendable {
  /// Workers whose shares are in the mean, ascending.
  package var members: [Int] = []
  /// Workers that the round began with and that are not in it.
  package var missing: [Int] = []
  /// Why it came to nothing, with as many workers left as another round needs; nil where it came to its end.
  package var failure: String?
  /// How often it was begun.
  package var attempts = 1
  /// The mean loss of the members' first steps, weighted by their examples.
  package var loss = Double.nan
  /// From a parameter server, what the members shared, weighted by their numbers of examples; one f32 tensor for each
  /// parameter.
  package var mean: [Tensor] = []
  /// The weights that came of it, where workers alone know them and one told the study; empty otherwise.
  package var after: [Tensor] = []
  /// Bytes that the server received and sent; in a ring what neighbours sent each other.
  package var traffic = (received: 0, sent: 0)
  /// What was seen of it, where it was tapped.
  package var tap: RoundTap?

  /// Enters what the members told the study.
  mutating func enter(_ reports: [Int: StudyReport], of members: [Int]) {
    let told = members.compactMap { member in reports[member].map { (member, $0) } }
    let examples = told.reduce(0) { $0 + $1.1.examples }
    loss = told.reduce(0) { $0 + $1.1.loss * Double($1.1.examples) } / Double(max(examples, 1))
    for (member, report) in told {
      if let batch = report.batch { tap?.batches[member] = batch }
      if !report.share.isEmpty { tap?.shares[member] = report.share }
      if !report.hops.isEmpty { tap?.hops[member] = report.hops }
    }
  }
}

/// All that a study knows of one round, of which each party knows a part.
package struct RoundTap: Sendable {
  /// From 0.
  package var round: Int
  /// The weights that the members got, in f32.
  package var before: [Tensor]
  /// The members' private batches.
  package var batches: [Int: Batch] = [:]
  /// What members shared, or would have without protection.
  package var shares: [Int: [Tensor]] = [:]
  /// Members whose shares the server saw in the clear.
  package var inClear: Set<Int> = []
  /// The worker that a server is after that does more than look on; nil for none.
  package var victim: Int?
  /// What the server came to: the mean of what the members shared; empty where it does not know.
  package var mean: [Tensor] = []
  /// Of a second run on the same weights without the victim; likewise.
  package var meanWithout: [Tensor] = []
  /// The weights that came of the round, which all members get to know, in f32; empty while it goes on.
  package var after: [Tensor] = []
  /// In a ring, what each member received.
  package var hops: [Int: [RingHop]] = [:]

  /// A round of which nothing was seen yet.
  ///
  /// - Parameters:
  ///   - round: from 0.
  ///   - before: the weights that the members got, in f32.
  package init(round: Int, before: [Tensor]) {
    self.round = round
    self.before = before
  }

  /// A private batch.
  package struct Batch: Sendable {
    /// [N, C, H, W]; nil of texts.
    package let images: Tensor?
    /// None of pictures.
    package let texts: [String]
    /// A class for each.
    package let labels: [Int]

    /// Pictures.
    package init(images: Tensor, labels: [Int]) {
      (self.images, texts, self.labels) = (images, [], labels)
    }

    /// Texts.
    package init(texts: [String], labels: [Int]) {
      (images, self.texts, self.labels) = (nil, texts, labels)
    }
  }

  /// The members, ascending.
  package var members: [Int] { batches.keys.sorted() }
}

/// A part of the sum that a member of a ring received.
package struct RingHop: Sendable {
  /// Positions in the vector of all parameters.
  package let range: Range<Int>
  /// The members whose shares are added up in it, in the order of addition.
  package let summed: [Int]
  /// The numbers.
  package let values: [Float]
}
