import Fuzzing
import TensorGraph
import TestSupport
import Testing

@testable import ModelIO

/// Arrays of NumPy; see scripts/fixtures/npy.py.
@Suite struct NPYFileTests {
  private let values = (0..<12).map { (Double($0) - 7) / 4 }

  private func path(_ name: String) -> String { "\(fixtures)/npy/\(name).npy" }

  @Test(arguments: [
    "little-f2", "little-f4", "little-f8", "big-f2", "big-f4", "big-f8", "fortran", "version-2",
    "version-3",
  ])
  func readsWhatNumPyWrote(_ name: String) throws {
    let array = try NPYFile.read(path(name))
    #expect(array.tensor == Tensor([2, 2, 3], .f64(values)) && !array.isBytes)
  }

  @Test func readsBytes() throws {
    let array = try NPYFile.read(path("bytes"))
    #expect(array.isBytes && array.tensor.doubles == (0..<12).map(Double.init))
  }

  @Test func otherTypesAreNamed() {
    let error = #expect(throws: FileError.self) { try NPYFile.read(path("integers")) }
    #expect(error?.problem.contains("<i8") == true)
    let picture = #expect(throws: FileError.self) {
      try NPYFile.read("\(fixtures)/images/rgb.png")
    }
    #expect(picture?.problem.contains("not a .npy") == true)
  }

  @Test func writesWhatItReads() throws {
    let tensor = Tensor([1, 3, 2], .f64([-3.5, 0, 1e30, 0.25, -0.0, 7]))
    let written = NPYFile.bytes(tensor)
    let array = try NPYFile.read(bytes: written, path: "x")
    #expect(array.tensor == Tensor([1, 3, 2], .f64(tensor.doubles.map { Double(Float($0)) })))
    // As numpy.save does: the numbers begin at a multiple of 64 bytes.
    #expect((written.count - 4 * 6) % 64 == 0)
    #expect(
      try NPYFile.read(bytes: NPYFile.bytes(Tensor([2], .f64([1, 2]))), path: "x").tensor.shape == [
        2
      ])
    let first = NPYFile.bytes(Tensor([2, 2, 3], .f64(values)))
    #expect(first == bytes(of: path("little-f4")))
  }

  private func file(_ header: String, numbers: Int = 0, version: UInt8 = 1) -> [UInt8] {
    [0x93] + Array("NUMPY".utf8)
      + [version, 0, UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
      + Array(header.utf8) + [UInt8](repeating: 0, count: numbers)
  }

  @Test(arguments: [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000000, 0)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
    "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'descr': '<f4', 'shape': ()}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "{", "", "{'descr': ",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}",
  ])
  func hostileHeadersAreRefused(_ header: String) {
    #expect(throws: FileError.self) { try NPYFile.read(bytes: file(header, numbers: 4), path: "x") }
  }

  @Test func scalarsAndEmptyArraysAreRead() throws {
    let scalar = "{'descr': '<f4', 'fortran_order': True, 'shape': (), }"
    #expect(try NPYFile.read(bytes: file(scalar, numbers: 4), path: "x").tensor.doubles == [0])
    let empty = "{'descr': '<f8', 'fortran_order': True, 'shape': (0, 3)}"
    #expect(try NPYFile.read(bytes: file(empty), path: "x").tensor.doubles.isEmpty)
  }

  @Test(arguments: ["little-f4", "fortran", "version-2", "bytes"])
  func damageNeverCrashes(_ name: String) {
    let whole = bytes(of: path(name))
    for count in 0..<whole.count {
      #expect(throws: FileError.self) { try NPYFile.read(bytes: Array(whole[..<count]), path: "x") }
    }
    var generator = FuzzGenerator(state: 4)
    for _ in 0..<3000 {
      guard let array = try? NPYFile.read(bytes: whole.mutated(using: &generator), path: "x")
      else { continue }
      if array.tensor.shape.elementCount > whole.count { Issue.record("more numbers than bytes") }
    }
  }
}
