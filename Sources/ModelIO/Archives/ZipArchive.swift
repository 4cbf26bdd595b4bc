import CZlib

/// A ZIP archive of which entries are read one at a time: stored ones where they lie, deflated ones unpacked to
/// the size that the list gives.
///
/// Memory: the list, and of a deflated entry at most ``ZipLimits/ratio`` times its bytes in the file.
struct ZipArchive: Sendable {
  let path: String
  /// In the order of the list.
  let entries: [ZipEntry]
  private let content: FileContent
  /// Where the data of each entry lies in the file.
  private let ranges: [Range<Int>]
  private let indices: [String: Int]
  /// Whether a checksum of 0 says that there is none, as torch.save can be told to write.
  private let mayLackChecksums: Bool

  /// - Throws: ``FileError`` when the list breaks a rule, see ``ZipDirectory``, entries overlap, or an entry's own
  ///   header contradicts the list.
  init(_ content: FileContent, path: String, mayLackChecksums: Bool = false) throws(FileError) {
    let (entries, ranges) = try content.withBytes {
      (file) throws(FileError) -> ([ZipEntry], [Range<Int>]) in
      let entries = try ZipDirectory(parsing: file, path: path).entries
      return (entries, try ZipArchive.ranges(of: entries, in: file, path: path))
    }
    (self.path, self.content, self.entries, self.ranges) = (path, content, entries, ranges)
    self.mayLackChecksums = mayLackChecksums
    indices = Dictionary(
      entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The same archive with checksums of 0 taken for missing ones.
  func lackingChecksums() throws(FileError) -> ZipArchive {
    try ZipArchive(content, path: path, mayLackChecksums: true)
  }

  /// The number of an entry in ``entries``; nil when there is none of this name.
  func index(of name: String) -> Int? { indices[name] }

  /// Data ranges, none of which overlaps another entry.
  private static func ranges(
    of entries: [ZipEntry], in file: UnsafeRawBufferPointer, path: String
  ) throws(FileError) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    ranges.reserveCapacity(entries.count)
    for entry in entries {
      var cursor = ByteCursor(file, at: entry.headerStart)
      // Sizes and checksum may stand behind the data here; the list has them.
      guard entry.headerStart <= file.count, cursor.number(UInt32.self) == 0x0403_4B50,
        cursor.number(UInt32.self) != nil, let method = cursor.number(UInt16.self),
        cursor.take(16) != nil, let nameCount = cursor.number(UInt16.self),
        let extraCount = cursor.number(UInt16.self), let name = cursor.take(Int(nameCount)),
        cursor.take(Int(extraCount)) != nil, let data = cursor.take(entry.packedCount)
      else {
        throw zipDamaged(
          path, "its entry \(entry.name.quotedForMessage) is not where the list says")
      }
      guard (method == 8) == entry.isDeflated, file[name].elementsEqual(entry.name.utf8) else {
        throw zipDamaged(path, "its entry \(entry.name.quotedForMessage) contradicts the list")
      }
      ranges.append(data)
    }
    var end = 0
    for index in entries.indices.sorted(by: { entries[$0].headerStart < entries[$1].headerStart }) {
      guard entries[index].headerStart >= end else {
        throw zipDamaged(path, "its entry \(entries[index].name.quotedForMessage) overlaps another")
      }
      end = ranges[index].upperBound
    }
    return ranges
  }

  /// Calls `body` with the unpacked bytes of an entry, whose checksum has been compared.
  ///
  /// - Throws: ``FileError`` when they do not unpack to the size in the list, or have another checksum.
  func withEntry<Result>(
    _ index: Int, _ body: (UnsafeRawBufferPointer) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    let entry = entries[index]
    return try content.withBytes(ranges[index]) { (packed) throws(FileError) -> Result in
      guard entry.isDeflated else {
        try check(packed, entry)
        return try body(packed)
      }
      let (bytes, status) = Deflate.unpacked(.raw, packed, room: entry.count)
      guard status == GRADLEAK_INFLATE_ENDED, bytes.count == entry.count else {
        throw damaged(entry)
      }
      return try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) -> Result in
        try check(UnsafeRawBufferPointer(buffer), entry)
        return try body(UnsafeRawBufferPointer(buffer))
      }
    }
  }

  /// At most the first `count` bytes of an entry, whose checksum is not compared.
  func head(of index: Int, count: Int) throws(FileError) -> [UInt8] {
    let entry = entries[index]
    let room = min(count, entry.count)
    return try content.withBytes(ranges[index]) { (packed) throws(FileError) -> [UInt8] in
      guard entry.isDeflated else { return Array(packed.prefix(room)) }
      let (bytes, status) = Deflate.unpacked(.raw, packed, room: room)
      guard status != GRADLEAK_INFLATE_DAMAGED, bytes.count == room else { throw damaged(entry) }
      return bytes
    }
  }

  private func check(_ bytes: UnsafeRawBufferPointer, _ entry: ZipEntry) throws(FileError) {
    if mayLackChecksums, entry.checksum == 0 { return }
    let found = gradleak_crc32(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    guard found == entry.checksum else { throw damaged(entry) }
  }

  private func damaged(_ entry: ZipEntry) -> FileError {
    FileError(
      path: path, problem: "its entry \(entry.name.quotedForMessage) is damaged",
      remedy: "save or download it again")
  }
}
