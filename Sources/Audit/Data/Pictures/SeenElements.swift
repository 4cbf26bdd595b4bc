import Clients
import ModelIO
import TensorGraph

/// Which elements of an update were seen, where an observer saw some of them only.
enum SeenElements {
  /// Reads them from a file.
  ///
  /// - Returns: one tensor for each parameter, other than 0 where it was seen.
  /// - Throws: `FileError` when the file cannot be read or does not go with the update's.
  static func read(
    _ path: String, of update: UpdateFile, _ model: Model
  ) throws(FileError) -> [Tensor] {
    let file = try TensorFile(contentsOf: path)
    var result = model.parameters.map { Tensor($0.shape, .f64, repeating: 0) }
    for match in update.matching.matches {
      let tensor = try file.tensor(named: match.fileName)
      let turned = match.isTransposed ? tensor.matrixTransposed : tensor
      guard turned.shape == result[match.wanted].shape else {
        throw FileError(
          path: path,
          problem:
            "\(match.fileName.quotedForMessage) is \(turned.shape) there and \(result[match.wanted].shape) in the update",
          remedy: "give tensors of the update's names and shapes")
      }
      result[match.wanted] = turned
    }
    guard result.contains(where: { $0.doubles.contains { $0 != 0 } }) else {
      throw FileError(
        path: path, problem: "it says that nothing was seen", remedy: "put 1 where something was")
    }
    return result
  }
}
