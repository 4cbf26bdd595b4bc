import TensorGraph

/// Where the bytes of tensors come from.
enum ArraySource: Sendable {
  case content(FileContent)
  /// An entry by its number.
  case entry(ZipArchive, Int)

  func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    switch self {
    case .content(let content): try content.withBytes(body)
    case .entry(let archive, let index): try archive.withEntry(index, body)
    }
  }
}

/// Tensors by name, in the order of their file, each read when it is asked for.
struct ArrayTable: Sendable {
  struct Item: Sendable {
    let name: String
    let source: ArraySource
    let stored: StoredTensor
  }

  let items: [Item]
  private let indices: [String: Int]

  /// - Parameter items: with names of their own.
  init(_ items: [Item]) {
    self.items = items
    indices = Dictionary(
      items.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func item(named name: String) -> Item? { indices[name].map { items[$0] } }
}

extension ArrayTable.Item {
  /// - Throws: ``FileError`` when its entry is damaged.
  func read() throws(FileError) -> Tensor {
    try source.withBytes { stored.read($0) }
  }
}
