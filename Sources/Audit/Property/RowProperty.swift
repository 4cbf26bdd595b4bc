import Clients

/// The rows of a table with and without a property, for a ``PropertyStudy``.
package struct RowProperty {
  /// Rows with a label of which it is known.
  package let pool: [PropertyExample]
  /// With what labels stand for where they are no classes.
  package let loss: ClientLoss
  private let rule: PropertyRule
  private let isInput: Bool
  private let unknown: Int

  /// - Throws: ``ExperimentError`` when the property is the label's, or there is no table; `FileError` when no row has it or all
  ///   have.
  package init(_ rule: PropertyRule, _ runner: RowRunner, _ loss: ClientLoss) throws {
    guard let source = runner.table.source else {
      throw ExperimentError("data.table", "has no rows, whose property is asked for; give its file")
    }
    guard rule.column != runner.table.schema.label else {
      throw ExperimentError(
        "data.table",
        "has \(rule.column.quotedForMessage) as the label that the model learns to tell; ask of another column"
      )
    }
    let rows = try rule.rows(of: source)
    let labelled = Set(runner.table.labelledRows)
    let having = rows.having.filter(labelled.contains)
    let lacking = rows.lacking.filter(labelled.contains)
    let (examples, given) = try runner.examples((having + lacking).map(String.init), loss)
    pool = examples.enumerated().map {
      PropertyExample($0.element, hasProperty: $0.offset < having.count)
    }
    self.loss = given
    self.rule = rule
    isInput = runner.table.schema.inputs.contains { $0.column.name == rule.column }
    unknown = source.rows.count - examples.count
  }

  /// The record of a study with what the table tells of the property.
  package func completing(_ record: PropertyRecord) -> PropertyRecord {
    var record = record
    (record.property, record.isInput, record.unknown) = (rule.description, isInput, unknown)
    return record
  }
}
