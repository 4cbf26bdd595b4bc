import Foundation
import Testing

@testable import Solvers
@testable import Texts

private struct RougeCase: Decodable {
  let reconstruction: String
  let original: String
  let rouge1: Double
  let rouge2: Double
  let rougeL: Double
}

@Suite struct TextMetricsTests {
  /// Against the `rouge-score` package; scripts/fixtures/text.py.
  @Test func rougeMatchesReference() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: textFixtures + "/rouge.json"))
    let cases = try JSONDecoder().decode([RougeCase].self, from: data)
    #expect(cases.count == 60)
    for example in cases {
      let rouge = ROUGE(of: example.reconstruction, original: example.original)
      #expect(abs(rouge.rouge1 - example.rouge1) < 1e-12, "\(example)")
      #expect(abs(rouge.rouge2 - example.rouge2) < 1e-12, "\(example)")
      #expect(abs(rouge.rougeL - example.rougeL) < 1e-12, "\(example)")
    }
  }

  @Test func qualityCountsTokensAtTheirPlace() {
    let words = { (tokens: [Int]) in tokens.map { "w\($0)" }.joined(separator: " ") }
    let quality = TextQuality(of: [1, 2, 9], original: [1, 2, 3, 4], text: words)
    #expect(!quality.isExact && quality.tokenAccuracy == 0.5)
    #expect(TextQuality(of: [1, 2], original: [1, 2], text: words).isExact)
    #expect(TextQuality(of: [], original: [1], text: words).tokenAccuracy == 0)
  }

  @Test func textsAreMatchedWhateverTheirOrder() {
    let originals = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    #expect(
      matchTexts(reconstructions: [[7, 8, 1], [1, 2, 3]], originals: originals) == [1, nil, 0])
    #expect(matchTexts(reconstructions: [[3, 2, 1], [1, 2, 3]], originals: [[1, 2, 3]]) == [1])
  }

  @Test func shuffledBaselineKeepsTokensAndLengths() {
    var source = RandomSource(seed: 1)
    let guess = TextBaseline.shuffled([[1, 2, 3], [4, 5]], using: &source)
    #expect(guess.map(\.count) == [3, 2])
    #expect(guess.flatMap { $0 }.sorted() == [1, 2, 3, 4, 5])
  }
}
