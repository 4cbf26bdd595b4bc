import ModelIO

/// Arrays of bytes in the format of MNIST, gzipped (LeCun, Cortes and Burges, "The MNIST database"): two zero bytes, type
/// 8, the number of axes, each extent in 4 bytes big-endian, the elements.
enum IDXFile {
  /// - Parameters:
  ///   - rank: how many axes there should be.
  ///   - limit: bytes that the array may have.
  /// - Throws: `FileError` when it is no such file.
  static func read(
    _ path: String, rank: Int, limit: Int
  ) throws(FileError) -> (extents: [Int], elements: ArraySlice<UInt8>) {
    let expected =
      "a gzipped IDX file of bytes with \(rank) \(rank == 1 ? "axis" : "axes"), as of MNIST"
    let bytes = try GzipFile.bytes(at: path, expected: expected, limit: limit + 4 + 4 * rank)
    let start = 4 + 4 * rank
    guard bytes.count >= start, Array(bytes.prefix(4)) == [0, 0, 8, UInt8(rank)] else {
      throw FileError(
        path: path, problem: "its head is of something else", remedy: "give \(expected)")
    }
    let extents = (0..<rank).map { axis in
      bytes[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
    }
    let count = extents.reduce((1, false)) { product, extent in
      let (next, overflows) = product.0.multipliedReportingOverflow(by: extent)
      return (next, product.1 || overflows)
    }
    guard !count.1, count.0 == bytes.count - start else {
      throw FileError(
        path: path,
        problem:
          "it announces \(extents.map(String.init).joined(separator: "x")) bytes and has \(bytes.count - start)",
        remedy: "save or download it again")
    }
    return (extents, bytes[start...])
  }
}
