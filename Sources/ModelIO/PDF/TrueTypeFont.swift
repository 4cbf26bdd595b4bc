/// A TrueType font from outside, read with every offset checked (ISO/IEC 14496-22). Of a collection the first font.
package struct TrueTypeFont: Sendable {
  /// Bytes of a file at most.
  static let byteLimit = 64 << 20

  let bytes: [UInt8]
  private let tables: [String: Range<Int>]
  private let unitsPerEm: Int
  private let metricCount: Int
  private let hasLongOffsets: Bool
  let glyphCount: Int
  /// Left, bottom, right and top of all glyphs, ascent and descent, in thousandths of the size.
  let box: [Int]
  let ascent: Int
  let descent: Int
  private let characters: CharacterMap

  /// - Returns: nil for what is no TrueType font with outlines that may be embedded.
  package init?(_ bytes: [UInt8]) {
    let reader = BigEndianBytes(bytes)
    guard var start = Optional(0), let tag = reader.integer(0, 4) else { return nil }
    if tag == 0x7474_6366 {
      guard let first = reader.integer(12, 4) else { return nil }
      start = first
    }
    guard let version = reader.integer(start, 4), [0x0001_0000, 0x7472_7565].contains(version),
      let count = reader.integer(start + 4, 2), count <= 256
    else { return nil }
    var tables: [String: Range<Int>] = [:]
    for index in 0..<count {
      let entry = start + 12 + 16 * index
      guard let offset = reader.integer(entry + 8, 4), let length = reader.integer(entry + 12, 4),
        offset <= bytes.count, length <= bytes.count - offset
      else { return nil }
      tables[String(decoding: bytes[entry..<entry + 4], as: UTF8.self)] = offset..<offset + length
    }
    guard let head = tables["head"], head.count >= 54, let hhea = tables["hhea"], hhea.count >= 36,
      let maxp = tables["maxp"], maxp.count >= 6, let hmtx = tables["hmtx"],
      let cmap = tables["cmap"], let loca = tables["loca"], tables["glyf"] != nil,
      let units = reader.integer(head.lowerBound + 18, 2), (16...16384).contains(units),
      let format = reader.integer(head.lowerBound + 50, 2), format <= 1,
      let glyphs = reader.integer(maxp.lowerBound + 4, 2), glyphs > 0,
      let metrics = reader.integer(hhea.lowerBound + 34, 2), (1...glyphs).contains(metrics),
      hmtx.count >= 4 * metrics, loca.count >= (format == 1 ? 4 : 2) * (glyphs + 1),
      let characters = CharacterMap(reader, table: cmap)
    else { return nil }
    // Bit 1 alone: no embedding without leave.
    if let os2 = tables["OS/2"], os2.count >= 10,
      let rights = reader.integer(os2.lowerBound + 8, 2), rights & 0xF == 2
    {
      return nil
    }
    self.bytes = bytes
    self.tables = tables
    self.characters = characters
    unitsPerEm = units
    metricCount = metrics
    hasLongOffsets = format == 1
    glyphCount = glyphs
    func thousandths(_ place: Int) -> Int { (reader.signed(place) ?? 0) * 1000 / units }
    box = (0..<4).map { thousandths(head.lowerBound + 36 + 2 * $0) }
    ascent = thousandths(hhea.lowerBound + 4)
    descent = thousandths(hhea.lowerBound + 6)
  }

  /// The glyph of a character; nil where the font has none.
  func glyph(of scalar: Unicode.Scalar) -> Int? {
    let reader = BigEndianBytes(bytes)
    return characters.glyph(of: Int(scalar.value), reader).flatMap {
      $0 > 0 && $0 < glyphCount ? $0 : nil
    }
  }

  /// How far a glyph moves the pen, in thousandths of the size.
  func advance(_ glyph: Int) -> Int {
    guard let hmtx = tables["hmtx"] else { return 0 }
    let place = hmtx.lowerBound + 4 * min(glyph, metricCount - 1)
    return (BigEndianBytes(bytes).integer(place, 2) ?? 0) * 1000 / unitsPerEm
  }

  func table(_ tag: String) -> ArraySlice<UInt8>? { tables[tag].map { bytes[$0] } }

  /// A glyph's description; empty for one without, and for one whose place is none.
  func outline(_ glyph: Int) -> ArraySlice<UInt8> {
    let reader = BigEndianBytes(bytes)
    guard let loca = tables["loca"], let glyf = tables["glyf"] else { return [] }
    let size = hasLongOffsets ? 4 : 2
    let place = loca.lowerBound + size * glyph
    guard let first = reader.integer(place, size), let last = reader.integer(place + size, size)
    else { return [] }
    let (low, high) = hasLongOffsets ? (first, last) : (2 * first, 2 * last)
    guard low < high, high <= glyf.count else { return [] }
    return bytes[glyf.lowerBound + low..<glyf.lowerBound + high]
  }

  /// Glyphs that a glyph is put together from.
  func components(of glyph: Int) -> [Int] {
    let outline = BigEndianBytes(Array(outline(glyph)))
    guard let contours = outline.signed(0), contours < 0 else { return [] }
    var place = 10
    var parts: [Int] = []
    while parts.count < 256, let flags = outline.integer(place, 2),
      let part = outline.integer(place + 2, 2)
    {
      parts.append(part)
      place += flags & 1 != 0 ? 8 : 6
      place += flags & 0x8 != 0 ? 2 : flags & 0x40 != 0 ? 4 : flags & 0x80 != 0 ? 8 : 0
      if flags & 0x20 == 0 { break }
    }
    return parts.filter { $0 < glyphCount }
  }
}

/// Big-endian numbers at checked places.
struct BigEndianBytes {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  func integer(_ place: Int, _ count: Int) -> Int? {
    guard place >= 0, place <= bytes.count - count else { return nil }
    var value = 0
    for index in place..<place + count { value = value << 8 | Int(bytes[index]) }
    return value
  }

  func signed(_ place: Int) -> Int? { integer(place, 2).map { $0 >= 0x8000 ? $0 - 0x10000 : $0 } }
}

/// Which glyph a font has for a character: table `cmap`, formats 4 and 12.
struct CharacterMap: Sendable {
  private let place: Int
  private let format: Int
  private let count: Int

  init?(_ reader: BigEndianBytes, table: Range<Int>) {
    guard let tables = reader.integer(table.lowerBound + 2, 2) else { return nil }
    var found: [Int: Int] = [:]
    for index in 0..<min(tables, 64) {
      let entry = table.lowerBound + 4 + 8 * index
      guard let platform = reader.integer(entry, 2), let encoding = reader.integer(entry + 2, 2),
        let offset = reader.integer(entry + 4, 4),
        let format = reader.integer(table.lowerBound + offset, 2)
      else { return nil }
      let isUnicode = platform == 0 || platform == 3 && (encoding == 1 || encoding == 10)
      if isUnicode, format == 4 || format == 12 { found[format] = table.lowerBound + offset }
    }
    if let place = found[12], let count = reader.integer(place + 12, 4), count <= 1 << 20 {
      (self.place, format, self.count) = (place, 12, count)
    } else if let place = found[4], let twice = reader.integer(place + 6, 2) {
      (self.place, format, count) = (place, 4, twice / 2)
    } else {
      return nil
    }
  }

  func glyph(of code: Int, _ reader: BigEndianBytes) -> Int? {
    // The first segment that ends at the code or beyond.
    let (ends, stride, size) = format == 12 ? (place + 20, 12, 4) : (place + 14, 2, 2)
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      guard let end = reader.integer(ends + stride * middle, size) else { return nil }
      if end < code { low = middle + 1 } else { high = middle }
    }
    guard low < count else { return nil }
    if format == 12 {
      let group = place + 16 + 12 * low
      guard let start = reader.integer(group, 4), start <= code,
        let first = reader.integer(group + 8, 4)
      else { return nil }
      return first + code - start
    }
    guard code <= 0xFFFF else { return nil }
    let starts = place + 16 + 2 * count
    guard let start = reader.integer(starts + 2 * low, 2), start <= code,
      let delta = reader.integer(starts + 2 * (count + low), 2)
    else { return nil }
    let offsetPlace = starts + 2 * (2 * count + low)
    guard let offset = reader.integer(offsetPlace, 2) else { return nil }
    guard offset > 0 else { return (code + delta) & 0xFFFF }
    guard let glyph = reader.integer(offsetPlace + offset + 2 * (code - start), 2), glyph > 0 else {
      return nil
    }
    return (glyph + delta) & 0xFFFF
  }
}
