import Clients

extension ImageResult {
  /// Adds what the labels stand for, where they are no single classes.
  ///
  /// - Parameters:
  ///   - loss: whose labels the record's are.
  ///   - recovered: the label that was found, of the loss `found`.
  mutating func name(labels loss: ClientLoss, recovered: Int, of found: ClientLoss) {
    if let mask {
      trueTarget = trueLabel.map { _ in "mask" }
      recoveredTarget = mask.shortWords
      return
    }
    guard loss.targets != nil || found.targets != nil else { return }
    trueTarget = trueLabel.map { loss.name(of: $0) }
    recoveredTarget = found.name(of: recovered)
  }

  /// The true label for people: a class number, or its target.
  public var trueLabelName: String? { trueTarget ?? trueLabel.map(String.init) }

  /// The recovered label likewise.
  public var recoveredLabelName: String { recoveredTarget ?? String(recoveredLabel) }
}
