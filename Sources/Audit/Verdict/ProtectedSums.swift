import Leakage

/// What cryptography would leave of a leak. Secure aggregation is simulated where records say so;
/// encryption never is, since there would be nothing to attack.
extension Report {
  /// Sentences, each a paragraph of its own; none without runs.
  public var protections: [String] {
    guard !verdict.examples.isEmpty else { return [] }
    return [secureAggregation, encryption]
  }

  private var secureAggregation: String {
    let sums = input.records.filter { $0.summedClients > 1 }
    let byClients = Dictionary(grouping: sums) { $0.summedClients }
    let measured = byClients.keys.sorted().map { clients in
      let records = byClients[clients] ?? []
      let examples = records.flatMap(\.judged)
      let leaked = LeakRate(
        records.flatMap { record in
          record.judged.map {
            LeakRate.Item(record.level(of: $0).outcome, ties: record.ties(of: $0))
          }
        })
      let labels = SuccessRate(examples.compactMap(\.isLabelRight))
      return
        "in the sum of \(clients) clients \(leaked) of the \(verdict.kind.plural) can be recognised and "
        + "\(labels) of the labels were found"
    }
    let result =
      measured.isEmpty
      ? "It was not simulated here"
        + (verdict.kind.name == .pictures
          ? "; the defence secure-aggregation:CLIENTS does."
          : "; an experiment of several clients does.")
      : "Simulated as one batch of all clients' \(verdict.kind.plural), without the cryptography and with honest "
        + "clients: \(measured.joined(separator: "; "))."
    return
      "Secure aggregation shows the server only the sum of its clients (Bonawitz et al. 2017). "
      + "\(result) It leaves the number of clients, and what a batch of all their \(verdict.kind.plural) leaves: the "
      + "counts of labels, and \(verdict.kind.plural) where the sum is of few. It does not hold against a server that "
      + "sends different weights to different clients (Pasquini et al. 2022, arXiv 2111.07380), "
      + "which was not simulated."
  }

  private var encryption: String {
    "Homomorphic encryption of updates shows the server shapes and sizes alone (Phong et al. 2018, "
      + "IEEE TIFS 13). There is nothing to attack, so nothing was simulated: this is by "
      + "construction, if the keys are kept and the implementation is sound. Whoever decrypts the sum "
      + "sees what secure aggregation leaves; and a server that chooses the weights still chooses what "
      + "clients compute, so that labels and \(verdict.kind.plural) can be made to show in the sum."
  }
}

extension RunRecord {
  /// Clients of whose updates the attacker saw the sum alone; 1 where there was no other.
  fileprivate var summedClients: Int {
    defence?.chain.clientCount ?? (kind == .pictures ? nil : threatModel.clients) ?? 1
  }
}
