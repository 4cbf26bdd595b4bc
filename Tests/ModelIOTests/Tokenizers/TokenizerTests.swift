import Foundation
import TestSupport
import Testing

@testable import ModelIO

private struct TokenizerCase: Decodable {
  let text: String
  let ids: [Int]
  let decoded: String
}

private func cases(_ folder: String) throws -> [TokenizerCase] {
  try JSONDecoder().decode(
    [TokenizerCase].self, from: Data(bytes(of: folder + "/cases.json")))
}

/// Compared by bytes: strings that Unicode regards as equivalent are not the same here.
private func sameBytes(_ left: String, _ right: String) -> Bool {
  left.utf8.elementsEqual(right.utf8)
}

/// What differs, for the message of a failure.
private func differences(_ tokenizer: Tokenizer, _ cases: [TokenizerCase]) -> [String] {
  cases.flatMap { example -> [String] in
    let ids = tokenizer.encode(example.text)
    let decoded = tokenizer.decode(example.ids)
    var found: [String] = []
    if ids != example.ids {
      found.append("\(example.text.debugDescription): \(ids) not \(example.ids)")
    }
    if !sameBytes(decoded, example.decoded) {
      found.append("\(decoded.debugDescription) not \(example.decoded.debugDescription)")
    }
    return found
  }
}

private let tokenizerFixtures = fixtures + "/tokenizers"

@Suite struct TokenizerTests {
  /// Against the `tokenizers` package; scripts/fixtures/tokenizer-lines.py.
  @Test(arguments: ["byte-level", "word-piece", "word-piece-cased", "mixed"])
  func matchesReference(_ name: String) throws {
    let folder = tokenizerFixtures + "/" + name
    let tokenizer = try Tokenizer(contentsOf: folder + "/tokenizer.json")
    let cases = try cases(folder)
    #expect(cases.count > 200)
    let found = differences(tokenizer, cases)
    #expect(found.isEmpty, "\(found.count): \(found.prefix(10).joined(separator: "\n"))")
  }

  /// The same with thousands of lines and the tokenizer of a real model, where a folder is named.
  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["GRADLEAK_TOKENIZER_GOLDENS"] != nil))
  func matchesReferenceOnManyLines() throws {
    let folder = ProcessInfo.processInfo.environment["GRADLEAK_TOKENIZER_GOLDENS"] ?? ""
    let tokenizer = try Tokenizer(contentsOf: folder + "/tokenizer.json")
    let cases = try cases(folder)
    let found = differences(tokenizer, cases)
    #expect(
      found.isEmpty, "\(found.count) of \(cases.count): \(found.prefix(20).joined(separator: "\n"))"
    )
  }

  @Test func readsVocabularies() throws {
    let folder = tokenizerFixtures + "/word-piece"
    let tokenizer = try Tokenizer(vocabulary: folder + "/vocab.txt")
    #expect(differences(tokenizer, try cases(folder)).isEmpty)
    #expect(tokenizer.prefix == [2] && tokenizer.suffix == [3])
    #expect(tokenizer.specialTokens == [0, 1, 2, 3, 4])
    #expect(tokenizer.token(of: 4) == "[MASK]" && tokenizer.id(of: "[MASK]") == 4)
    #expect(tokenizer.token(of: -1) == nil && tokenizer.token(of: 1 << 40) == nil)
  }

  /// Bytes survive whatever the text is, also text that no one trained on.
  @Test func byteLevelRoundTripsExactly() throws {
    let folder = tokenizerFixtures + "/byte-level"
    let tokenizer = try Tokenizer(contentsOf: folder + "/tokenizer.json")
    for text in try cases(folder).map(\.text) where !text.contains("<|endoftext|>") {
      #expect(sameBytes(tokenizer.decode(tokenizer.encode(text)), text))
    }
  }

  @Test func longWordsTakeLinearithmicTime() throws {
    let tokenizer = try Tokenizer(contentsOf: tokenizerFixtures + "/byte-level/tokenizer.json")
    let text = String(repeating: "ab", count: 50_000)
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
  }

  @Test(arguments: [
    ("", "has no number"), ("[1,2", "has no \"]\""), ("{}", "no model"),
    (#"{"model":{"type":"Unigram","vocab":[]}}"#, "model \"Unigram\" is not supported"),
    (#"{"model":{"type":"WordPiece","vocab":{"a":0}}}"#, "\"[UNK]\", is missing"),
    (#"{"model":{"type":"BPE","vocab":{"a":0}}}"#, "no list of merges"),
    (#"{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}"#, "number of its own"),
    (#"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#, "number of its own"),
    (#"{"model":{"type":"BPE","vocab":{"a":3999999},"merges":[]}}"#, "go up to 3999999"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}"#, "merge 0"),
    (
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"byte_fallback":true}}"#, "byte_fallback"
    ),
    (
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"normalizer":{"type":"Precompiled"}}"#,
      "normalizer \"Precompiled\""
    ),
    (
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"post_processor":"#
        + #"{"type":"BertProcessing","sep":["x",9],"cls":["y",0]}}"#, "that the vocabulary lacks"
    ),
    (String(repeating: "[", count: 100_000), "nested more than"),
    (#"{"model":1e999}"#, "has no number"), ("\"\u{1}\"", "control character"),
  ])
  func refusesDamagedFiles(_ text: String, _ reason: String) {
    let error = #expect(throws: FileError.self) {
      try Tokenizer(bytes: Array(text.utf8), path: "t.json")
    }
    #expect(
      "\(error.map(\.description) ?? "")".contains(reason), "\(error.map(\.description) ?? "")")
  }

  @Test func refusesDamagedVocabularies() {
    for (bytes, reason) in [
      (Array("a\nb\n".utf8), "no line [UNK]"), (Array("[UNK]\na\na\n".utf8), "line 3 repeats"),
      (Array("[UNK]\n".utf8) + [0xFF], "line 2 is not UTF-8"),
    ] {
      let error = #expect(throws: FileError.self) {
        try Tokenizer(vocabularyBytes: bytes, path: "vocab.txt")
      }
      #expect("\(error.map(\.description) ?? "")".contains(reason))
    }
  }

  @Test func survivesMutations() throws {
    let original = bytes(of: tokenizerFixtures + "/byte-level/tokenizer.json")
    var state: UInt64 = 1
    for _ in 0..<60 {
      var mutated = original
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        mutated[Int(state >> 33) % mutated.count] = UInt8(truncatingIfNeeded: state >> 25)
      }
      let tokenizer = try? Tokenizer(bytes: mutated, path: "t.json")
      _ = tokenizer?.decode(tokenizer?.encode("Hello, wörld 123") ?? [])
    }
  }
}
