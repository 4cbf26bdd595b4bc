/// The floating-point arithmetic that a computation is asked to use.
public enum Precision: String, Codable, Sendable, CaseIterable {
  case f32
  case f64

  /// The element type of its values.
  public var dtype: DType {
    switch self {
    case .f32: .f32
    case .f64: .f64
    }
  }
}
