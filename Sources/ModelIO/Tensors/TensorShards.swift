import TensorGraph

/// The tensors of one file, or of several that an index puts together, as Hugging Face's `transformers` saves
/// large models: `model.safetensors.index.json` or `pytorch_model.bin.index.json` with a `weight_map` from names
/// of tensors to names of files in the same folder.
public struct TensorShards: Sendable {
  /// The file, or the index, as the user gave it.
  public let path: String
  private let files: [TensorFile]
  /// For each tensor the index of its file.
  private let places: [String: Int]

  /// More files than any model has.
  static let largestShardCount = 1024
  /// More tensors than any model has.
  static let largestTensorCount = 1_000_000

  /// A file that holds all tensors.
  public init(_ file: TensorFile) {
    path = file.path
    files = [file]
    places = Dictionary(uniqueKeysWithValues: file.names.map { ($0, 0) })
  }

  /// Opens the files that an index names.
  ///
  /// - Throws: ``FileError`` when the index is none, names a file outside of its folder, or a tensor is
  ///   not where it says.
  public init(indexAt path: String) throws(FileError) {
    let bytes = try InputFile.bytes(
      at: path, expected: "an index of files of tensors", limit: 256 << 20)
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let map = try TensorShards.weightMap(JSONValue(parsing: bytes, path: path), path: path)
    var files: [TensorFile] = []
    var numbers: [String: Int] = [:]
    var places: [String: Int] = [:]
    for (name, shard) in map {
      if numbers[shard] == nil {
        guard files.count < TensorShards.largestShardCount else {
          throw TensorShards.malformed(
            path, "it names more than \(TensorShards.largestShardCount) files")
        }
        numbers[shard] = files.count
        files.append(try TensorFile(contentsOf: folder + shard))
      }
      guard let number = numbers[shard] else { continue }
      guard files[number].type(of: name) != nil else {
        throw FileError(
          path: path,
          problem: "tensor \(name.quotedForMessage) should be in \(shard.quotedForMessage), which "
            + "has none so named",
          remedy: "give index and files of the same model, or download them again")
      }
      guard places.updateValue(number, forKey: name) == nil else {
        throw TensorShards.malformed(path, "it names \(name.quotedForMessage) twice")
      }
    }
    self.path = path
    self.files = files
    self.places = places
  }

  /// Names of tensors with names of files, which lie beside the index.
  private static func weightMap(
    _ index: JSONValue, path: String
  ) throws(FileError) -> [(name: String, shard: String)] {
    guard let members = index["weight_map"]?.members, !members.isEmpty,
      members.count <= largestTensorCount
    else { throw malformed(path, "it has no weight_map with names of tensors and files") }
    var map: [(name: String, shard: String)] = []
    map.reserveCapacity(members.count)
    for (name, value) in members {
      guard let shard = value.string, isFileName(shard) else {
        throw malformed(
          path,
          "its weight_map gives \(name.quotedForMessage) no name of a .safetensors or .bin file in the same "
            + "folder")
      }
      map.append((name, shard))
    }
    return map
  }

  /// Whether a name stays in the folder that it is looked up in.
  private static func isFileName(_ name: String) -> Bool {
    (name.hasSuffix(".safetensors") || name.hasSuffix(".bin")) && name.utf8.count <= 255
      && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 }
  }

  private static func malformed(_ path: String, _ problem: String) -> FileError {
    FileError(
      path: path, problem: "this is no index of files of tensors: \(problem)",
      remedy: "give the index that transformers saved beside the files")
  }

  /// Shape and element type of a tensor as it would be read; nil when there is none so named.
  public func type(of name: String) -> TensorType? {
    places[name].flatMap { files[$0].type(of: name) }
  }

  /// Reads one tensor.
  ///
  /// - Throws: ``FileError`` when there is none of this name.
  public func tensor(named name: String) throws(FileError) -> Tensor {
    guard let place = places[name] else {
      throw FileError(
        path: path, problem: "there is no tensor named \(name.quotedForMessage)",
        remedy: "give the files of this model")
    }
    return try files[place].tensor(named: name)
  }
}
