/// What a pickle may ask for by name. All of it makes containers, tensors and arrays; nothing else is known, so
/// that nothing else can be run.
enum PickleGlobal: Hashable, Sendable {
  case orderedDictionary
  case size
  case device
  /// A storage of numbers of a type.
  case storage(StoredType)
  case untypedStorage
  case elementType(StoredType)
  /// Arguments: storage, offset, size, strides, …; those of version 3 name the element type.
  case rebuildTensor
  case rebuildTypedTensor
  /// Arguments: tensor, ….
  case rebuildParameter
  case arrayType
  /// An empty array, which BUILD fills.
  case reconstructArray
  case arrayElementType
  case scalar
  case arrayOfBuffer
  /// Bytes as a text of which each character is one: how protocol 2 writes them.
  case encode
  /// No bytes at all, as protocol 2 writes them.
  case bytes

  /// Nil for all names that are not on the list.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch", "Size"): self = .size
    case ("torch", "device"): self = .device
    case ("torch.storage", "UntypedStorage"): self = .untypedStorage
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"):
      self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTypedTensor
    case ("torch._utils", "_rebuild_parameter"),
      ("torch._utils", "_rebuild_parameter_with_state"):
      self = .rebuildParameter
    case ("numpy", "ndarray"): self = .arrayType
    case ("numpy", "dtype"): self = .arrayElementType
    case ("numpy._core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "_reconstruct"):
      self = .reconstructArray
    case ("numpy._core.multiarray", "scalar"), ("numpy.core.multiarray", "scalar"):
      self = .scalar
    case ("numpy._core.numeric", "_frombuffer"), ("numpy.core.numeric", "_frombuffer"):
      self = .arrayOfBuffer
    case ("_codecs", "encode"): self = .encode
    case ("__builtin__", "bytes"): self = .bytes
    case ("torch", _):
      if let type = PickleGlobal.storageTypes[name] {
        self = .storage(type)
      } else if let type = PickleGlobal.elementTypes[name] {
        self = .elementType(type)
      } else {
        return nil
      }
    default: return nil
    }
  }

  private static let storageTypes: [String: StoredType] = [
    "DoubleStorage": .f64, "FloatStorage": .f32, "HalfStorage": .f16, "BFloat16Storage": .bf16,
    "LongStorage": .i64, "IntStorage": .i32, "ShortStorage": .i16, "CharStorage": .i8,
    "ByteStorage": .u8, "BoolStorage": .bool,
  ]
  private static let elementTypes: [String: StoredType] = [
    "float64": .f64, "float32": .f32, "float16": .f16, "bfloat16": .bf16, "int64": .i64,
    "int32": .i32, "int16": .i16, "int8": .i8, "uint32": .u32, "uint16": .u16, "uint8": .u8,
    "bool": .bool,
  ]
}
