/// The type of one element of a tensor.
///
/// Arithmetic is defined for the floating-point and integer types, logic for `bool`.
/// Only the floating-point types can be differentiated.
public enum DType: String, Hashable, Sendable, CaseIterable, Codable, CustomStringConvertible {
  case f32
  case f64
  case i32
  case i64
  case bool

  /// Its name, such as "f32".
  public var description: String { rawValue }

  /// Bytes of one element in memory.
  public var byteCount: Int {
    switch self {
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .bool: 1
    }
  }

  /// Whether values are IEEE floating-point numbers, the only ones with derivatives.
  public var isFloatingPoint: Bool {
    switch self {
    case .f32, .f64: true
    case .i32, .i64, .bool: false
    }
  }

  /// Whether values are integers usable as indices.
  public var isInteger: Bool {
    switch self {
    case .i32, .i64: true
    case .f32, .f64, .bool: false
    }
  }
}
