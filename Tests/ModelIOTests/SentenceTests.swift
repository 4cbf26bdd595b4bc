import Foundation
import Testing

@testable import ModelIO

/// Sentences that name settings, for each reader in his words.
struct SentenceTests {
  private let remedy: Sentence = "use \(.lossScale, 0.5), or a larger \(.batchSize)"

  @Test func settingsAreNamedAsTheReaderKnowsThem() {
    #expect(remedy.description == "use loss scale 0.5, or a larger batch size")
    #expect(remedy.naming { "<\($0)>" } == "use <lossScale> 0.5, or a larger <batchSize>")
  }

  @Test func sentencesHoldOthers() {
    let whole: Sentence = "It is \(3) times that: \(remedy)."
    #expect(whole.naming { _ in "x" } == "It is 3 times that: use x 0.5, or a larger x.")
  }

  @Test func recordsHoldTheWords() throws {
    let data = try JSONEncoder().encode([remedy])
    #expect(String(decoding: data, as: UTF8.self) == "[\"\(remedy)\"]")
    #expect(try JSONDecoder().decode([Sentence].self, from: data) == [remedy])
  }

  @Test func errorsKeepTheirSettings() {
    let file = FileError(path: "a\n", problem: "it is odd", advising: remedy)
    #expect("\(file)" == "a\\u{a}: it is odd; \(remedy)")
    #expect(file.sentence.naming { _ in "x" }.hasSuffix("use x 0.5, or a larger x"))
    let model = ONNXError(.mismatch, advising: "\u{1B}: \(remedy)").located("m.onnx")
    #expect(model.sentence.naming { _ in "x" } == "m.onnx: \\u{1b}: use x 0.5, or a larger x")
  }
}
