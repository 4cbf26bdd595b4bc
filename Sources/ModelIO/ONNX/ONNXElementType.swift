import TensorGraph

/// The element types of ONNX tensors that can be lowered; raw values are those of the format
/// (`TensorProto.DataType` in onnx.proto).
public enum ONNXElementType: Int, Hashable, Sendable, CaseIterable {
  case float = 1
  case uint8 = 2
  case int8 = 3
  case uint16 = 4
  case int16 = 5
  case int32 = 6
  case int64 = 7
  case bool = 9
  case float16 = 10
  case double = 11
  case uint32 = 12
  case uint64 = 13
  case bfloat16 = 16

  /// Whether values are floating-point numbers, all of which a graph computes in one chosen type.
  public var isFloatingPoint: Bool {
    switch self {
    case .float, .float16, .double, .bfloat16: true
    case .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64: false
    }
  }

  /// Whether values are whole numbers.
  public var isInteger: Bool { !isFloatingPoint && self != .bool }

  /// Whether values are never negative.
  var isUnsigned: Bool {
    switch self {
    case .uint8, .uint16, .uint32, .uint64, .bool: true
    case .float, .float16, .double, .bfloat16, .int8, .int16, .int32, .int64: false
    }
  }

  /// Bytes of one element in the file.
  public var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .float, .int32, .uint32: 4
    case .int64, .double, .uint64: 8
    }
  }

  /// The type of a graph's values, whose floating-point numbers are all `floating`. Integers take
  /// the smallest type that holds them (`uint64` beyond the range of `i64` is refused).
  public func dtype(floating: DType) -> DType {
    switch self {
    case .float, .float16, .double, .bfloat16: floating
    case .uint8, .int8, .uint16, .int16, .int32: .i32
    case .int64, .uint32, .uint64: .i64
    case .bool: .bool
    }
  }

  /// What the ONNX format calls the type, given its number.
  static func name(ofRawValue rawValue: Int) -> String {
    if let type = ONNXElementType(rawValue: rawValue) { return "\(type)" }
    let others = [
      0: "undefined", 8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn",
      18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
      23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2", 27: "float6e2m3",
    ]
    return others[rawValue] ?? "type number \(rawValue)"
  }

  /// The type with this number.
  ///
  /// - Throws: ``ONNXError`` for strings, complex and very small numbers.
  static func checked(_ rawValue: Int32, of what: String) throws(ONNXError) -> ONNXElementType {
    guard let type = ONNXElementType(rawValue: Int(rawValue)) else {
      throw ONNXError(
        .unsupported,
        "\(what) has elements of \(name(ofRawValue: Int(rawValue))), which gradleak does not compute"
      )
    }
    return type
  }
}
