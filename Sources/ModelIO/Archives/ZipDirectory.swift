/// One file in a ZIP archive.
struct ZipEntry: Hashable, Sendable {
  let name: String
  /// Deflated rather than stored.
  let isDeflated: Bool
  /// CRC-32 of the unpacked bytes.
  let checksum: UInt32
  /// Of its local header in the file.
  let headerStart: Int
  /// Bytes in the file.
  let packedCount: Int
  /// Bytes when unpacked.
  let count: Int
}

/// What a ZIP archive may hold. Whatever is refused by these is refused before anything is unpacked.
enum ZipLimits {
  static let entryCount = 100_000
  static let nameByteCount = 512
  /// Of all names and other descriptions together.
  static let directoryByteCount = 64 << 20
  /// Unpacked bytes for each packed one: deflate comes to 1032.
  static let ratio = 1032
  /// Unpacked bytes of one deflated entry; stored ones are mapped.
  static let deflatedByteCount = 4 << 30
}

/// The list of entries at the end of a ZIP archive (APPNOTE.TXT 6.3, sections 4.3.12 to 4.3.16), with ZIP64.
///
/// The list alone is believed, and checked against the file: what overlaps, lies elsewhere or is named twice is
/// refused, and so are encryption, several volumes and anything before the archive.
struct ZipDirectory {
  let entries: [ZipEntry]

  private static let endSize = 22
  private static let wideEndSize = 56
  private static let locatorSize = 20

  init(parsing file: UnsafeRawBufferPointer, path: String) throws(FileError) {
    let end = try ZipDirectory.endRecord(file, path)
    guard end.count <= ZipLimits.entryCount else {
      throw FileError(
        path: path,
        problem:
          "the archive has \(end.count) entries, more than the \(ZipLimits.entryCount) allowed",
        remedy: "save fewer tensors to one file")
    }
    guard end.range.count <= ZipLimits.directoryByteCount else {
      throw FileError(
        path: path,
        problem: "the archive's list has \(end.range.count) bytes, more than the "
          + "\(ZipLimits.directoryByteCount) allowed", remedy: "give its tensors shorter names")
    }
    var cursor = ByteCursor(
      UnsafeRawBufferPointer(rebasing: file[..<end.range.upperBound]), at: end.range.lowerBound)
    var entries: [ZipEntry] = []
    var names: Set<String> = []
    entries.reserveCapacity(min(end.count, end.range.count / 46))
    for _ in 0..<end.count {
      let entry = try ZipDirectory.entry(&cursor, path)
      guard names.insert(entry.name).inserted else {
        throw zipDamaged(path, "it has \(entry.name.quotedForMessage) twice")
      }
      entries.append(entry)
    }
    guard cursor.position == end.range.upperBound else {
      throw zipDamaged(path, "its list has more entries than it says")
    }
    self.entries = entries
  }

  // MARK: - End records

  private struct End {
    var count: Int
    var range: Range<Int>
  }

  private static func endRecord(
    _ file: UnsafeRawBufferPointer, _ path: String
  ) throws(FileError) -> End {
    guard file.count >= endSize else { throw zipDamaged(path, "it has only \(file.count) bytes") }
    // A comment of up to 65535 bytes may follow the record.
    let first = max(0, file.count - endSize - Int(UInt16.max))
    for start in stride(from: file.count - endSize, through: first, by: -1)
    where file[start] == UInt8(ascii: "P") {
      var cursor = ByteCursor(file, at: start)
      guard cursor.number(UInt32.self) == 0x0605_4B50, let disk = cursor.number(UInt16.self),
        let directoryDisk = cursor.number(UInt16.self), let here = cursor.number(UInt16.self),
        let count = cursor.number(UInt16.self), let size = cursor.number(UInt32.self),
        let offset = cursor.number(UInt32.self), let comment = cursor.number(UInt16.self),
        cursor.position + Int(comment) == file.count
      else { continue }
      if let wide = try wideEndRecord(file, endingAt: start, path) { return wide }
      guard disk == 0, directoryDisk == 0, here == count else {
        throw zipDamaged(path, "it is one of several volumes")
      }
      return try checked(
        End(count: Int(count), range: Int(offset)..<Int(offset) + Int(size)), before: start, path)
    }
    throw zipDamaged(path, "its end is missing, as after a download that broke off")
  }

  /// The ZIP64 records before the end record; nil when there are none.
  private static func wideEndRecord(
    _ file: UnsafeRawBufferPointer, endingAt end: Int, _ path: String
  ) throws(FileError) -> End? {
    guard end >= locatorSize + wideEndSize else { return nil }
    var locator = ByteCursor(file, at: end - locatorSize)
    guard locator.number(UInt32.self) == 0x0706_4B50 else { return nil }
    let start = end - locatorSize - wideEndSize
    guard locator.number(UInt32.self) == 0, locator.number(UInt64.self) == UInt64(start),
      locator.number(UInt32.self) == 1
    else { throw zipDamaged(path, "its ZIP64 locator is damaged") }
    var cursor = ByteCursor(file, at: start)
    guard cursor.number(UInt32.self) == 0x0606_4B50,
      cursor.number(UInt64.self) == UInt64(wideEndSize - 12), cursor.number(UInt32.self) != nil,
      cursor.number(UInt32.self) == 0, cursor.number(UInt32.self) == 0,
      let here = cursor.number(UInt64.self), let count = cursor.number(UInt64.self), here == count,
      let size = cursor.number(UInt64.self), let offset = cursor.number(UInt64.self),
      let count = Int(exactly: count), size <= UInt64(start), offset <= UInt64(start)
    else { throw zipDamaged(path, "its ZIP64 record is damaged") }
    return try checked(
      End(count: count, range: Int(offset)..<Int(offset) + Int(size)), before: start, path)
  }

  /// Nothing may stand between the list and what follows it.
  private static func checked(_ end: End, before start: Int, _ path: String) throws(FileError)
    -> End
  {
    guard end.range.upperBound == start else {
      throw zipDamaged(path, "its list is not where it says")
    }
    return end
  }

  // MARK: - Entries

  private static func entry(
    _ cursor: inout ByteCursor, _ path: String
  ) throws(FileError) -> ZipEntry {
    guard cursor.number(UInt32.self) == 0x0201_4B50, cursor.number(UInt32.self) != nil,
      let flags = cursor.number(UInt16.self), let method = cursor.number(UInt16.self),
      cursor.number(UInt32.self) != nil, let checksum = cursor.number(UInt32.self),
      let packed = cursor.number(UInt32.self), let count = cursor.number(UInt32.self),
      let nameCount = cursor.number(UInt16.self), let extraCount = cursor.number(UInt16.self),
      let commentCount = cursor.number(UInt16.self), let disk = cursor.number(UInt16.self),
      cursor.number(UInt16.self) != nil, cursor.number(UInt32.self) != nil,
      let offset = cursor.number(UInt32.self), let name = cursor.take(Int(nameCount)),
      let extra = cursor.take(Int(extraCount)), cursor.take(Int(commentCount)) != nil
    else { throw zipDamaged(path, "its list ends early") }
    let text = try entryName(cursor.bytes[name], path)
    let sizes = try wideSizes(
      cursor.bytes[extra], [UInt64(count), UInt64(packed), UInt64(offset)], text, path)
    guard flags & 0x2041 == 0 else {
      throw FileError(
        path: path, problem: "its entry \(text.quotedForMessage) is encrypted",
        remedy: "save the tensors without a password")
    }
    guard method == 0 || method == 8 else {
      throw FileError(
        path: path,
        problem:
          "its entry \(text.quotedForMessage) is packed by method \(method), and only stored and "
          + "deflated ones are read", remedy: "save the file anew with torch.save or numpy.savez")
    }
    guard disk == 0 || disk == UInt16.max, let count = Int(exactly: sizes[0]),
      let packed = Int(exactly: sizes[1]), let offset = Int(exactly: sizes[2]),
      method == 8 || packed == count
    else { throw zipDamaged(path, "the sizes of \(text.quotedForMessage) contradict each other") }
    if method == 8 {
      guard count / ZipLimits.ratio <= packed, count <= ZipLimits.deflatedByteCount else {
        throw FileError(
          path: path,
          problem:
            "its entry \(text.quotedForMessage) would unpack \(packed) bytes to \(count), more than "
            + "\(ZipLimits.ratio) times as many or more than \(ZipLimits.deflatedByteCount)",
          remedy: "save it without compression")
      }
    }
    return ZipEntry(
      name: text, isDeflated: method == 8, checksum: checksum, headerStart: offset,
      packedCount: packed, count: count)
  }

  private static func entryName(
    _ bytes: Slice<UnsafeRawBufferPointer>, _ path: String
  ) throws(FileError) -> String {
    guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty,
      bytes.count <= ZipLimits.nameByteCount, !name.hasPrefix("/"),
      !name.split(separator: "/").contains(".."),
      !name.unicodeScalars.contains(where: { $0 == "\\" || $0.value < 0x20 || $0.value == 0x7F })
    else {
      let shown = String(decoding: bytes.prefix(120), as: UTF8.self)
      throw zipDamaged(path, "it has an entry with the name \(shown.quotedForMessage)")
    }
    return name
  }

  /// Sizes and offset, those of the ZIP64 field in place of 0xFFFFFFFF.
  private static func wideSizes(
    _ extra: Slice<UnsafeRawBufferPointer>, _ narrow: [UInt64], _ name: String, _ path: String
  ) throws(FileError) -> [UInt64] {
    guard narrow.contains(UInt64(UInt32.max)) else { return narrow }
    var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: extra))
    while let kind = cursor.number(UInt16.self), let size = cursor.number(UInt16.self),
      let field = cursor.take(Int(size))
    {
      guard kind == 1 else { continue }
      var numbers = ByteCursor(UnsafeRawBufferPointer(rebasing: cursor.bytes[field]))
      var sizes: [UInt64] = []
      for value in narrow {
        guard value == UInt64(UInt32.max) else {
          sizes.append(value)
          continue
        }
        guard let wide = numbers.number(UInt64.self) else { break }
        sizes.append(wide)
      }
      if sizes.count == narrow.count { return sizes }
    }
    throw zipDamaged(path, "the ZIP64 sizes of \(name.quotedForMessage) are missing")
  }
}

/// An archive that breaks a rule of the format.
func zipDamaged(_ path: String, _ problem: String) -> FileError {
  FileError(
    path: path, problem: "this is no whole ZIP archive: \(problem)",
    remedy: "save or download it again")
}
