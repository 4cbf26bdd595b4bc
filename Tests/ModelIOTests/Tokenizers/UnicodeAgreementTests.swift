import Foundation
import TestSupport
import Testing

@testable import ModelIO

/// Normalisers and pre-tokenizers against the `tokenizers` package over all of Unicode;
/// scripts/compare/tokenizer-unicode.py.
@Suite struct UnicodeAgreementTests {
  private static let blockSize: UInt32 = 64

  /// Planes 0 to 3 and the tags; of the other planes, a sample and both ends.
  private static var blocks: [[Unicode.Scalar]] {
    func scalars(_ codes: some Sequence<UInt32>) -> [Unicode.Scalar] {
      codes.compactMap { Unicode.Scalar($0) }
    }
    let ranges = [0..<0x40000 as Range<UInt32>, 0xE0000..<0xE0200]
    let whole = ranges.flatMap { range in
      stride(from: range.lowerBound, to: range.upperBound, by: Int(blockSize)).map {
        scalars($0..<$0 + blockSize)
      }
    }
    let places: [UInt32] = [
      0, 1, 0x100, 0x1234, 0x7FFF, 0x8000, 0xABCD, 0xFFFD, 0xFFFE, 0xFFFF,
    ]
    let sample = ([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16] as [UInt32]).map { plane in
      scalars(places.map { plane * 0x10000 + $0 })
    }
    return (whole + sample).filter { !$0.isEmpty }
  }

  /// Each scalar alone, in words, among accents, among jamo, after a nukta's letter, and doubled.
  private static func text(_ block: [Unicode.Scalar]) -> [Unicode.Scalar] {
    block.flatMap { c -> [Unicode.Scalar] in
      [
        " ", c, " ", "A", c, "b", " ", "\u{E9}", c, "\u{323}", "\u{301}", "Z", " ", "\u{1100}", c,
        "\u{11A8}", " ", "\u{928}", c, "\u{93C}", " ", "'", "s", "1", c, c,
      ]
    }
  }

  private typealias Step = @Sendable ([Unicode.Scalar]) -> [Unicode.Scalar]

  private static func bert(_ cleans: Bool, _ ideographs: Bool, _ accents: Bool, _ lowers: Bool)
    -> Normalizer
  {
    .bert(
      cleans: cleans, separatesIdeographs: ideographs, stripsAccents: accents, lowersCase: lowers)
  }

  private static let steps: [(name: String, run: Step)] = {
    let normalizers: [(String, Normalizer)] = [
      ("NFC", .canonicalComposition), ("NFD", .canonicalDecomposition),
      ("NFKC", .compatibilityComposition), ("NFKD", .compatibilityDecomposition),
      ("Lowercase", .lowercase), ("StripAccents", .stripAccents),
      ("Strip", .strip(left: true, right: true)), ("bert", bert(true, true, true, true)),
      ("bert-cased", bert(true, true, false, false)),
      ("bert-strip", bert(false, false, true, false)),
      (
        "sequence",
        .sequence([.compatibilityDecomposition, .stripAccents, .lowercase, .canonicalComposition])
      ),
    ]
    let preTokenizers: [(String, PreTokenizer)] = [
      ("BertPreTokenizer", .bert), ("Whitespace", .whitespace),
      ("WhitespaceSplit", .whitespaceSplit),
      ("ByteLevel", .byteLevel(addsPrefixSpace: false, splits: true)),
    ]
    return normalizers.map { name, step -> (String, Step) in (name, { step($0) }) }
      + preTokenizers.map { name, step -> (String, Step) in
        (name, { Array(step($0).joined(separator: ["\u{1F}"])) })
      }
  }()

  private static func utf8(_ scalars: [Unicode.Scalar]) -> [UInt8] {
    Array(String(String.UnicodeScalarView(scalars)).utf8)
  }

  @Test func agreesOnEveryBlock() throws {
    let expected = try JSONDecoder().decode(
      [String: [String: String]].self,
      from: Data(bytes(of: fixtures + "/tokenizers/unicode.json")))
    let blocks = UnicodeAgreementTests.blocks
    var wrong: [String] = []
    for (name, run) in UnicodeAgreementTests.steps {
      var hashes: [String: UInt64] = [:]
      for block in blocks {
        let part = String(block[0].value & ~0xFFF, radix: 16, uppercase: true)
        let bytes = UnicodeAgreementTests.utf8(run(UnicodeAgreementTests.text(block)))
        hashes[part] = bytes.reduce(hashes[part] ?? 0xCBF2_9CE4_8422_2325) {
          ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
      }
      #expect(expected[name]?.count == hashes.count)
      for (part, hash) in hashes
      where expected[name]?[part].flatMap({ UInt64($0, radix: 16) }) != hash {
        wrong.append("\(name) from U+\(part)")
      }
    }
    #expect(wrong.isEmpty, "\(wrong.sorted().joined(separator: ", "))")
  }

  /// Everything, for the script, where a file is named.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["GRADLEAK_UNICODE_DUMP"] != nil))
  func dumps() throws {
    var dump: [String: [String: String]] = [:]
    for (name, run) in UnicodeAgreementTests.steps {
      for block in UnicodeAgreementTests.blocks {
        let first = String(block[0].value, radix: 16, uppercase: true)
        let result = run(UnicodeAgreementTests.text(block))
        dump[name, default: [:]][first] = String(String.UnicodeScalarView(result))
      }
    }
    let path = ProcessInfo.processInfo.environment["GRADLEAK_UNICODE_DUMP"] ?? ""
    try JSONEncoder().encode(dump).write(to: URL(fileURLWithPath: path))
  }
}
