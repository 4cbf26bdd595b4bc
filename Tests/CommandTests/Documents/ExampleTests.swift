import Foundation
import TestSupport
import Testing

/// The programs of `Examples`, which see what any other package sees.
@Suite struct ExampleTests {
  private static let readme = packageRoot.appending(path: "Examples/README.md")
  private let folder = TestFolder()

  @Test(arguments: ["GradientFile", "OwnAttack", "OwnDefence"])
  func printsWhatIsWritten(_ example: String) throws {
    let run = try BuiltTool.run([folder.path], in: folder.path, example: example)
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    let text = try String(contentsOf: Self.readme, encoding: .utf8)
    #expect(
      text.contains("```console\n$ swift run -c release \(example)\n\(run.output)```"),
      "\(run.output)")
  }

  @Test func everyExampleIsRun() throws {
    let programs = try FileManager.default.contentsOfDirectory(
      atPath: Self.readme.deletingLastPathComponent().path
    ).filter { $0 != "README.md" }
    #expect(programs.sorted() == ["GradientFile", "OwnAttack", "OwnDefence"])
  }
}
