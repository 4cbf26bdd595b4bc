import TensorGraph

/// The header of a .npy file (NEP 1): the literal of a Python dictionary that describes the array.
struct NPYHeader {
  /// The type as the file calls it: `<f4`.
  let code: String
  let type: StoredType
  let isBigEndian: Bool
  let isFortranOrder: Bool
  let shape: Shape
  /// Bytes of the file before the numbers.
  let byteCount: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// Bytes of the literal.
  private static let lengthLimit = 1 << 16
  /// Bytes in which a header ends, or is refused.
  static let largestByteCount = 12 + lengthLimit
  private static let rankLimit = 16

  /// - Parameter bytes: the first ``largestByteCount`` of the file, or all.
  /// - Throws: ``FileError`` for anything but the three keys of NEP 1, each once.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(FileError) {
    guard bytes.starts(with: NPYHeader.magic), bytes.count >= 10 else {
      throw FileError(
        path: path, problem: "this is not a .npy file", remedy: "write one with numpy.save")
    }
    let start = bytes[6] > 1 ? 12 : 10
    guard (1...3).contains(bytes[6]), bytes.count >= start else { throw NPYFile.damaged(path) }
    let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= NPYHeader.lengthLimit, length <= bytes.count - start else {
      throw NPYFile.damaged(path)
    }
    byteCount = start + length
    var scanner = NPYHeaderScanner(String(decoding: bytes[start..<byteCount], as: UTF8.self))
    guard let fields = scanner.dictionary(), fields.count == 3,
      case .text(let type)? = fields["descr"], case .truth(let order)? = fields["fortran_order"],
      case .numbers(let extents)? = fields["shape"], extents.count <= NPYHeader.rankLimit
    else { throw NPYFile.damaged(path) }
    guard let known = NPYHeader.elementType(type) else {
      throw FileError(
        path: path,
        problem: type == "|O"
          ? "the array holds Python objects, which are never loaded"
          : "the array's type is \(type.quotedForMessage), which is none of f2, f4, f8, i1 to i8, u1 to u4 and b1",
        remedy: "convert it with .astype(numpy.float32)")
    }
    code = type
    (self.type, isBigEndian) = known
    isFortranOrder = order
    do {
      shape = try Shape(validating: extents)
    } catch {
      throw NPYFile.damaged(path)
    }
  }

  /// Of a `descr` such as `<f4` or `|u1`; nil for others.
  static func elementType(_ text: String) -> (StoredType, isBigEndian: Bool)? {
    guard let order = text.first, "<>|=".contains(order),
      let type = elementType(code: text.dropFirst()), order != "|" || type.byteCount == 1
    else { return nil }
    return (type, order == ">")
  }

  /// Of NumPy's code without the order of bytes; nil for others.
  static func elementType(code: some StringProtocol) -> StoredType? {
    switch code {
    case "f2": .f16
    case "f4": .f32
    case "f8": .f64
    case "i1": .i8
    case "i2": .i16
    case "i4": .i32
    case "i8": .i64
    case "u1": .u8
    case "u2": .u16
    case "u4": .u32
    case "b1": .bool
    default: nil
    }
  }

  /// The array behind the header of a file that has `count` bytes.
  ///
  /// - Throws: ``FileError`` when the file is too short or too long for it.
  func array(in count: Int, path: String) throws(FileError) -> StoredTensor {
    var stored = StoredTensor(type: type, shape: shape)
    guard stored.byteCount == count - byteCount else {
      throw FileError(
        path: path,
        problem:
          "the header tells of \(shape.elementCount) numbers of \(type.byteCount) bytes, and "
          + "\(count - byteCount) bytes follow",
        remedy: "write it again with numpy.save")
    }
    if isFortranOrder { stored.strides = StoredTensor.columnMajorStrides(shape) }
    stored.isBigEndian = isBigEndian
    stored.start = byteCount
    return stored
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
