import Foundation
import TestSupport
import Testing

@testable import gradleak

/// Tables on terminals of any width.
struct TextTableTests {
  let folder = TestFolder()

  private var table: TextTable {
    var table = TextTable(
      [("image", .left), ("MSE", .right), ("SSIM", .right), ("gap", .left), ("label", .left)],
      dispensable: ["SSIM", "MSE"])
    table.append(["chelsea", "2.8e-27", "1.0000", "-", "79 ok"])
    table.append(["coffee", "1.0e-01", "0.5000", "", "7 as 12"])
    return table
  }

  @Test func whatHoldsNothingIsLeftOut() {
    #expect(
      table.lines() == [
        "image        MSE    SSIM  label", "-------------------------------",
        "chelsea  2.8e-27  1.0000  79 ok", "coffee   1.0e-01  0.5000  7 as 12",
      ])
  }

  @Test func theLeastImportantGoesFirst() {
    #expect(table.lines(width: 33) == table.lines())
    #expect(table.lines(width: 32)[0] == "image        MSE  label")
    #expect(table.lines(width: 22)[0] == "image    label")
  }

  @Test func aNarrowTerminalGetsOneLineForEachCell() {
    #expect(
      table.lines(width: 15) == [
        "image: chelsea", "MSE: 2.8e-27", "SSIM: 1.0000",
        "label: 79 ok",
        "", "image: coffee", "MSE: 1.0e-01", "SSIM: 0.5000", "label: 7 as 12",
      ])
    #expect(table.lines(width: 5).allSatisfy { $0.count <= 5 })
  }

  /// Nothing that is printed to a terminal is wider than it, whatever the command.
  @Test(arguments: [44, 80, 200])
  func everyListFits(_ columns: Int) throws {
    folder.picture("photo-57x37.png")
    for command in [
      "models", "defences", "attacks", "attacks fishing", "rank",
      "analyse chelsea --size 8",
      "reconstruct photo.png coffee --attack peeling --size 8 --quiet", "onnx-operators",
      "malicious --images 2 --bins 4 --model mlp --width 8 --quiet",
    ] {
      let terminal = try PseudoTerminal(columns: columns)
      let process = try BuiltTool.process(
        command.split(separator: " ").map(String.init), in: folder.path,
        environment: ["NO_COLOR": "1"])
      process.standardOutput = terminal.inside
      try BuiltTool.start(process)
      terminal.closeInside()
      #expect(BuiltTool.finish(process) == 0, "\(command)")
      let lines = terminal.capture.text().split(separator: "\r\n")
      // Names of operators and rows of a preset are words that no line can hold.
      let wide = lines.filter { $0.count > columns && $0.contains(" ") }
      #expect(!lines.isEmpty && wide.isEmpty, "\(command) \(columns): \(wide)")
    }
  }

  /// A pipe gets the whole table, as wide as it is.
  @Test func pipesGetAllColumns() throws {
    let run = try BuiltTool.run(
      ["reconstruct", "chelsea", "--attack", "peeling", "--size", "16"], in: folder.path,
      environment: ["COLUMNS": "44"])
    #expect(
      run.output.contains("image        MSE  PSNR dB    SSIM  label  trials    time  recovered"))
  }
}
