import Solvers
import Testing

@testable import Audit

/// Rows as inputs of a model, and back.
@Suite struct RowEncodingTests {
  private let table: LoadedTable

  init() throws {
    table = try LoadedTable(TableChoice(file: BundledTable.name))
  }

  @Test func everyRowComesBack() {
    #expect(table.rows.count == 240 && table.encoding.width == 19)
    for row in table.rows {
      let inputs = table.encoding.inputs(Array(row.dropLast()))
      #expect(inputs.count == table.encoding.width)
      #expect(table.encoding.snapped(inputs) == Array(row.dropLast()))
    }
  }

  @Test func smallErrorsAreTakenAway() {
    var source = RandomSource(seed: 3)
    for row in table.rows.prefix(40) {
      let inputs = table.encoding.inputs(Array(row.dropLast())).map {
        $0 + source.uniform(in: -1e-4..<1e-4)
      }
      #expect(table.encoding.snapped(inputs) == Array(row.dropLast()))
    }
  }

  @Test func inputsAreScaledAndOneHot() throws {
    let age = try #require(table.columns.first)
    #expect(age.name == "age" && age.scaled(68) == 1 && age.unscaled(1) == 68)
    let encoding = RowEncoding([
      .init(name: "c", kind: .categorical(["a", "b"]), mayBeMissing: true),
      .init(name: "n", kind: .integer(10...20), mayBeMissing: true, scaling: .minimumMaximum),
      .init(name: "o", kind: .ordinal(["x", "y", "z"])),
    ])
    #expect(encoding.inputs([.word(1), .number(15), .word(1)]) == [0, 1, 0, 0.5, 0, 0.5])
    #expect(encoding.inputs([.missing, .missing, .word(2)]) == [0, 0, 1, 0, 1, 1])
    #expect(
      encoding.snapped([0.2, 0.1, 0.9, 4, 0.9, -3]) == [.missing, .missing, .word(0)])
    // What diverged or lies outside stays within the schema.
    #expect(
      encoding.snapped([.nan, -.infinity, 7, 99, 0, .nan]) == [.missing, .number(20), .word(0)])
  }

  @Test func numbersAreEqualInTheirDecimals() {
    let column = TableSchema.Column(name: "x", kind: .continuous(0...10, decimals: 2))
    #expect(column.areEqual(.number(1.23), .number(1.2300001)))
    #expect(!column.areEqual(.number(1.23), .number(1.24)))
    #expect(!column.areEqual(.number(1), .missing) && column.areEqual(.missing, .missing))
    #expect(column.text(.number(1.5)) == "1.5" && column.text(.missing) == "")
  }
}
