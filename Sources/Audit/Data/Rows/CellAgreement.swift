/// How often cells are right on which a search's starts agree, and on which they do not: what their agreement, which takes no
/// truth, is worth (Vero et al. 2023, arXiv 2210.01785, section 4.3).
package struct CellAgreement: Sendable {
  private let agreed: SuccessRate
  private let others: SuccessRate

  /// Starts that agree on a cell that counts as agreed.
  private static let least = 0.9

  /// - Returns: nil where there were no several starts.
  package init?(_ examples: [ExampleResult]) {
    let cells = examples.flatMap { $0.cells ?? [] }.compactMap { cell in
      cell.agreement.flatMap { share in cell.isRight.map { (share: share, isRight: $0) } }
    }
    guard !cells.isEmpty else { return nil }
    agreed = SuccessRate(cells.filter { $0.share >= Self.least }.map(\.isRight))
    others = SuccessRate(cells.filter { $0.share < Self.least }.map(\.isRight))
  }

  /// For people, with a full stop.
  package var sentence: String {
    "Cells on which nine of ten starts agree are right in \(agreed); others in \(others)."
  }
}
