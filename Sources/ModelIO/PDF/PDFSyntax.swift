import CZlib

/// How values are written in a PDF file (ISO 32000-1, 7.3).
enum PDFSyntax {
  /// With two decimals at most; what is no number of a page is 0.
  static func number(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 30_000 else { return "0" }
    let hundredths = Int((value * 100).rounded())
    let (whole, part) = (abs(hundredths) / 100, abs(hundredths) % 100)
    let sign = hundredths < 0 ? "-" : ""
    if part == 0 { return "\(sign)\(whole)" }
    return part % 10 == 0
      ? "\(sign)\(whole).\(part / 10)" : "\(sign)\(whole).\(part < 10 ? "0" : "")\(part)"
  }

  /// Bytes as a literal string.
  static func string(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [UInt8(ascii: "(")]
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"):
        result += [UInt8(ascii: "\\"), byte]
      case 0x0D: result += Array("\\r".utf8)
      default: result.append(byte)
      }
    }
    return result + [UInt8(ascii: ")")]
  }

  /// A text of the document's own, in UTF-16 (7.9.2.2).
  static func text(_ text: String) -> String {
    "<FEFF" + text.utf16.flatMap { TrueTypeFont.bigEndian(Int($0), 2) }.map(hexadecimal).joined()
      + ">"
  }

  static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count == 1 ? "0" + digits : digits
  }

  /// Bytes as zlib packs them; nil where it has no memory.
  static func deflated(_ bytes: [UInt8]) -> [UInt8]? {
    var count = compressBound(uLong(bytes.count))
    var result = [UInt8](repeating: 0, count: Int(count))
    guard compress2(&result, &count, bytes, uLong(bytes.count), 6) == Z_OK else { return nil }
    return Array(result.prefix(Int(count)))
  }
}

/// Objects of a file that is being written, from number 1 on.
struct PDFObjects {
  private var objects: [[UInt8]] = []
  private let isCompressed: Bool

  init(isCompressed: Bool) {
    self.isCompressed = isCompressed
  }

  /// A number for an object that comes later.
  mutating func reserve() -> Int {
    objects.append([])
    return objects.count
  }

  mutating func add(_ text: String) -> Int {
    objects.append(Array(text.utf8))
    return objects.count
  }

  mutating func set(_ number: Int, _ text: String) { objects[number - 1] = Array(text.utf8) }

  /// - Parameter entries: of the stream's dictionary, without length and filter.
  mutating func addStream(_ bytes: [UInt8], _ entries: String = "") -> Int {
    let packed = isCompressed ? PDFSyntax.deflated(bytes) : nil
    let content = packed ?? bytes
    let filter = packed == nil ? "" : "/Filter /FlateDecode "
    let head = "<< \(entries)\(filter)/Length \(content.count) >>\nstream\n"
    objects.append(Array(head.utf8) + content + Array("\nendstream".utf8))
    return objects.count
  }

  /// The file (7.5).
  func file(root: Int, info: Int) -> [UInt8] {
    var bytes = Array("%PDF-1.7\n%".utf8) + [0xE2, 0xE3, 0xCF, 0xD3, 0x0A]
    var offsets: [Int] = []
    for (index, object) in objects.enumerated() {
      offsets.append(bytes.count)
      bytes += Array("\(index + 1) 0 obj\n".utf8) + object + Array("\nendobj\n".utf8)
    }
    let start = bytes.count
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16, uppercase: true)
    let name = String(repeating: "0", count: 16 - digits.count) + digits
    var table = "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
    for offset in offsets {
      let digits = String(offset)
      table += String(repeating: "0", count: max(10 - digits.count, 0)) + digits + " 00000 n \n"
    }
    table +=
      "trailer\n<< /Size \(objects.count + 1) /Root \(root) 0 R /Info \(info) 0 R "
      + "/ID [<\(name)\(name)> <\(name)\(name)>] >>\nstartxref\n\(start)\n%%EOF\n"
    return bytes + Array(table.utf8)
  }
}
