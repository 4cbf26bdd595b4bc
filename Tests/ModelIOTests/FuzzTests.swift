import Foundation
import Fuzzing
import TestSupport
import Testing

/// `make fuzz` in small: what a hostile file does to a reader is to be refused. A crash here ends the
/// tests.
@Suite struct FuzzTests {
  @Test(arguments: FuzzedReader.allCases)
  func mutatedInputsAreReadOrRefused(_ reader: FuzzedReader) {
    let seeds = reader.seeds(in: fixtures)
    #expect(seeds.count >= 4)
    var accepted = 0
    for index in 0..<2000
    where reader.read(fuzzInput(index, seed: 99, from: seeds, words: reader.words)) {
      accepted += 1
    }
    // Mutations that change nothing that matters are among them, and others.
    #expect(accepted > 0 && accepted < 2000)
  }

  /// Inputs that once ended a reader, and others made to: each must be refused, and soon.
  @Test(arguments: FuzzedReader.allCases)
  func findingsStayMended(_ reader: FuzzedReader) throws {
    let folder = fixtures + "/fuzz/findings"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0.hasPrefix(reader.rawValue + "-")
    }
    try #require(!names.isEmpty, "there is no finding for \(reader.rawValue) in \(folder)")
    for name in names.sorted() {
      let time = ContinuousClock().measure {
        #expect(!reader.read(bytes(of: folder + "/" + name)), "\(name) was read")
      }
      #expect(time < .seconds(5), "\(name) took \(time)")
    }
  }

  @Test func ownSeedsAreAccepted() {
    #expect(
      FuzzedReader.onnx.seeds(in: fixtures + "/fuzz").count { !FuzzedReader.onnx.read($0) } == 0)
    // One picture is there to be refused.
    let pictures = FuzzedReader.images.seeds(in: fixtures + "/images")
    #expect(pictures.count { !FuzzedReader.images.read($0) } <= 1)
  }

  @Test(arguments: [FuzzedReader.tokenizer, .vocabulary, .configuration, .plan, .sweep])
  func ownTextsAreAccepted(_ reader: FuzzedReader) {
    #expect(reader.seeds(in: fixtures).count { !reader.read($0) } == 0)
  }

  @Test func inputsAreTheSameForOneSeed() {
    let seeds = FuzzedReader.safetensors.seeds(in: fixtures)
    #expect(fuzzInput(7, seed: 1, from: seeds) == fuzzInput(7, seed: 1, from: seeds))
    #expect(fuzzInput(7, seed: 1, from: seeds) != fuzzInput(8, seed: 1, from: seeds))
  }
}
