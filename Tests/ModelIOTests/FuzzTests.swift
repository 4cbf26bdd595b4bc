import Foundation
import TestSupport
import Testing

@testable import FuzzReaders

/// `make fuzz` in small: what a hostile file does to a reader is to be refused. A crash here ends the
/// tests.
@Suite struct FuzzTests {
  @Test(arguments: FuzzedReader.allCases)
  func mutatedInputsAreReadOrRefused(_ reader: FuzzedReader) {
    let seeds = reader.seeds(in: fixtures)
    #expect(seeds.count >= 4)
    var accepted = 0
    for index in 0..<2000 where reader.read(fuzzInput(index, seed: 99, from: seeds)) {
      accepted += 1
    }
    // Mutations that change nothing that matters are among them, and others.
    #expect(accepted > 0 && accepted < 2000)
  }

  /// Inputs that once ended a reader.
  @Test(arguments: FuzzedReader.allCases)
  func findingsStayMended(_ reader: FuzzedReader) throws {
    let folder = fixtures + "/fuzz/findings"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names.sorted() where name.hasPrefix(reader.rawValue) {
      _ = reader.read(bytes(of: folder + "/" + name))
    }
  }

  @Test func ownSeedsAreAccepted() {
    #expect(
      FuzzedReader.onnx.seeds(in: fixtures + "/fuzz").count { !FuzzedReader.onnx.read($0) } == 0)
    // One picture is there to be refused.
    let pictures = FuzzedReader.images.seeds(in: fixtures + "/images")
    #expect(pictures.count { !FuzzedReader.images.read($0) } <= 1)
  }

  @Test func inputsAreTheSameForOneSeed() {
    let seeds = FuzzedReader.safetensors.seeds(in: fixtures)
    #expect(fuzzInput(7, seed: 1, from: seeds) == fuzzInput(7, seed: 1, from: seeds))
    #expect(fuzzInput(7, seed: 1, from: seeds) != fuzzInput(8, seed: 1, from: seeds))
  }
}
