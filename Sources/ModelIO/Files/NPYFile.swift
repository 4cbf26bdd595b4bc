import TensorGraph

/// Arrays of NumPy's file format .npy (NEP 1, "A simple file format for NumPy arrays", versions 1.0 to 3.0).
public enum NPYFile {
  /// What one file may hold.
  private static let byteLimit = 1 << 30
  private static let rankLimit = 16
  private static let headerLimit = 1 << 16
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// An array of a file.
  public struct Contents: Hashable, Sendable {
    /// In f64, row-major.
    public let tensor: Tensor
    /// Whether the file holds unsigned bytes.
    public let isBytes: Bool
  }

  /// Whether these are the first bytes of such a file.
  static func begins(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

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
    guard begins(bytes), bytes.count >= 10 else {
      throw FileError(
        path: path, problem: "this is not a .npy file", remedy: "write one with numpy.save")
    }
    let isLong = bytes[6] > 1
    let start = isLong ? 12 : 10
    guard (1...3).contains(bytes[6]), bytes.count >= start else { throw damaged(path) }
    let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= headerLimit, length <= bytes.count - start else { throw damaged(path) }
    let header = try NPYHeader(
      String(decoding: bytes[start..<start + length], as: UTF8.self), path: path)
    return try array(header, bytes[(start + length)...], path: path)
  }

  private static func array(
    _ header: NPYHeader, _ data: ArraySlice<UInt8>, path: String
  ) throws(FileError) -> Contents {
    var count = 1
    for extent in header.shape {
      let (product, overflows) = count.multipliedReportingOverflow(by: extent)
      guard !overflows, product <= byteLimit else { throw damaged(path) }
      count = product
    }
    guard header.shape.count <= rankLimit, count * header.type.byteCount == data.count else {
      throw FileError(
        path: path,
        problem: "the header tells of \(count) numbers of \(header.type.byteCount) bytes, and "
          + "\(data.count) bytes follow",
        remedy: "write it again with numpy.save")
    }
    var values = header.type.values(data)
    if header.isFortranOrder { values = rowMajor(values, header.shape) }
    guard values.allSatisfy(\.isFinite) else {
      throw FileError(
        path: path, problem: "it holds numbers that are not finite", remedy: "give finite numbers")
    }
    return Contents(
      tensor: Tensor(Shape(header.shape), .f64(values)), isBytes: header.type == .unsignedByte)
  }

  /// Numbers of which the first index runs fastest, as those of which the last does.
  private static func rowMajor(_ values: [Double], _ shape: [Int]) -> [Double] {
    var strides: [Int] = []
    var stride = 1
    for extent in shape {
      strides.append(stride)
      stride *= extent
    }
    var index = [Int](repeating: 0, count: shape.count)
    var place = 0
    return values.indices.map { _ in
      let value = values[place]
      for axis in shape.indices.reversed() {
        index[axis] += 1
        place += strides[axis]
        if index[axis] < shape[axis] { break }
        place -= strides[axis] * shape[axis]
        index[axis] = 0
      }
      return value
    }
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
    var bytes = magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8)
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

/// The element types that are read.
enum NPYType: Hashable {
  case floatingPoint(byteCount: Int, isBigEndian: Bool)
  case unsignedByte

  /// A `descr` such as `<f4` or `|u1`; nil for others.
  init?(_ text: String) {
    guard let order = text.first, "<>|=".contains(order) else { return nil }
    switch text.dropFirst() {
    case "u1": self = .unsignedByte
    case "f2", "f4", "f8":
      guard order != "|", let size = text.last?.wholeNumberValue else { return nil }
      self = .floatingPoint(byteCount: size, isBigEndian: order == ">")
    default: return nil
    }
  }

  var byteCount: Int {
    switch self {
    case .floatingPoint(let byteCount, _): byteCount
    case .unsignedByte: 1
    }
  }

  func values(_ data: ArraySlice<UInt8>) -> [Double] {
    guard case .floatingPoint(let size, let isBigEndian) = self else {
      return data.map(Double.init)
    }
    return stride(from: data.startIndex, to: data.endIndex, by: size).map { place in
      var bits: UInt64 = 0
      for offset in 0..<size {
        bits = bits << 8 | UInt64(data[isBigEndian ? place + offset : place + size - 1 - offset])
      }
      switch size {
      case 2: return Double(float(fromHalf: UInt16(bits)))
      case 4: return Double(Float(bitPattern: UInt32(bits)))
      default: return Double(bitPattern: bits)
      }
    }
  }
}

/// The literal of a Python dictionary that describes the array.
struct NPYHeader {
  let type: NPYType
  let isFortranOrder: Bool
  let shape: [Int]

  /// - Throws: ``FileError`` for anything but the three keys of NEP 1, each once.
  init(_ text: String, path: String) throws(FileError) {
    var scanner = NPYHeaderScanner(text)
    guard let fields = scanner.dictionary(), fields.count == 3,
      case .text(let type)? = fields["descr"], case .truth(let order)? = fields["fortran_order"],
      case .numbers(let shape)? = fields["shape"]
    else { throw NPYFile.damaged(path) }
    guard let known = NPYType(type) else {
      throw FileError(
        path: path,
        problem: "the array's type is \(type.quotedForMessage), which is none of f2, f4, f8 and u1",
        remedy: "convert it with .astype(numpy.float32)")
    }
    self.type = known
    isFortranOrder = order
    self.shape = shape
  }
}

/// Reads the few literals that stand in a header.
private struct NPYHeaderScanner {
  enum Value {
    case text(String)
    case truth(Bool)
    case numbers([Int])
  }

  private var rest: Substring.UTF8View

  init(_ text: String) {
    rest = text[...].utf8
  }

  private mutating func take(_ word: String) -> Bool {
    while let first = rest.first, [0x20, 0x0A, 0x0D, 0x09].contains(first) { rest.removeFirst() }
    guard rest.starts(with: word.utf8) else { return false }
    rest.removeFirst(word.utf8.count)
    return true
  }

  /// Nil unless the whole text is one dictionary with different keys.
  mutating func dictionary() -> [String: Value]? {
    guard take("{") else { return nil }
    var fields: [String: Value] = [:]
    while !take("}") {
      guard let key = text(), take(":"), let value = value(),
        fields.updateValue(value, forKey: key) == nil
      else { return nil }
      if take(",") { continue }
      guard take("}") else { return nil }
      break
    }
    _ = take("")
    return rest.isEmpty ? fields : nil
  }

  private mutating func value() -> Value? {
    if take("True") { return .truth(true) }
    if take("False") { return .truth(false) }
    if take("(") { return numbers().map(Value.numbers) }
    return text().map(Value.text)
  }

  private mutating func text() -> String? {
    let quote: UInt8
    if take("'") { quote = 0x27 } else if take("\"") { quote = 0x22 } else { return nil }
    guard let end = rest.firstIndex(of: quote) else { return nil }
    let content = String(Substring(rest[..<end]))
    rest = rest[rest.index(after: end)...]
    return content
  }

  private mutating func numbers() -> [Int]? {
    var numbers: [Int] = []
    while !take(")") {
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      guard let number = Int(String(Substring(digits))) else { return nil }
      rest.removeFirst(digits.count)
      // Python 2 wrote long integers with an L.
      _ = take("L")
      numbers.append(number)
      if take(",") {
        _ = take("")
        continue
      }
      guard take(")") else { return nil }
      break
    }
    return numbers
  }
}
