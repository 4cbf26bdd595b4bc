import TensorGraph

/// The element types that can be read from files of tensors, by their names in safetensors.
///
/// Types that a graph does not have widen to one that holds every value: half precision to
/// `f32`, small integers to `i32`, `U32` to `i64`.
public enum StoredType: String, Hashable, Sendable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"

  /// Bytes of one element in the file.
  public var byteCount: Int {
    switch self {
    case .f64, .i64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .i8, .u8, .bool: 1
    }
  }

  /// The element type of the tensor that is read.
  public var dtype: DType {
    switch self {
    case .f64: .f64
    case .f32, .f16, .bf16: .f32
    case .i64, .u32: .i64
    case .i32, .i16, .i8, .u16, .u8: .i32
    case .bool: .bool
    }
  }

  /// The type in which a tensor of `dtype` is written.
  init(writing dtype: DType) {
    switch dtype {
    case .f32: self = .f32
    case .f64: self = .f64
    case .i32: self = .i32
    case .i64: self = .i64
    case .bool: self = .bool
    }
  }
}
