extension TrueTypeFont {
  /// A font file with the outlines of these glyphs alone, under the numbers that they have here.
  func subset(_ glyphs: Set<Int>) -> [UInt8] {
    var kept: Set<Int> = [0]
    var open = glyphs.filter { $0 < glyphCount }
    while let glyph = open.popFirst() {
      guard kept.insert(glyph).inserted else { continue }
      open.formUnion(components(of: glyph))
    }
    let count = (kept.max() ?? 0) + 1
    var glyf: [UInt8] = []
    var loca: [UInt8] = []
    var hmtx: [UInt8] = []
    for glyph in 0..<count {
      loca += TrueTypeFont.bigEndian(glyf.count, 4)
      hmtx += metrics(glyph)
      guard kept.contains(glyph) else { continue }
      glyf += outline(glyph)
      while glyf.count % 4 != 0 { glyf.append(0) }
    }
    loca += TrueTypeFont.bigEndian(glyf.count, 4)
    var tables: [(String, [UInt8])] = []
    for tag in ["cvt ", "fpgm"] { if let table = table(tag) { tables.append((tag, Array(table))) } }
    tables.append(("glyf", glyf))
    // Long offsets, and no checksum: nothing reads it.
    tables.append(("head", changed("head", [(8, 0, 4), (50, 1, 2)])))
    tables.append(("hhea", changed("hhea", [(34, count, 2)])))
    tables += [("hmtx", hmtx), ("loca", loca)]
    tables.append(("maxp", changed("maxp", [(4, count, 2)])))
    if let table = table("prep") { tables.append(("prep", Array(table))) }
    return TrueTypeFont.file(tables)
  }

  /// Advance and left bearing.
  private func metrics(_ glyph: Int) -> [UInt8] {
    guard let hmtx = table("hmtx"), let hhea = table("hhea") else { return [0, 0, 0, 0] }
    let reader = BigEndianBytes(Array(hhea))
    let longCount = max(reader.integer(34, 2) ?? 1, 1)
    let start = hmtx.startIndex
    let advance = start + 4 * min(glyph, longCount - 1)
    let bearing =
      glyph < longCount ? advance + 2 : start + 4 * longCount + 2 * (glyph - longCount)
    guard advance + 2 <= hmtx.endIndex, bearing + 2 <= hmtx.endIndex else { return [0, 0, 0, 0] }
    return Array(hmtx[advance..<advance + 2] + hmtx[bearing..<bearing + 2])
  }

  /// A table with other numbers at some places.
  private func changed(
    _ tag: String, _ changes: [(place: Int, value: Int, count: Int)]
  ) -> [UInt8] {
    var bytes = table(tag).map(Array.init) ?? []
    for change in changes where change.place + change.count <= bytes.count {
      bytes.replaceSubrange(
        change.place..<change.place + change.count,
        with: TrueTypeFont.bigEndian(change.value, change.count))
    }
    return bytes
  }

  private static func file(_ tables: [(tag: String, bytes: [UInt8])]) -> [UInt8] {
    let power = Int(log2(tables.count))
    var directory: [UInt8] = bigEndian(0x0001_0000, 4) + bigEndian(tables.count, 2)
    directory += bigEndian(16 << power, 2) + bigEndian(power, 2)
    directory += bigEndian(16 * tables.count - (16 << power), 2)
    var body: [UInt8] = []
    let start = 12 + 16 * tables.count
    for (tag, bytes) in tables {
      directory += Array(tag.utf8) + bigEndian(checksum(bytes), 4)
      directory += bigEndian(start + body.count, 4) + bigEndian(bytes.count, 4)
      body += bytes
      while body.count % 4 != 0 { body.append(0) }
    }
    return directory + body
  }

  private static func log2(_ count: Int) -> Int {
    Int.bitWidth - 1 - max(count, 1).leadingZeroBitCount
  }

  private static func checksum(_ bytes: [UInt8]) -> Int {
    var sum: UInt32 = 0
    for start in stride(from: 0, to: bytes.count, by: 4) {
      var word: UInt32 = 0
      for index in start..<start + 4 {
        word = word << 8 | (index < bytes.count ? UInt32(bytes[index]) : 0)
      }
      sum &+= word
    }
    return Int(sum)
  }

  static func bigEndian(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
