import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import ModelIO

/// Files as PyTorch and NumPy write them; see scripts/fixtures/tensor-files.py.
@Suite struct TensorFileTests {
  private let folder = fixtures + "/tensor-files/"

  private func expected(_ name: String) throws -> [String: Tensor] {
    try SafetensorsFile(contentsOf: folder + name + ".expected.safetensors").tensors()
  }

  private func tensors(_ file: TensorFile) throws -> [String: Tensor] {
    try Dictionary(uniqueKeysWithValues: file.names.map { ($0, try file.tensor(named: $0)) })
  }

  @Test(arguments: [
    "state-dict", "protocol-5", "types", "views", "checkpoint", "lightning", "nvflare", "wrapped",
    "two-models", "unknown-key", "tree",
    "list", "tuple", "frozen", "gradients", "pairs", "parameters", "tensor",
    "numpy-1", "numpy-2", "numpy-4", "numpy-5", "big-endian", "deflated", "no-checksums",
  ])
  func readsWhatPyTorchWrote(_ name: String) throws {
    let file = try TensorFile(contentsOf: folder + name + ".pt")
    #expect(file.format == .pyTorch)
    #expect(try tensors(file) == expected(name))
    for name in file.names { #expect(try file.type(of: name) == file.tensor(named: name).type) }
  }

  @Test(arguments: ["list", "named", "types", "deflated"])
  func readsArchivesOfNumPy(_ name: String) throws {
    let file = try TensorFile(contentsOf: folder + name + ".npz")
    #expect(file.format == .npz)
    #expect(try tensors(file) == expected(name + "-npz"))
  }

  @Test func readsAFolderInNaturalOrder() throws {
    let file = try TensorFile(contentsOf: folder + "folder")
    #expect(file.format == .npyFolder && file.names == (0..<11).map { "layer_\($0)" })
    #expect(try tensors(file) == expected("folder"))
    #expect(try TensorFile(contentsOf: folder + "folder/").names.count == 11)
  }

  @Test func readsAnArrayAndSafetensors() throws {
    let array = try TensorFile(contentsOf: fixtures + "/npy/integers.npy")
    #expect(array.format == .npy && array.names == ["0"])
    #expect(try array.tensor(named: "0") == Tensor([2, 2, 3], .i64((0..<12).map(Int64.init))))
    let own = try TensorFile(contentsOf: fixtures + "/safetensors/all-types.safetensors")
    #expect(own.format == .safetensors && own.storedType(of: "u8") == .u8)
  }

  @Test func theOrderOfTheFileIsKept() throws {
    let file = try TensorFile(contentsOf: folder + "state-dict.pt")
    #expect(
      file.names == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
        "1.num_batches_tracked", "4.weight", "4.bias",
      ])
    #expect(file.note == nil && file.storedType(of: "1.num_batches_tracked") == .i64)
  }

  @Test func whatIsPassedOverIsSaid() throws {
    let note = try #require(try TensorFile(contentsOf: folder + "checkpoint.pt").note).description
    #expect(note.contains("under \"model\"") && note.contains("\"optimizer\", \"scheduler\""))
    let models = try #require(try TensorFile(contentsOf: folder + "two-models.pt").note).description
    #expect(models.contains("two-models.pt: \"optimizer\"."))
  }

  /// The extension does not decide.
  @Test func theFirstBytesDecide() throws {
    let test = TestFolder()
    let path = test.file("weights.safetensors", bytes(of: folder + "state-dict.pt"))
    #expect(try TensorFile(contentsOf: path).format == .pyTorch)
  }

  @Test func legacyFilesAreToldHowToMend() {
    let error = #expect(throws: FileError.self) {
      try TensorFile(contentsOf: folder + "legacy.bin")
    }
    #expect(error?.problem.contains("before version 1.6") == true)
    #expect(
      error?.remedy.description.contains(
        "torch.save(torch.load(\"in.pt\", weights_only=True), \"out.pt\")") == true)
  }

  @Test func emptyFoldersAndStrangersAreRefused() {
    let test = TestFolder()
    #expect(throws: FileError.self) { try TensorFile(contentsOf: test.path) }
    #expect(throws: FileError.self) { try TensorFile(contentsOf: test.file("a.pt", [])) }
    #expect(throws: FileError.self) { try TensorFile(contentsOf: test("nothing.pt")) }
    let picture = #expect(throws: FileError.self) {
      try TensorFile(contentsOf: fixtures + "/images/rgb.png")
    }
    #expect(picture?.problem.contains("PNG") == true)
  }

  @Test(arguments: ["state-dict.pt", "deflated.pt", "numpy-2.pt", "list.npz", "named.npz"])
  func everyShorterFileIsRefused(_ name: String) throws {
    let whole = bytes(of: folder + name)
    for count in stride(from: 0, to: whole.count, by: 7) {
      #expect(throws: FileError.self) { try TensorFile(bytes: Array(whole[..<count]), path: "x") }
    }
  }

  /// A bit that is turned anywhere is seen, or does not matter.
  @Test(arguments: ["state-dict.pt", "deflated.pt", "named.npz"])
  func checksumsAreCompared(_ name: String) throws {
    let whole = bytes(of: folder + name)
    let right = try tensors(try TensorFile(bytes: whole, path: "x"))
    for index in stride(from: 0, to: whole.count, by: 3) {
      var other = whole
      other[index] ^= 4
      guard let file = try? TensorFile(bytes: other, path: "x"), let read = try? tensors(file)
      else { continue }
      #expect(read == right, "byte \(index)")
    }
  }

  @Test func numbersAreOrderedNaturally() {
    let names = ["a10", "a9", "a", "b1", "a09", "10", "9", "layer_2.x", "layer_10.x"]
    #expect(
      names.sorted { $0.isNaturallyBefore($1) } == [
        "9", "10", "a", "a9", "a09", "a10", "b1", "layer_2.x", "layer_10.x",
      ])
  }
}
