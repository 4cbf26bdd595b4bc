import ModelIO
import Testing

@testable import Audit

/// What the columns of a table are: inferred, written, read, and held against cells.
@Suite struct TableSchemaTests {
  private func inferred(
    _ text: String, label: String = "y", ignoring: Set<String> = []
  ) throws(FileError) -> TableSchema {
    try TableSchema(
      inferredFrom: CSVTable(bytes: Array(text.utf8), path: "t.csv"), label: label,
      ignoring: ignoring)
  }

  private func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing"
    } catch let error as FileError {
      return error.problem
    } catch {
      return "\(error)"
    }
  }

  private let sample = #"""
    id,age,weight,town,flag,note,y
    1,30,61.25,"Ulm",TRUE,,0
    2,41,70.5,"Bonn ""am Rhein""",FALSE,,1
    3,52,,Ulm,TRUE,,2

    """#

  @Test func kindsAreThoseOfTheCells() throws {
    let schema = try inferred(sample, ignoring: ["id"])
    let kinds = Dictionary(uniqueKeysWithValues: schema.columns.map { ($0.name, $0.kind) })
    #expect(kinds["id"] == .ignored && kinds["note"] == .ignored)
    #expect(kinds["age"] == .integer(30...52))
    #expect(kinds["weight"] == .continuous(61.25...70.5, decimals: 2))
    #expect(kinds["town"] == .categorical(["Bonn \"am Rhein\"", "Ulm"]))
    #expect(kinds["flag"] == .categorical(["FALSE", "TRUE"]))
    #expect(kinds["y"] == .categorical(["0", "1", "2"]))
    #expect(schema.columns.filter(\.mayBeMissing).map(\.name) == ["weight"])
    #expect(schema.inputs.map(\.column.name) == ["age", "weight", "town", "flag"])
  }

  @Test func whatIsPrintedIsReadAgain() throws {
    let schema = try inferred(sample)
    #expect(try TableSchema(yaml: schema.yaml, path: "s.yaml") == schema)
    let bundled = try TableSchema(yaml: BundledTable.schema, path: "patients")
    #expect(try TableSchema(yaml: bundled.yaml, path: "s.yaml") == bundled)
    #expect(bundled.columns.contains { $0.kind == .ordinal(["none", "basic", "full"]) })
  }

  @Test(arguments: [
    ("1,2024-03-01,0", "row 1, column \"b\": is the date"),
    ("1,3/1/24,0", "row 1, column \"b\": is the date"),
    ("1,5,0\n2,6,1\n3,x,0", "row 3, column \"b\": is \"x\", and other cells"),
    ("1,5,0\n2,NaN,1\n3,inf,0", "row 2, column \"b\": is \"NaN\""),
  ]) func mixturesAreRefusedWithTheirPlace(_ rows: String, _ words: String) {
    let found = problem { _ = try inferred("a,b,y\n\(rows)\n") }
    #expect(found.contains(words), "\(found)")
  }

  @Test func namesMustBeThere() {
    #expect(problem { _ = try inferred("a,y\n1,0\n", label: "z") }.contains("no column is called"))
    #expect(
      problem { _ = try inferred("a,y\n1,0\n", ignoring: ["a"]) }.contains("no column is left"))
  }

  @Test(arguments: [
    ("label: y", "columns is no list"), ("- a", "no list of keys"),
    ("label: y\ncolumns: []", "no list"),
    ("label: y\nother: 1\ncolumns: [{name: y, kind: ignored}]", "\"other\" is no key"),
    ("label: y\ncolumns: [{name: y, kind: number}]", "kind is \"number\""),
    ("label: y\ncolumns: [{name: y, kind: integer}]", "bounds is missing"),
    ("label: y\ncolumns: [{name: y, kind: integer, bounds: [2, 1]}]", "bounds are no two numbers"),
    ("label: y\ncolumns: [{name: y, kind: categorical, values: [a, a]}]", "no different words"),
    (
      "label: y\ncolumns: [{name: y, kind: integer, bounds: [0, 1], scale: {by: magic}}]",
      "\"magic\""
    ),
    ("label: z\ncolumns: [{name: y, kind: integer, bounds: [0, 1]}]", "the label \"z\""),
    ("label: y\ncolumns: [{name: y, kind: ignored}, {name: y, kind: ignored}]", "two columns"),
  ]) func whatIsNoSchemaIsRefused(_ yaml: String, _ words: String) {
    let found = problem { _ = try TableSchema(yaml: yaml, path: "s.yaml") }
    #expect(found.contains(words), "\(found)")
  }

  @Test(arguments: [
    ("7,a", "row 1, column \"a\": is 7, outside"), ("x,a", "which is no number"),
    ("1.5,a", "of whole numbers"), (",a", "row 1, column \"a\": is empty"),
    ("1,c", "none of the 2 values"),
    ("nan,a", "which is no number"), ("2024-01-01,a", "is the date"),
    ("0x1,a", "which is no number"),
  ]) func cellsAreHeldAgainstTheSchema(_ row: String, _ words: String) throws {
    let schema = try TableSchema(
      yaml: """
        label: b
        columns:
          - {name: a, kind: integer, bounds: [0, 5]}
          - {name: b, kind: categorical, values: [a, b]}
        """, path: "s.yaml")
    let table = try CSVTable(bytes: Array("a,b\n\(row)\n".utf8), path: "t.csv")
    let found = problem { _ = try LoadedTable(table, schema) }
    #expect(found.contains(words), "\(found)")
  }

  @Test func aColumnThatTheSchemaDoesNotKnowIsRefused() throws {
    let schema = try inferred("a,y\n1,0\n2,1\n3,0\n")
    let table = try CSVTable(bytes: Array("a,c,y\n1,2,0\n".utf8), path: "t.csv")
    #expect(
      problem { _ = try LoadedTable(table, schema) }.contains("does not know its column \"c\""))
  }
}
