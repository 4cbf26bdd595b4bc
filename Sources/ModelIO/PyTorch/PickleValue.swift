/// What a pickle makes. Containers, tensors and arrays are numbers in the lists of ``PickleObjects``, as a pickle may
/// hold one many times over, or within itself.
enum PickleValue: Hashable, Sendable {
  case none
  case truth(Bool)
  case integer(Int)
  /// Numbers that nothing is made of, sets and devices.
  case unused
  /// UTF-8 text, where it stands in the pickle.
  case text(Range<Int>)
  case bytes(PickleBytes)
  case global(PickleGlobal)
  case list(Int)
  case tuple(Int)
  case dictionary(Int)
  case storage(Int)
  case tensor(Int)
  case arrayType(Int)
  case array(Int)
}

/// Bytes of an array.
enum PickleBytes: Hashable, Sendable {
  /// Where they stand in the pickle.
  case range(Range<Int>)
  case owned([UInt8])

  var count: Int {
    switch self {
    case .range(let range): range.count
    case .owned(let bytes): bytes.count
    }
  }
}

/// The objects of a pickle.
struct PickleObjects: Sendable {
  var lists: [[PickleValue]] = []
  var tuples: [[PickleValue]] = []
  /// In the order in which keys were set.
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var storages: [PickleStorage] = []
  var tensors: [PickleTensor] = []
  var arrayTypes: [PickleArrayType] = []
  var arrays: [PickleArray] = []

  var count: Int {
    lists.count + tuples.count + dictionaries.count + storages.count + tensors.count
      + arrayTypes.count + arrays.count
  }
}

/// A storage that a persistent id names.
struct PickleStorage: Hashable, Sendable {
  /// The name of its entry.
  let key: String
  /// Nil where the tensors tell.
  let type: StoredType?
  /// Numbers, or bytes where the type is nil.
  let count: Int
}

/// A tensor as `torch._utils` rebuilds it. Nothing of it is checked yet.
struct PickleTensor: Hashable, Sendable {
  /// Number of its storage.
  let storage: Int
  let type: StoredType
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// A `numpy.dtype`.
struct PickleArrayType: Hashable, Sendable {
  /// As NumPy calls it: `f4`.
  let code: String
  var isBigEndian = false
}

/// A NumPy array.
struct PickleArray: Hashable, Sendable {
  var shape: [Int] = []
  /// Number of its type; nil until the array is filled.
  var type: Int?
  var isColumnMajor = false
  var bytes = PickleBytes.owned([])
}

/// What a pickle may take. Whatever goes beyond is refused before more is allocated: about 64 bytes for each object,
/// place and opcode that is kept, and as many bytes of arrays as the pickle has.
enum PickleLimits {
  static let byteCount = 1 << 30
  static let opcodes = 20_000_000
  static let objects = 2_000_000
  static let stackDepth = 1_000_000
  static let memoEntries = 4_000_000
  /// Bytes of a name.
  static let nameByteCount = 4096
  /// Of tensors.
  static let rank = 64
}
