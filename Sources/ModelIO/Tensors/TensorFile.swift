import TensorGraph

/// A file of tensors in any of the formats that PyTorch, NumPy and their frameworks write, each tensor read when it
/// is asked for: safetensors; what `torch.save` writes (`.pt`, `.pth`, `.bin`); NumPy's `.npz` and `.npy`; and a
/// folder of `.npy` files. The first bytes decide, never the name. Nothing in a file is ever run.
///
/// The file must not be shortened while it is open.
public struct TensorFile: Sendable {
  /// What a file is.
  public enum Format: String, Hashable, Sendable, CaseIterable {
    case safetensors
    /// A ZIP archive of `torch.save`.
    case pyTorch = "PyTorch"
    case npz
    case npy
    case npyFolder = "folder of npy"
  }

  /// The path as the user gave it.
  public let path: String
  /// By its first bytes.
  public let format: Format
  /// The names of the tensors: of safetensors sorted, of others in the file's order. Lists have numbers for names.
  public let names: [String]
  /// Of safetensors; empty for others.
  public let metadata: [String: String]
  /// Where the tensors were found in the file and what was passed over; nil where that is plain.
  public let note: Sentence?
  private let content: Content

  private enum Content: Sendable {
    case safetensors(SafetensorsFile)
    case table(ArrayTable)
  }

  /// Opens the file or folder at `path`.
  ///
  /// - Throws: ``FileError`` when it cannot be read, is none of these, breaks a rule of its format, or asks for what
  ///   is not read, which is named.
  public init(contentsOf path: String) throws(FileError) {
    if fileStatus(of: path)?.isDirectory == true {
      self.init(path, .npyFolder, try ArrayTable(folder: path))
      return
    }
    try self.init(
      .mapped(try MappedFile(path, expected: "a file of tensors (\(TensorFile.formats))")),
      path: path)
  }

  /// Takes a file that is in memory already; `path` only names it in messages.
  package init(bytes: [UInt8], path: String) throws(FileError) {
    try self.init(.bytes(bytes), path: path)
  }

  /// Takes a pickle without its archive, with storages of zeros: for tests of the pickle machine.
  ///
  /// - Parameter storageLimit: bytes of a storage, above which it is taken to be missing.
  package init(
    pickle bytes: [UInt8], path: String, storageLimit: Int = 1 << 20
  ) throws(FileError) {
    let content = FileContent.bytes(bytes)
    let zeros = [UInt8](repeating: 0, count: storageLimit)
    let file = try content.withBytes { (pickle) throws(FileError) -> TorchFile in
      try TorchFile(
        pickle: pickle, source: .content(content), isBigEndian: false,
        storage: { stated in
          let (count, overflows) = stated.count.multipliedReportingOverflow(
            by: stated.type?.byteCount ?? 1)
          guard !overflows, count <= storageLimit else { return nil }
          return TorchStorage(source: .content(.bytes(zeros)), byteCount: count)
        }, path: path)
    }
    self.init(path, .pyTorch, ArrayTable(file.tensors), note: file.note)
  }

  /// Whether a file is one of tensors by its first bytes.
  package static func isThere(_ path: String) -> Bool {
    guard let file = try? MappedFile(path, expected: "a file"),
      let format = FileFormat(of: file.bytes.prefix(FileFormat.headByteCount))
    else { return false }
    return WantedFile.tensors.accepts(format)
  }

  /// What is read, for messages.
  package static let formats = "safetensors, .pt, .npz or .npy"

  private init(_ content: FileContent, path: String) throws(FileError) {
    let head = content.withBytes { Array($0.prefix(FileFormat.headByteCount)) }
    try WantedFile.tensors.refuseOthers(head, path: path)
    switch FileFormat(of: head) {
    case .pyTorch, .npz, .zip:
      let archive = try ZipArchive(content, path: path)
      if let pickle = archive.entries.map(\.name).first(where: TensorFile.isPickle) {
        let file = try TorchFile(archive, root: String(pickle.dropLast("data.pkl".count)))
        self.init(path, .pyTorch, ArrayTable(file.tensors), note: file.note)
        return
      }
      guard
        archive.entries.contains(where: { $0.name.hasSuffix(".npy") }) || archive.entries.isEmpty
      else {
        throw FileError(
          path: path,
          problem: "this ZIP archive holds neither what torch.save nor what numpy.savez writes",
          remedy: "give the file of tensors itself (\(TensorFile.formats))")
      }
      self.init(path, .npz, try ArrayTable(npz: archive))
    case .npy:
      self.init(path, .npy, try ArrayTable(npy: content, path: path))
    case .safetensors:
      self.init(try SafetensorsFile(content, path: path))
    default:
      throw FileError(
        path: path,
        problem: head.isEmpty
          ? "the file is empty"
          : "its first bytes are those of no file of tensors that is read",
        remedy: "give a file of tensors (\(TensorFile.formats))")
    }
  }

  /// Whether an entry is the pickle of an archive, at its root or in the folder that is its only one.
  private static func isPickle(_ name: String) -> Bool {
    name == "data.pkl" || (name.hasSuffix("/data.pkl") && name.count { $0 == "/" } == 1)
  }

  private init(_ path: String, _ format: Format, _ table: ArrayTable, note: String? = nil) {
    self.path = path
    self.format = format
    names = table.items.map(\.name)
    metadata = [:]
    self.note = note.map { Sentence($0) }
    content = .table(table)
  }

  /// A safetensors file.
  public init(_ file: SafetensorsFile) {
    path = file.path
    format = .safetensors
    names = file.names
    metadata = file.metadata
    note = nil
    content = .safetensors(file)
  }

  /// Shape and element type of the tensor as it would be read; nil when there is none so named.
  public func type(of name: String) -> TensorType? {
    switch content {
    case .safetensors(let file): file.type(of: name)
    case .table(let table): table.item(named: name)?.stored.readType
    }
  }

  /// The element type in the file, before widening; nil when there is no tensor so named.
  public func storedType(of name: String) -> StoredType? {
    switch content {
    case .safetensors(let file): file.storedType(of: name)
    case .table(let table): table.item(named: name)?.stored.type
    }
  }

  /// Reads one tensor. `F16` and `BF16` widen to `f32`, small integers to `i32`, `U32` to `i64`.
  ///
  /// - Throws: ``FileError`` when the file has no tensor of this name, or its bytes are damaged.
  public func tensor(named name: String) throws(FileError) -> Tensor {
    switch content {
    case .safetensors(let file): return try file.tensor(named: name)
    case .table(let table):
      guard let item = table.item(named: name) else {
        throw missingTensor(name, of: names, path: path)
      }
      return try item.read()
    }
  }

  /// Whether the names stand in the order in which they were saved.
  package var keepsOrder: Bool { format == .pyTorch || format == .npz }

  /// Names and shapes, in order.
  package var shapes: [(name: String, shape: Shape)] {
    names.map { ($0, type(of: $0)?.shape ?? []) }
  }
}

/// Of a tensor that a file lacks.
func missingTensor(_ name: String, of names: [String], path: String) -> FileError {
  let known = names.prefix(4).map(\.quotedForMessage).joined(separator: ", ")
  return FileError(
    path: path, problem: "there is no tensor named \(name.quotedForMessage)",
    remedy: names.isEmpty
      ? "give a file that has tensors"
      : "use one of its \(names.count) names: \(known)\(names.count > 4 ? ", …" : "")")
}
