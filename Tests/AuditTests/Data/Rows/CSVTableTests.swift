import ModelIO
import Testing

@testable import Audit

/// Files of comma-separated values, also hostile ones.
@Suite struct CSVTableTests {
  private func table(_ text: String) throws(FileError) -> CSVTable {
    try CSVTable(bytes: Array(text.utf8), path: "t.csv")
  }

  private func problem(_ bytes: [UInt8]) -> String? {
    do {
      _ = try CSVTable(bytes: bytes, path: "t.csv")
      return nil
    } catch {
      return error.problem
    }
  }

  @Test(arguments: ["\n", "\r\n", "\r"]) func linesEndAsTheyDo(_ end: String) throws {
    let text = ["a,b", "1,", "\"x, \"\"y\"\"\",2"].joined(separator: end)
    for tail in ["", end, end + end] {
      let read = try table(text + tail)
      #expect(read.header == ["a", "b"])
      #expect(read.rows == [["1", ""], ["x, \"y\"", "2"]])
    }
  }

  @Test func aMarkOfByteOrderIsNoPartOfAName() throws {
    #expect(try table("\u{FEFF}a,b\n1,2\n").header == ["a", "b"])
  }

  @Test func aLineEndWithinQuotesIsText() throws {
    #expect(try table("a,b\n\"1\r\n2\",3\n").rows == [["1\r\n2", "3"]])
  }

  @Test func oneColumnMayHaveEmptyLines() throws {
    #expect(try table("a\n1\n\n2\n").rows == [["1"], [""], ["2"]])
  }

  @Test(arguments: [
    ("", "the file is empty"), ("a,b\n", "no row"), ("a,b\n1,2\n3\n", "row 2 has 1 cell"),
    ("a,b\n1,2,3\n", "row 1 has 3 cells"), ("a,b\n1,2\n\n3,4\n", "row 2 has 1 cell"),
    ("a,a\n1,2\n", "two columns are called \"a\""), (",a\n1,2\n", "column 1 has no name"),
    ("a,b\n1,\"2\n", "row 1, column 2 has a quotation mark that is never closed"),
    ("a,b\n1,2\"3\n", "row 1, column 2 has a quotation mark in the middle"),
    ("a,b\n\"1\"2,3\n", "row 1, column 1 goes on behind its closing quotation mark"),
    ("a;b\n1\n", "row 1 has 1 cell"), ("a,b\n1,\0\n", "holds a zero byte"),
  ]) func whatIsNoTableIsRefused(_ text: String, _ words: String) throws {
    let found = try #require(problem(Array(text.utf8)))
    #expect(found.contains(words), "\(found)")
  }

  @Test func whatIsNoTextOrTooLargeIsRefused() throws {
    #expect(problem(Array("a,b\n1,".utf8) + [0xE9])?.contains("no text in UTF-8") == true)
    let wide = [String](repeating: "1", count: 1_000_000).joined(separator: ",")
    #expect(problem(Array(wide.utf8))?.contains("more than the 10000 cells") == true)
    let long = String(repeating: "x", count: 70_000)
    #expect(problem(Array("a,b\n1,\(long)\n".utf8))?.contains("is longer than") == true)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let rows = [["1,5", "say \"no\""], ["", "a\nb"]]
    let text = CSVTable.text(header: ["a", "b"], rows: rows)
    #expect(try table(text).rows == rows)
  }
}
