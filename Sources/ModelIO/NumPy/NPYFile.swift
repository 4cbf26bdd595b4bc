import TensorGraph

/// Arrays of NumPy's file format .npy (NEP 1, "A simple file format for NumPy arrays", versions 1.0 to 3.0).
public enum NPYFile {
  /// Bytes of one file.
  private static let byteLimit = 1 << 30

  /// An array of a file.
  public struct Contents: Hashable, Sendable {
    /// In f64, row-major.
    public let tensor: Tensor
    /// Whether the file holds unsigned bytes.
    public let isBytes: Bool
  }

  /// Reads an array of 16-, 32- or 64-bit floating-point numbers or unsigned bytes, of either byte order, in C
  /// or Fortran order.
  ///
  /// - Throws: ``FileError`` when the file cannot be read, is cut short, too long or above 1 GiB, or holds
  ///   something else.
  public static func read(_ path: String) throws(FileError) -> Contents {
    try read(
      bytes: try InputFile.bytes(at: path, expected: "a .npy file of numbers", limit: byteLimit),
      path: path)
  }

  /// The same of a file in memory; `path` only names it in messages.
  package static func read(bytes: [UInt8], path: String) throws(FileError) -> Contents {
    let (tensor, type) = try bytes.withUnsafeBufferPointer {
      (buffer) throws(FileError) -> (Tensor, StoredType) in
      let bytes = UnsafeRawBufferPointer(buffer)
      let header = try NPYHeader(bytes, path: path)
      guard header.type == .u8 || header.type.dtype.isFloatingPoint else {
        throw FileError(
          path: path,
          problem:
            "the array's type is \(header.code.quotedForMessage), which is none of f2, f4, f8 and "
            + "u1", remedy: "convert it with .astype(numpy.float32)")
      }
      return (try header.array(in: bytes.count, path: path).read(bytes), header.type)
    }
    guard tensor.doubles.allSatisfy(\.isFinite) else {
      throw FileError(
        path: path, problem: "it holds numbers that are not finite", remedy: "give finite numbers")
    }
    return Contents(tensor: Tensor(tensor.shape, .f64(tensor.doubles)), isBytes: type == .u8)
  }

  /// An array of f32 in C order as a file of version 1.0.
  public static func bytes(_ tensor: Tensor) -> [UInt8] {
    let dimensions = tensor.shape.dimensions.map(String.init)
    let shape =
      dimensions.count == 1 ? "(\(dimensions[0]),)" : "(\(dimensions.joined(separator: ", ")))"
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }"
    // The numbers begin at a multiple of 64 bytes.
    let length = (10 + header.utf8.count + 1 + 63) / 64 * 64 - 10
    header += String(repeating: " ", count: length - header.utf8.count - 1) + "\n"
    var bytes =
      NPYHeader.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8)
    bytes.reserveCapacity(bytes.count + 4 * tensor.shape.elementCount)
    for value in tensor.doubles {
      let bits = Float(value).bitPattern
      for shift in [0, 8, 16, 24] as [UInt32] {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    return bytes
  }

  static func damaged(_ path: String) -> FileError {
    FileError(
      path: path, problem: "the header of the .npy file is damaged or of an unknown version",
      remedy: "write it again with numpy.save")
  }
}
