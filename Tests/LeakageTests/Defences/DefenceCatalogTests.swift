import Foundation
import Testing

@testable import Defences

/// What is written of each kind holds together.
@Suite struct DefenceCatalogTests {
  /// Every kind can be written, read and listed.
  @Test(arguments: DefenceCatalog.all) func everyKindMakesItsDefence(_ kind: DefenceDescriptor)
    throws
  {
    #expect(DefenceCatalog.all.count { $0.name == kind.name } == 1)
    let values = kind.parameters.map {
      $0.isText ? "a.b" : $0.isWhole ? "3" : "\(min(max(0.25, $0.range.lowerBound), 0.25))"
    }
    let text = ([kind.name] + (values.isEmpty ? [] : [values.joined(separator: ",")]))
      .joined(separator: ":")
    let defence = try DefenceCatalog.defence(text)
    #expect(defence.description == text && defence.name == kind.name)
    #expect(defence.stage == kind.stage && defence.descriptor.usage == kind.usage)
    #expect(!kind.summary.isEmpty && !kind.source.isEmpty && !kind.answer.summary.isEmpty)
    #expect((kind.strength?.parameter ?? 0) < max(kind.parameters.count, 1))
    #expect(defence.strength == nil || kind.strength?.axis.isEmpty == false)
    for shown in kind.priced + (kind.strengths?.defences(1) ?? []) {
      #expect(shown.name == kind.name)
      #expect(try DefenceCatalog.defence(shown.description).description == shown.description)
    }
  }

  /// Strengths grow, by the direction that its kind gives.
  @Test(arguments: DefenceCatalog.all) func strengthsGrow(_ kind: DefenceDescriptor) {
    let strengths = kind.strengths?.defences(0.5).compactMap(\.strength) ?? []
    let growing = kind.strength?.isStrongerWhenSmaller == true ? strengths.reversed() : strengths
    #expect(growing == growing.sorted())
  }

  /// A kind that is written but has no line in the catalogue is found by its name.
  @Test func everyKindIsInTheCatalogue() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Sources/Defences").standardized
    let files = try #require(
      FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var written: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /DefenceDescriptor\(\s*name: "([^"]+)"/) {
        written.insert(String(match.output.1))
      }
    }
    #expect(written == Set(DefenceCatalog.all.map(\.name)))
  }

  @Test func chainsAreCodedAsTheirShortForm() throws {
    let chain = try DefenceChain("transform:3-1-7+prune:0.3+fp16")
    let data = try JSONEncoder().encode([chain])
    #expect(String(decoding: data, as: UTF8.self) == "[\"transform:3-1-7+prune:0.3+fp16\"]")
    #expect(try JSONDecoder().decode([DefenceChain].self, from: data) == [chain])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([DefenceChain].self, from: Data("[\"prume:0.3\"]".utf8))
    }
  }
}
