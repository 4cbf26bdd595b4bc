/// How well the words that occur in batches are told, beside naming every word that there is.
package struct OccurringWordsRate: Sendable {
  private let named: Int
  private let right: Int
  private let occurring: Int
  private let known: Int

  /// - Returns: nil where no column's words were told, or the truth is not known.
  package init?(_ columns: [TableDetails.OccurringWords]) {
    let scored = columns.compactMap { column in
      column.originals.map { (words: Set(column.words), originals: Set($0), known: column.known) }
    }
    guard !scored.isEmpty else { return nil }
    named = scored.reduce(0) { $0 + $1.words.count }
    right = scored.reduce(0) { $0 + $1.words.intersection($1.originals).count }
    occurring = scored.reduce(0) { $0 + $1.originals.count }
    known = scored.reduce(0) { $0 + $1.known }
  }

  /// For people, with a full stop.
  package var sentence: String {
    "Words that occur in a batch, by the gradient's zeros: \(right) of the \(occurring) named, \(named - right) wrongly; naming all "
      + "\(known) would be wrong in \(known - occurring)."
  }
}
