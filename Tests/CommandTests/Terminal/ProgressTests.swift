import Audit
import Foundation
import TensorGraph
import TestSupport
import Testing

@testable import gradleak

/// What is shown of long work.
struct ProgressTests {
  let folder = TestFolder()

  @Test func theLessImportantPartsGoFirst() {
    var text = ProgressText()
    text.add("[1/2] chelsea", importance: 9)
    text.add("trial 1/5", importance: 1)
    text.add("31 dB", importance: 5)
    text.add("", importance: 8)
    #expect(text.line(width: 31) == "[1/2] chelsea  trial 1/5  31 dB")
    #expect(text.line(width: 30) == "[1/2] chelsea  31 dB")
    #expect(text.line(width: 19) == "[1/2] chelsea")
  }

  @Test func bars() {
    #expect(ProgressText.bar(0, isUnicode: false) == "----------")
    #expect(ProgressText.bar(0.57, isUnicode: false) == "#####-----")
    #expect(ProgressText.bar(7, isUnicode: true) == "━━━━━━━━━━")
  }

  /// No time is told where none is known.
  @Test func timeLeft() {
    #expect(TimeLeft.unknown.text.isEmpty && TimeLeft.about(.infinity).text.isEmpty)
    #expect(TimeLeft.about(34.2).text == "ETA 0:35")
    #expect(TimeLeft.atMost(3725).text == "at most 1:02:05")
  }

  @Test func theNearestOf256Colors() {
    #expect(PictureBlocks.index256([0, 0, 0]) == 16)
    #expect(PictureBlocks.index256([255, 255, 255]) == 231)
    #expect(PictureBlocks.index256([255, 0, 0]) == 196)
    #expect(PictureBlocks.index256([128, 128, 128]) == 244)
  }

  @Test func picturesFitTheTerminal() {
    let picture = Tensor(
      Shape([1, 16, 16]), .f64((0..<256).map { Double($0 % 16) / 15 }))
    let pictures = (0..<3).map { _ in PictureProgress(found: picture, original: picture) }
    let blocks = PictureBlocks(palette: .trueColor)
    for columns in [20, 44, 80, 200] {
      for rows in [6, 17] {
        let lines = blocks.lines(pictures, columns: columns, rows: rows)
        #expect(lines.count <= rows && lines.count > 4, "\(columns) \(rows)")
        #expect(lines.allSatisfy { visible($0).count <= columns }, "\(columns) \(rows)")
      }
    }
    #expect(blocks.lines(pictures, columns: 12, rows: 17).isEmpty)
    #expect(blocks.lines([], columns: 80, rows: 17).isEmpty)
    #expect(
      blocks.cells(of: picture, columns: 1, pixelRows: 2)
        == ["\u{1B}[38;2;128;128;128;48;2;128;128;128m▀\u{1B}[0m"])
  }

  /// Without what colours it.
  private func visible(_ line: String) -> String {
    line.components(separatedBy: "\u{1B}[").enumerated().map { index, part in
      index == 0 ? part : String(part.drop { !$0.isLetter }.dropFirst())
    }.joined()
  }

  @Test(arguments: [
    (["LANG": "C.UTF-8", "TERM": "xterm-256color"], [], true),
    (["LC_ALL": "en_US.utf8", "COLORTERM": "truecolor"], [], true),
    (["LANG": "C.UTF-8", "COLORTERM": "truecolor", "NO_COLOR": "1"], [], false),
    (["LANG": "C.UTF-8", "COLORTERM": "truecolor", "TERM": "dumb"], [], false),
    (["LANG": "C", "COLORTERM": "truecolor"], [], false),
    (["LANG": "C.UTF-8", "COLORTERM": "truecolor"], ["--quiet"], false),
  ])
  func aPictureEmerges(_ environment: [String: String], _ more: [String], _ isShown: Bool) throws {
    folder.picture("photo-57x37.png")
    let terminal = try PseudoTerminal(columns: 44)
    let process = try BuiltTool.process(
      [
        "reconstruct", "photo.png", "--size", "16", "--attack", "dlg", "--threshold", "0",
        "--time-limit", "0.5",
      ] + more, in: folder.path, environment: environment)
    process.standardError = terminal.inside
    try BuiltTool.start(process)
    terminal.closeInside()
    #expect(BuiltTool.finish(process) == 0)
    let text = terminal.capture.text()
    #expect(text.contains("▀") == isShown)
    #expect(text.contains("private") == isShown)
    guard isShown else { return }
    #expect(text.split(separator: "\r\n").allSatisfy { visible(String($0)).count <= 44 + 44 })
    // Redrawn in place, and gone in the end.
    #expect(text.contains("\r\u{1B}[9A\u{1B}[K[1/1] photo"))
    #expect(text.contains("\u{1B}[9A\u{1B}[J"))
  }
}
