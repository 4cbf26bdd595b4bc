import Foundation
import ModelIO

extension Experiment {
  /// The largest file of an experiment that is read, in bytes.
  private static let fileLimit = 16 << 20

  /// Reads an experiment from a JSON file.
  ///
  /// - Throws: `FileError` when the file cannot be read, is no JSON or holds a key twice, a key, word or value
  ///   that there is not, or a newer version; with its place and the nearest right spelling.
  public static func read(contentsOf path: String) throws(FileError) -> Experiment {
    let bytes = try InputFile.bytes(
      at: path, expected: "an experiment in JSON", limit: fileLimit)
    try WantedFile.json.refuseOthers(bytes, path: path)
    return try Experiment(json: bytes, path: path)
  }

  /// Reads an experiment from JSON text; `path` only names it in messages.
  public init(json bytes: [UInt8], path: String) throws(FileError) {
    func failure(_ problem: String) -> FileError {
      FileError(
        path: path, problem: problem, remedy: "see docs/guides/experiments.md for what there is")
    }
    if let key = try JSONValue(parsing: bytes, path: path).duplicateKey {
      throw failure("the key \(key.quotedForMessage) stands there twice")
    }
    let result: Experiment
    do {
      result = try JSONDecoder().decode(Experiment.self, from: Data(bytes))
    } catch let error as ExperimentError {
      throw failure(error.message)
    } catch let error as DecodingError {
      throw failure(error.explanation)
    } catch {
      throw failure("\(error)")
    }
    self = result
  }
}

extension DecodingError {
  /// What is wrong, and where, in words.
  var explanation: String {
    let (context, missing): (DecodingError.Context, String?) =
      switch self {
      case .keyNotFound(let key, let context): (context, key.stringValue)
      case .typeMismatch(_, let context), .valueNotFound(_, let context),
        .dataCorrupted(let context):
        (context, nil)
      @unknown default:
        (DecodingError.Context(codingPath: [], debugDescription: "\(self)"), nil)
      }
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    let prefix = place.isEmpty ? "" : place.quotedForMessage + ": "
    let reason =
      missing.map { "\($0.quotedForMessage) is missing" }
      ?? context.debugDescription.escapingControlCharacters
    return prefix + reason
  }
}
