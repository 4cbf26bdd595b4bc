import TensorGraph

extension ArrayTable {
  /// A .npy file as a table of one, named 0.
  init(npy content: FileContent, path: String) throws(FileError) {
    self.init([try ArrayTable.item("0", content, path: path)])
  }

  private static func item(
    _ name: String, _ content: FileContent, path: String
  ) throws(FileError) -> Item {
    let stored = try content.withBytes { (bytes) throws(FileError) -> StoredTensor in
      try NPYHeader(bytes, path: path).array(in: bytes.count, path: path)
    }
    return Item(name: name, source: .content(content), stored: stored)
  }

  /// A .npz archive, as `numpy.savez` writes it: entries NAME.npy, stored or deflated.
  init(npz archive: ZipArchive) throws(FileError) {
    var items: [Item] = []
    for (index, entry) in archive.entries.enumerated() {
      guard entry.name.hasSuffix(".npy"), entry.name.count > 4 else {
        throw FileError(
          path: archive.path,
          problem: "its entry \(entry.name.quotedForMessage) is no array of a NumPy archive",
          remedy: "save arrays alone with numpy.savez")
      }
      let name = String(entry.name.dropLast(4))
      let head = try archive.head(of: index, count: NPYHeader.largestByteCount)
      let stored = try head.withUnsafeBufferPointer { (bytes) throws(FileError) -> StoredTensor in
        try NPYHeader(
          UnsafeRawBufferPointer(bytes), path: "\(archive.path), \(name)"
        ).array(in: entry.count, path: "\(archive.path), \(name)")
      }
      items.append(Item(name: name, source: .entry(archive, index), stored: stored))
    }
    self.init(items)
  }

  /// The .npy files of a folder, by their names without the ending, in natural order: 2 before 10.
  init(folder path: String) throws(FileError) {
    let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    let names = FolderMarker.entries(of: folder).filter {
      $0.lowercased().hasSuffix(".npy") && $0.count > 4 && !$0.hasPrefix(".")
    }
    guard !names.isEmpty, names.count <= ArrayTable.fileLimit else {
      throw FileError(
        path: path,
        problem: names.isEmpty
          ? "this folder holds no .npy files"
          : "this folder holds \(names.count) .npy files, more than the \(ArrayTable.fileLimit) allowed",
        remedy: "give a file of tensors, or a folder with one .npy file for each")
    }
    var items: [Item] = []
    for name in names.sorted(by: { $0.isNaturallyBefore($1) }) {
      let file = folder + "/" + name
      items.append(
        try ArrayTable.item(
          String(name.dropLast(4)),
          .mapped(try MappedFile(file, expected: "a .npy file")), path: file))
    }
    self.init(items)
  }

  /// Files of a folder, each of which is mapped.
  private static let fileLimit = 10_000
}

extension String {
  /// Order in which runs of digits count as numbers.
  func isNaturallyBefore(_ other: String) -> Bool {
    let (own, others) = (naturalParts, other.naturalParts)
    for (left, right) in zip(own, others) where left != right {
      let (isNumber, isOther) = (left.first?.isNumber == true, right.first?.isNumber == true)
      guard isNumber, isOther else { return left < right }
      let (short, long) = (left.drop { $0 == "0" }, right.drop { $0 == "0" })
      if short.count != long.count { return short.count < long.count }
      if short != long { return short < long }
      return left.count < right.count
    }
    return own.count < others.count
  }

  /// Runs of ASCII digits, and what is between.
  private var naturalParts: [Substring] {
    var parts: [Substring] = []
    var rest = self[...]
    while let first = rest.first {
      let isDigit = first.isASCII && first.isNumber
      let part = rest.prefix { ($0.isASCII && $0.isNumber) == isDigit }
      parts.append(part)
      rest = rest[part.endIndex...]
    }
    return parts
  }
}
