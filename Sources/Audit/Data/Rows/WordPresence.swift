import Attacks
import Clients
import ModelIO

extension TableDetails {
  /// Enters which words occur in a batch, as far as its update's zeros tell: a word that no row has leaves the weights of its
  /// input, or its embedding, without a gradient. That holds at any batch size.
  ///
  /// - Parameter truth: empty where it is not known.
  mutating func enterOccurringWords(
    _ update: SharedUpdate, _ model: Model, _ table: LoadedTable, truth: [PrivateRow]
  ) {
    let inputs = TouchedInputs(update, model)
    guard inputs.isTold else { return }
    let found = zip(table.encoding.columns, table.encoding.ranges).enumerated().compactMap {
      place, item -> OccurringWords? in
      let (column, range) = item
      guard case .categorical(let values) = column.kind else { return nil }
      let words = values + (column.mayBeMissing ? [""] : [])
      let touched = range.map { inputs.touched[$0] }
      guard touched.allSatisfy({ $0 != nil }) else { return nil }
      let rows = Set(truth.map { column.text($0.values[place]) })
      return OccurringWords(
        column: column.name, words: zip(words, touched).filter { $1 == true }.map(\.0),
        originals: truth.isEmpty ? nil : words.filter(rows.contains), known: words.count)
    }
    if !found.isEmpty { occurring = found }
  }
}
