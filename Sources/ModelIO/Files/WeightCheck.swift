import TensorGraph

/// Weights that a model can be attacked with: finite numbers, whatever file they come from. Gradients of
/// other weights say nothing, and attacks on them less.
public enum WeightCheck {
  /// - Throws: ``FileError`` that names the tensor and its file when some of its numbers are not finite.
  public static func requireFinite(
    _ tensor: Tensor, named name: String, in path: String
  ) throws(FileError) {
    guard let problem = problem(of: tensor, named: name) else { return }
    throw FileError(path: path, problem: problem, remedy: remedy)
  }

  static let remedy = "give weights from before the training diverged"

  /// What is wrong with a tensor; nil when all its numbers are finite.
  static func problem(of tensor: Tensor, named name: String) -> String? {
    let broken: Int
    switch tensor.storage {
    case .f32(let elements): broken = elements.count { !$0.isFinite }
    case .f64(let elements): broken = elements.count { !$0.isFinite }
    case .i32, .i64, .bool: return nil
    }
    guard broken > 0 else { return nil }
    return "\(broken) of the \(tensor.shape.elementCount) weights of tensor "
      + "\(name.quotedForMessage) are not finite (NaN or infinity)"
  }
}
