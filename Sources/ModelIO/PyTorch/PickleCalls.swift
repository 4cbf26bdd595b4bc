/// The calls that a pickle may make, each of which makes data of its arguments.
extension PickleMachine {
  /// REDUCE and NEWOBJ: a global and a tuple of arguments.
  mutating func reduce() throws(FileError) {
    guard case .tuple(let tuple) = try pop() else { throw damaged("arguments are no tuple") }
    guard case .global(let global) = try pop() else {
      throw damaged("what is called is none of the names on the list")
    }
    let arguments = objects.tuples[tuple]
    switch global {
    case .orderedDictionary: try makeDictionary(arguments)
    case .size:
      push(tuple: try extents(arguments.first ?? .none).map(PickleValue.integer))
    case .device: stack.append(.unused)
    case .rebuildTensor: try makeTensor(arguments, typeIndex: nil)
    case .rebuildTypedTensor: try makeTensor(arguments, typeIndex: 6)
    case .rebuildParameter:
      guard let value = arguments.first, case .tensor = value else {
        throw damaged("a parameter is made of what is no tensor")
      }
      stack.append(value)
    case .reconstructArray:
      // Type, shape and code, which say nothing: BUILD does.
      guard arguments.first == .global(.arrayType) else {
        throw refused("an array of another type than numpy.ndarray")
      }
      push(PickleArray())
    case .arrayElementType:
      guard let code = arguments.first else { throw damaged("an array's type has no name") }
      stack.append(.arrayType(objects.arrayTypes.count))
      objects.arrayTypes.append(PickleArrayType(code: try text(code)))
    case .scalar: try makeScalar(arguments)
    case .arrayOfBuffer: try makeArrayOfBuffer(arguments)
    case .encode: try encode(arguments)
    case .bytes:
      guard arguments.isEmpty else { throw refused("bytes of other things") }
      stack.append(.bytes(.owned([])))
    case .storage, .untypedStorage, .elementType, .arrayType:
      throw refused("a storage or type made by a call")
    }
  }

  /// A dictionary, from nothing or a list of pairs.
  private mutating func makeDictionary(_ arguments: [PickleValue]) throws(FileError) {
    guard let first = arguments.first else { return push(dictionary: []) }
    guard case .list(let list) = first else { throw damaged("a dictionary is made of no list") }
    var items: [(key: PickleValue, value: PickleValue)] = []
    for pair in objects.lists[list] {
      let values: [PickleValue] =
        switch pair {
        case .list(let index): objects.lists[index]
        case .tuple(let index): objects.tuples[index]
        default: []
        }
      guard values.count == 2 else { throw damaged("a dictionary is made of no pairs") }
      items.append((values[0], values[1]))
    }
    // Unlike all else this copies what a few bytes name.
    try own(32 * items.count)
    push(dictionary: items)
  }

  /// BUILD: what an object was before it was saved.
  mutating func build() throws(FileError) {
    let state = try pop()
    switch try top() {
    case .dictionary:
      // Attributes of a state_dict, such as its _metadata.
      return
    case .arrayType(let index):
      guard case .tuple(let tuple) = state, objects.tuples[tuple].count >= 2 else {
        throw damaged("an array's type has no order of bytes")
      }
      objects.arrayTypes[index].isBigEndian = try text(objects.tuples[tuple][1]) == ">"
    case .array(let index):
      guard case .tuple(let tuple) = state, objects.tuples[tuple].count == 5 else {
        throw damaged("an array has no shape, type and numbers")
      }
      let parts = objects.tuples[tuple]
      objects.arrays[index] = try array(
        shape: parts[1], type: parts[2], isColumnMajor: parts[3] == .truth(true), bytes: parts[4])
    default: throw refused("an object with a state of its own")
    }
  }

  /// BINPERSID: a storage, and nothing else.
  mutating func persistentID() throws(FileError) {
    let value = try pop()
    guard case .tuple(let tuple) = value, let kind = objects.tuples[tuple].first,
      case .text = kind, try text(kind) == "storage", objects.tuples[tuple].count == 5
    else { throw refused("a persistent id that names no storage") }
    let parts = objects.tuples[tuple]
    let type: StoredType?
    switch parts[1] {
    case .global(.storage(let known)): type = known
    case .global(.untypedStorage): type = nil
    default: throw refused("a storage of no type that is known")
    }
    guard case .integer(let count) = parts[4], count >= 0 else {
      throw damaged("a storage has no size")
    }
    stack.append(.storage(objects.storages.count))
    objects.storages.append(PickleStorage(key: try text(parts[2]), type: type, count: count))
  }

  // MARK: - Tensors

  private mutating func makeTensor(
    _ arguments: [PickleValue], typeIndex: Int?
  ) throws(FileError) {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1]
    else { throw damaged("a tensor is made of no storage") }
    var type = objects.storages[storage].type
    if let typeIndex, typeIndex < arguments.count,
      case .global(.elementType(let stated)) = arguments[typeIndex]
    {
      type = stated
    }
    guard let type else { throw damaged("a tensor has no type") }
    stack.append(.tensor(objects.tensors.count))
    objects.tensors.append(
      PickleTensor(
        storage: storage, type: type, offset: offset, shape: try extents(arguments[2]),
        strides: try extents(arguments[3])))
  }

  /// A tuple of few numbers.
  private func extents(_ value: PickleValue) throws(FileError) -> [Int] {
    let values: [PickleValue]
    switch value {
    case .tuple(let index): values = objects.tuples[index]
    case .list(let index): values = objects.lists[index]
    default: throw damaged("a shape is no tuple")
    }
    guard values.count <= PickleLimits.rank else {
      throw damaged("a shape has \(values.count) axes")
    }
    var extents: [Int] = []
    for value in values {
      guard case .integer(let extent) = value else {
        throw damaged("a shape is made of other things than numbers")
      }
      extents.append(extent)
    }
    return extents
  }

  // MARK: - Arrays

  private mutating func push(_ array: PickleArray) {
    stack.append(.array(objects.arrays.count))
    objects.arrays.append(array)
  }

  private mutating func makeScalar(_ arguments: [PickleValue]) throws(FileError) {
    guard arguments.count == 2 else { throw damaged("a number has no type and bytes") }
    push(tuple: [])
    let shape = try pop()
    push(try array(shape: shape, type: arguments[0], isColumnMajor: false, bytes: arguments[1]))
  }

  /// Arguments: bytes, type, shape, and "C" or "F".
  private mutating func makeArrayOfBuffer(_ arguments: [PickleValue]) throws(FileError) {
    guard arguments.count == 4 else { throw damaged("an array has no shape, type and numbers") }
    push(
      try array(
        shape: arguments[2], type: arguments[1],
        isColumnMajor: try text(arguments[3]) == "F", bytes: arguments[0]))
  }

  private func array(
    shape: PickleValue, type: PickleValue, isColumnMajor: Bool, bytes: PickleValue
  ) throws(FileError) -> PickleArray {
    guard case .arrayType(let type) = type else { throw damaged("an array has no type") }
    guard case .bytes(let bytes) = bytes else {
      throw refused("an array of Python objects")
    }
    return PickleArray(
      shape: try extents(shape), type: type, isColumnMajor: isColumnMajor, bytes: bytes)
  }

  /// Bytes of a text, each character one of them.
  private mutating func encode(_ arguments: [PickleValue]) throws(FileError) {
    guard arguments.count == 2, case .text(let range) = arguments[0],
      try text(arguments[1]) == "latin1"
    else { throw refused("another encoding than latin1") }
    try own(range.count)
    var encoded: [UInt8] = []
    encoded.reserveCapacity(range.count)
    var place = range.lowerBound
    while place < range.upperBound {
      let byte = bytes[place]
      if byte < 0x80 {
        encoded.append(byte)
        place += 1
      } else if byte == 0xC2 || byte == 0xC3, place + 1 < range.upperBound,
        bytes[place + 1] & 0xC0 == 0x80
      {
        encoded.append((byte & 3) << 6 | bytes[place + 1] & 0x3F)
        place += 2
      } else {
        throw damaged("the text of an array's numbers is not latin1")
      }
    }
    stack.append(.bytes(.owned(encoded)))
  }

  /// Counts bytes that do not stand in the pickle: no more than a pickle has come of it.
  private mutating func own(_ count: Int) throws(FileError) {
    ownedByteCount += count
    guard ownedByteCount <= max(bytes.count, 1 << 16) else {
      throw damaged("it uses the same bytes again and again")
    }
  }
}
