import TensorGraph

/// What `torch.save` writes since version 1.6: a ZIP archive with a pickle and the bytes of the storages
/// (`NAME/data.pkl`, `NAME/data/0`, …). The pickle is read by ``PickleMachine``, which runs nothing.
struct TorchFile {
  /// In the order of the file.
  private(set) var tensors: [ArrayTable.Item] = []
  private(set) var note: String?

  /// All tensors together may name as many times the numbers of the storages: tied weights name theirs twice.
  private static let sharing = 16

  /// - Parameters:
  ///   - archive: that holds `data.pkl`.
  ///   - root: what stands before that in names of entries.
  /// - Throws: ``FileError`` for what is refused, and for tensors that do not lie in their storage.
  init(_ archive: ZipArchive, root: String) throws(FileError) {
    let archive = try archive.lackingChecksums()
    guard let pickle = archive.index(of: root + "data.pkl") else {
      throw zipDamaged(archive.path, "it has no data.pkl")
    }
    if archive.index(of: root + "constants.pkl") != nil {
      throw FileError(
        path: archive.path, problem: "this is a TorchScript model, which holds a program",
        remedy:
          "save its tensors alone in Python: torch.save(torch.jit.load(\"in.pt\").state_dict(), \"out.pt\")"
      )
    }
    guard archive.entries[pickle].count <= PickleLimits.byteCount else {
      throw FileError(
        path: archive.path,
        problem: "its pickle has \(archive.entries[pickle].count) bytes, more than the "
          + "\(PickleLimits.byteCount) allowed", remedy: "save tensors instead of NumPy arrays")
    }
    var isBigEndian = false
    if let order = archive.index(of: root + "byteorder") {
      isBigEndian = try archive.head(of: order, count: 3) == Array("big".utf8)
    }
    let storage = { (stated: PickleStorage) -> TorchStorage? in
      archive.index(of: root + "data/" + stated.key).map {
        TorchStorage(source: .entry(archive, $0), byteCount: archive.entries[$0].count)
      }
    }
    self = try archive.withEntry(pickle) { (bytes) throws(FileError) -> TorchFile in
      try TorchFile(
        pickle: bytes, source: .entry(archive, pickle), isBigEndian: isBigEndian,
        storage: storage, path: archive.path)
    }
  }

  /// - Parameters:
  ///   - source: of the same bytes as `pickle`.
  ///   - storage: the bytes of one; nil where there are none.
  init(
    pickle: UnsafeRawBufferPointer, source: ArraySource, isBigEndian: Bool,
    storage: (PickleStorage) -> TorchStorage?, path: String
  ) throws(FileError) {
    let (root, objects) = try PickleMachine.run(pickle, path: path)
    let tree = try PickleTree(root, objects, pickle, path: path)
    note = tree.note
    var storages: [Int: TorchStorage] = [:]
    var (elements, available) = (0, 0)
    for leaf in tree.leaves {
      switch leaf.value {
      case .tensor(let index):
        let tensor = objects.tensors[index]
        let stated = objects.storages[tensor.storage]
        if storages[tensor.storage] == nil {
          guard let found = storage(stated),
            stated.count.multipliedReportingOverflow(by: stated.type?.byteCount ?? 1)
              == (found.byteCount, false)
          else {
            throw TorchFile.wrong(leaf.name, "its storage is missing or of another size", path)
          }
          storages[tensor.storage] = found
          available += found.byteCount
        }
        guard let found = storages[tensor.storage] else { continue }
        let stored = try TorchFile.stored(
          tensor, isBigEndian: isBigEndian, in: found.byteCount, leaf.name, path)
        elements += stored.byteCount
        tensors.append(ArrayTable.Item(name: leaf.name, source: found.source, stored: stored))
      case .array(let index):
        let item = try TorchFile.item(leaf.name, objects.arrays[index], objects, source, path)
        elements += item.stored.byteCount
        tensors.append(item)
      default: break
      }
      guard elements / TorchFile.sharing <= available + pickle.count else {
        throw FileError(
          path: path,
          problem: "its tensors name the same numbers more than \(TorchFile.sharing) times over",
          remedy: "save each tensor once")
      }
    }
  }

  private static func stored(
    _ tensor: PickleTensor, isBigEndian: Bool, in byteCount: Int, _ name: String, _ path: String
  ) throws(FileError) -> StoredTensor {
    guard let shape = try? Shape(validating: tensor.shape),
      tensor.strides.count == tensor.shape.count,
      case let (start, overflows) = tensor.offset.multipliedReportingOverflow(
        by: tensor.type.byteCount), !overflows
    else { throw wrong(name, "its shape, strides or offset are none", path) }
    let stored = StoredTensor(
      type: tensor.type, shape: shape, strides: tensor.strides, isBigEndian: isBigEndian,
      start: start)
    guard stored.fits(in: byteCount) else {
      throw wrong(name, "it does not lie within its storage", path)
    }
    guard stored.byteCount <= byteCount else {
      throw FileError(
        path: path,
        problem:
          "tensor \(name.quotedForMessage) of shape \(shape) is an expanded view of fewer numbers",
        remedy: "save it after .contiguous()")
    }
    return stored
  }

  /// An array whose numbers stand in the pickle.
  private static func item(
    _ name: String, _ array: PickleArray, _ objects: PickleObjects, _ source: ArraySource,
    _ path: String
  ) throws(FileError) -> ArrayTable.Item {
    guard let number = array.type else { throw wrong(name, "it was never filled", path) }
    let description = objects.arrayTypes[number]
    guard let type = NPYHeader.elementType(code: description.code) else {
      throw FileError(
        path: path,
        problem:
          "the array \(name.quotedForMessage) has the type \(description.code.quotedForMessage), "
          + "which cannot be read", remedy: "convert it with .astype(numpy.float32)")
    }
    guard let shape = try? Shape(validating: array.shape) else {
      throw wrong(name, "its shape is none", path)
    }
    var stored = StoredTensor(type: type, shape: shape, isBigEndian: description.isBigEndian)
    if array.isColumnMajor { stored.strides = StoredTensor.columnMajorStrides(shape) }
    guard stored.byteCount == array.bytes.count else {
      throw wrong(name, "it has other bytes than its shape needs", path)
    }
    switch array.bytes {
    case .range(let range):
      stored.start = range.lowerBound
      return ArrayTable.Item(name: name, source: source, stored: stored)
    case .owned(let bytes):
      return ArrayTable.Item(name: name, source: .content(.bytes(bytes)), stored: stored)
    }
  }

  private static func wrong(_ name: String, _ problem: String, _ path: String) -> FileError {
    FileError(
      path: path, problem: "tensor \(name.quotedForMessage) is damaged: \(problem)",
      remedy: "save it again with torch.save")
  }
}

/// The bytes that tensors of a file lie in.
struct TorchStorage {
  let source: ArraySource
  let byteCount: Int
}
