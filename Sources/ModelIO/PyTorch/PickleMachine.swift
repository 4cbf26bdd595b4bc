/// Reads a pickle without running anything: the opcodes of protocols 2 to 5 that `torch.save` and NumPy write, and
/// only the globals of ``PickleGlobal``, which make data. Everything else is refused by its name.
///
/// The protocol is that of Python's `pickletools`. Sizes are bounded by ``PickleLimits``.
struct PickleMachine {
  let bytes: UnsafeRawBufferPointer
  let path: String
  var objects = PickleObjects()
  var cursor: ByteCursor
  var stack: [PickleValue] = []
  /// Heights of the stack at its marks.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  /// Bytes that arrays took which do not stand in the pickle as they are.
  var ownedByteCount = 0

  /// Runs a pickle to its end.
  ///
  /// - Throws: ``FileError`` for what is refused, and for a pickle that breaks a rule.
  static func run(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(FileError) -> (root: PickleValue, objects: PickleObjects) {
    var machine = PickleMachine(bytes, path: path)
    let root = try machine.run()
    return (root, machine.objects)
  }

  private init(_ bytes: UnsafeRawBufferPointer, path: String) {
    (self.bytes, self.path) = (bytes, path)
    cursor = ByteCursor(bytes)
  }

  private mutating func run() throws(FileError) -> PickleValue {
    guard bytes.count <= PickleLimits.byteCount else {
      throw tooLarge("\(bytes.count) bytes", PickleLimits.byteCount)
    }
    for _ in 0..<PickleLimits.opcodes {
      let opcode = try number(UInt8.self)
      if opcode == UInt8(ascii: ".") { return try pop() }
      try step(opcode)
      let depth = max(stack.count, marks.count)
      guard depth <= PickleLimits.stackDepth else {
        throw tooLarge("a stack of \(depth) values", PickleLimits.stackDepth)
      }
      guard objects.count <= PickleLimits.objects else {
        throw tooLarge("\(objects.count) objects", PickleLimits.objects)
      }
    }
    throw tooLarge("more operations", PickleLimits.opcodes)
  }

  // MARK: - Opcodes

  private mutating func step(_ opcode: UInt8) throws(FileError) {
    switch opcode {
    case 0x80: try checkProtocol()
    case 0x95: _ = try number(UInt64.self)
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popMark()
    case UInt8(ascii: "2"): stack.append(try top())
    case UInt8(ascii: "q"): try remember(Int(try number(UInt8.self)))
    case UInt8(ascii: "r"): try remember(Int(try number(UInt32.self)))
    case 0x94: try remember(memo.count)
    case UInt8(ascii: "h"): try recall(Int(try number(UInt8.self)))
    case UInt8(ascii: "j"): try recall(Int(try number(UInt32.self)))
    case UInt8(ascii: "c"):
      let (module, name) = (try line(), try line())
      stack.append(.global(try global(module, name)))
    case 0x93:
      let (name, module) = (try pop(), try pop())
      stack.append(.global(try global(try text(module), try text(name))))
    case UInt8(ascii: "R"): try reduce()
    case 0x81: try reduce()
    case UInt8(ascii: "b"): try build()
    case UInt8(ascii: "Q"): try persistentID()
    default:
      if try pushScalar(opcode) { return }
      if try collect(opcode) { return }
      throw try refusal(of: opcode)
    }
  }

  /// Numbers, texts and bytes.
  private mutating func pushScalar(_ opcode: UInt8) throws(FileError) -> Bool {
    switch opcode {
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.truth(true))
    case 0x89: stack.append(.truth(false))
    case UInt8(ascii: "J"): stack.append(.integer(Int(try number(Int32.self))))
    case UInt8(ascii: "K"): stack.append(.integer(Int(try number(UInt8.self))))
    case UInt8(ascii: "M"): stack.append(.integer(Int(try number(UInt16.self))))
    case 0x8A: stack.append(long(try take(Int(try number(UInt8.self)))))
    case 0x8B: stack.append(long(try take(Int(try number(Int32.self)))))
    case UInt8(ascii: "G"):
      _ = try take(8)
      stack.append(.unused)
    case 0x8C, UInt8(ascii: "U"): stack.append(.text(try take(Int(try number(UInt8.self)))))
    case UInt8(ascii: "X"): stack.append(.text(try take(Int(try number(UInt32.self)))))
    case UInt8(ascii: "T"): stack.append(.text(try take(Int(try number(Int32.self)))))
    case 0x8D: stack.append(.text(try take(try long64())))
    case UInt8(ascii: "C"):
      stack.append(.bytes(.range(try take(Int(try number(UInt8.self))))))
    case UInt8(ascii: "B"):
      stack.append(.bytes(.range(try take(Int(try number(UInt32.self))))))
    case 0x8E, 0x96: stack.append(.bytes(.range(try take(try long64()))))
    default: return false
    }
    return true
  }

  /// Containers.
  private mutating func collect(_ opcode: UInt8) throws(FileError) -> Bool {
    switch opcode {
    case UInt8(ascii: "]"): push(list: [])
    case UInt8(ascii: "l"): push(list: try popMark())
    case UInt8(ascii: ")"): push(tuple: [])
    case UInt8(ascii: "t"): push(tuple: try popMark())
    case 0x85, 0x86, 0x87:
      var items: [PickleValue] = []
      for _ in 0..<Int(opcode) - 0x84 { items.append(try pop()) }
      push(tuple: items.reversed())
    case UInt8(ascii: "}"): push(dictionary: [])
    case UInt8(ascii: "d"): push(dictionary: try pairs(try popMark()))
    case UInt8(ascii: "a"):
      let item = try pop()
      try append([item])
    case UInt8(ascii: "e"): try append(try popMark())
    case UInt8(ascii: "s"):
      let (value, key) = (try pop(), try pop())
      try set([key, value])
    case UInt8(ascii: "u"): try set(try popMark())
    case 0x8F: stack.append(.unused)
    case 0x90:
      _ = try popMark()
      guard case .unused = try top() else { throw damaged("items are added to what is no set") }
    case 0x91:
      _ = try popMark()
      stack.append(.unused)
    default: return false
    }
    return true
  }

  private mutating func checkProtocol() throws(FileError) {
    let version = try number(UInt8.self)
    guard (2...5).contains(version) else { throw damaged("it is of protocol \(version)") }
  }

  // MARK: - Stack and memo

  mutating func pop() throws(FileError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw damaged("it takes a value that is not there")
    }
    return value
  }

  func top() throws(FileError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw damaged("it uses a value that is not there")
    }
    return value
  }

  /// The values above the last mark, which are taken with it.
  private mutating func popMark() throws(FileError) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else {
      throw damaged("it takes values up to a mark that is not there")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func remember(_ index: Int) throws(FileError) {
    memo[index] = try top()
    guard memo.count <= PickleLimits.memoEntries else {
      throw tooLarge("\(memo.count) values to remember", PickleLimits.memoEntries)
    }
  }

  private mutating func recall(_ index: Int) throws(FileError) {
    guard let value = memo[index] else { throw damaged("it recalls a value that is not there") }
    stack.append(value)
  }

  // MARK: - Containers

  mutating func push(list items: [PickleValue]) {
    stack.append(.list(objects.lists.count))
    objects.lists.append(items)
  }

  mutating func push(tuple items: [PickleValue]) {
    stack.append(.tuple(objects.tuples.count))
    objects.tuples.append(items)
  }

  mutating func push(dictionary items: [(key: PickleValue, value: PickleValue)]) {
    stack.append(.dictionary(objects.dictionaries.count))
    objects.dictionaries.append(items)
  }

  private func pairs(
    _ items: [PickleValue]
  ) throws(FileError) -> [(key: PickleValue, value: PickleValue)] {
    guard items.count.isMultiple(of: 2) else { throw damaged("a key has no value") }
    return stride(from: 0, to: items.count, by: 2).map { (items[$0], items[$0 + 1]) }
  }

  private mutating func append(_ items: [PickleValue]) throws(FileError) {
    guard case .list(let list) = try top() else {
      throw damaged("items are added to what is no list")
    }
    objects.lists[list] += items
  }

  private mutating func set(_ items: [PickleValue]) throws(FileError) {
    guard case .dictionary(let dictionary) = try top() else {
      throw damaged("keys are set in what is no dictionary")
    }
    let pairs = try pairs(items)
    objects.dictionaries[dictionary] += pairs
  }

  // MARK: - Reading

  private mutating func number<Number: FixedWidthInteger>(
    _ type: Number.Type
  ) throws(FileError) -> Number {
    guard let number = cursor.number(type) else { throw damaged("it ends early") }
    return number
  }

  private mutating func take(_ count: Int) throws(FileError) -> Range<Int> {
    guard let range = cursor.take(count) else { throw damaged("it ends early") }
    return range
  }

  private mutating func long64() throws(FileError) -> Int {
    guard let count = Int(exactly: try number(UInt64.self)) else { throw damaged("it ends early") }
    return count
  }

  /// A number of any length; one that no `Int` holds is of no use.
  private func long(_ range: Range<Int>) -> PickleValue {
    guard range.count <= 8 else { return .unused }
    var bits: UInt64 = (range.last.map { bytes[$0] >= 0x80 } ?? false) ? .max : 0
    for byte in range.reversed() { bits = bits << 8 | UInt64(bytes[byte]) }
    return .integer(Int(Int64(bitPattern: bits)))
  }

  mutating func line() throws(FileError) -> String {
    guard let range = cursor.line(limit: PickleLimits.nameByteCount) else {
      throw damaged("it ends within a name")
    }
    return String(decoding: bytes[range], as: UTF8.self)
  }

  /// A short text.
  func text(_ value: PickleValue) throws(FileError) -> String {
    guard case .text(let range) = value, range.count <= PickleLimits.nameByteCount,
      let text = String(validating: bytes[range], as: UTF8.self)
    else { throw damaged("a name is no short text") }
    return text
  }
}
