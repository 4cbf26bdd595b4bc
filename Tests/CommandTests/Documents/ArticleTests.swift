import Foundation
import TestSupport
import Testing

/// The Swift in CONTRIBUTING.md and in the articles of the libraries' documentation is code of a test or of an
/// example, where it is compiled and run.
@Suite struct ArticleTests {
  /// All files below a folder whose names end so.
  private static func files(in folder: String, _ ending: String) -> [URL] {
    let files = FileManager.default.enumerator(
      at: packageRoot.appending(path: folder), includingPropertiesForKeys: nil)
    return (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == ending }
  }

  private static let articles =
    [packageRoot.appending(path: "CONTRIBUTING.md"), packageRoot.appending(path: "README.md")]
    + files(in: "Sources", "md")

  /// Without indentation: an article shows a piece by itself.
  private static func plain(_ text: some StringProtocol) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
  }

  private static let sources: [String] =
    (files(in: "Tests", "swift") + files(in: "Examples", "swift"))
    .map { plain(String(decoding: bytes(of: $0.path), as: UTF8.self)) }

  private static func blocks(of article: URL) -> [String] {
    String(decoding: bytes(of: article.path), as: UTF8.self)
      .components(separatedBy: "```swift\n").dropFirst().map {
        $0.components(separatedBy: "```")[0]
      }
  }

  @Test(arguments: articles) func everyBlockIsCompiled(_ article: URL) {
    for block in Self.blocks(of: article) {
      let code = Self.plain(block)
      #expect(Self.sources.contains { $0.contains(code) }, "\(article.lastPathComponent): \(block)")
    }
  }

  /// What the articles promise is there to be checked.
  @Test(arguments: ["AddAnOperator", "AddABackend", "AddAnAttack", "AddADefence", "AddAKindOfData"])
  func everyExtensionPointHasItsCode(_ name: String) throws {
    let article = try #require(
      Self.articles.first { $0.lastPathComponent == name + ".md" }, "there is no \(name).md")
    #expect(!Self.blocks(of: article).isEmpty)
  }
}
