/// The tensors in what a pickle made, by name.
///
/// Dictionaries within dictionaries are descended: into the one that is known to hold weights or gradients, or the
/// only one that holds tensors beside the state of an optimiser. Where several are left their keys become the
/// beginnings of names. Lists give numbers as names.
struct PickleTree {
  /// A tensor or array.
  struct Leaf: Hashable {
    let name: String
    let value: PickleValue
  }

  private(set) var leaves: [Leaf] = []
  /// Where the tensors were found, and what was passed over; nil where that is plain.
  private(set) var note: String?

  private let objects: PickleObjects
  private let bytes: UnsafeRawBufferPointer
  private let path: String
  /// Whether containers hold tensors, as far as it is known; one that is being looked at does not by itself.
  private var knownContainers: [PickleValue: Bool] = [:]
  private var visits = 0
  /// Whether what optimisers keep is passed over, as there is something else.
  private var skipsOptimizers = false

  /// Deeper containers are not looked into.
  private static let depth = 32
  private static let visitLimit = 2_000_000
  /// Tensors of one file.
  private static let leafLimit = 1_000_000

  /// Keys under which checkpoints keep what a client trains.
  private static let known = [
    "model", "state_dict", "model_state_dict", "weights", "model_state", "params", "parameters",
    "module", "net", "network", "gradients", "gradient", "grads", "grad",
  ]

  /// - Throws: ``FileError`` when there is no tensor, or a name stands twice.
  init(
    _ root: PickleValue, _ objects: PickleObjects, _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(FileError) {
    (self.objects, self.bytes, self.path) = (objects, bytes, path)
    let (value, keys, passed) = try descended(root)
    try collect(value, name: "", depth: 0)
    guard !leaves.isEmpty else {
      throw FileError(
        path: path, problem: "it holds no tensors",
        remedy: "save a state_dict, or gradients by the names of their parameters")
    }
    var names: Set<String> = []
    for leaf in leaves where !names.insert(leaf.name).inserted {
      throw FileError(
        path: path, problem: "it names \(leaf.name.quotedForMessage) twice",
        remedy: "save each tensor once")
    }
    guard !keys.isEmpty || !passed.isEmpty else { return }
    let place =
      keys.isEmpty ? "" : "under " + keys.map(\.quotedForMessage).joined(separator: ", in it ")
    let rest = passed.prefix(6).map(\.quotedForMessage).joined(separator: ", ")
    let left = rest + (passed.count > 6 ? ", ..." : "")
    let shown = path.escapingControlCharacters
    note =
      keys.isEmpty
      ? "Not read of \(shown): \(left)."
      : "The tensors of \(shown) were taken from \(place)"
        + (passed.isEmpty ? "." : "; not read: \(left).")
  }

  // MARK: - Where the tensors are

  private mutating func descended(
    _ root: PickleValue
  ) throws(FileError) -> (value: PickleValue, keys: [String], passed: [String]) {
    var (value, keys, passed): (PickleValue, [String], [String]) = (root, [], [])
    for _ in 0..<PickleTree.depth {
      guard case .dictionary(let index) = value else { break }
      var entries: [(name: String, value: PickleValue)] = []
      for (key, value) in objects.dictionaries[index] {
        entries.append((name(of: key) ?? "", value))
      }
      var holders: [(name: String, value: PickleValue)] = []
      for entry in entries where isContainer(entry.value) {
        if try holdsTensors(entry.value, depth: 0) { holders.append(entry) }
      }
      let famous = PickleTree.known.lazy.compactMap { name in
        holders.first { $0.name == name }
      }.first
      let others = holders.filter { !PickleTree.isOptimizer($0.name) }
      let hasOwn = entries.contains { isLeaf($0.value) }
      let only = hasOwn || others.count != 1 ? nil : others.first { isWhole($0.value) }
      guard let next = famous ?? only else {
        skipsOptimizers = hasOwn || !others.isEmpty
        let read = Set((skipsOptimizers ? others : holders).map(\.name))
        passed += entries.filter { !isLeaf($0.value) && !read.contains($0.name) }.map(\.name)
        break
      }
      passed += entries.map(\.name).filter { $0 != next.name }
      keys.append(next.name)
      value = next.value
    }
    return (value, keys, passed)
  }

  /// Whether a container is a list or names its tensors in full, rather than being a part of a tree of names.
  private func isWhole(_ value: PickleValue) -> Bool {
    guard case .dictionary(let index) = value else { return true }
    return objects.dictionaries[index].contains { name(of: $0.key)?.contains(".") == true }
  }

  /// Whether a key is one of the state of optimisers, schedulers and scalers.
  private static func isOptimizer(_ key: String) -> Bool {
    ["optim", "schedul", "scaler"].contains(where: key.lowercased().contains)
  }

  private func isLeaf(_ value: PickleValue) -> Bool {
    switch value {
    case .tensor, .array: true
    default: false
    }
  }

  private func isContainer(_ value: PickleValue) -> Bool {
    switch value {
    case .list, .tuple, .dictionary: true
    default: false
    }
  }

  private func items(of value: PickleValue) -> [PickleValue] {
    switch value {
    case .list(let index): objects.lists[index]
    case .tuple(let index): objects.tuples[index]
    case .dictionary(let index): objects.dictionaries[index].map(\.value)
    default: []
    }
  }

  private mutating func holdsTensors(_ value: PickleValue, depth: Int) throws(FileError) -> Bool {
    if isLeaf(value) { return true }
    guard isContainer(value), depth < PickleTree.depth else { return false }
    if let known = knownContainers[value] { return known }
    knownContainers[value] = false
    for item in items(of: value) {
      try visit()
      if try holdsTensors(item, depth: depth + 1) {
        knownContainers[value] = true
        return true
      }
    }
    return false
  }

  private mutating func visit() throws(FileError) {
    visits += 1
    guard visits <= PickleTree.visitLimit else {
      throw FileError(
        path: path, problem: "its containers lie in one another too many times",
        remedy: "save a plain dictionary of tensors")
    }
  }

  // MARK: - Names

  /// Of a dictionary's key; nil for one that is no text and no number.
  private func name(of key: PickleValue) -> String? {
    switch key {
    case .text(let range) where range.count <= PickleLimits.nameByteCount:
      String(validating: bytes[range], as: UTF8.self)
    case .integer(let number): String(number)
    default: nil
    }
  }

  /// The two members of a list or tuple; nil for others.
  private func pair(_ value: PickleValue) -> (PickleValue, PickleValue)? {
    let items: [PickleValue]
    switch value {
    case .list(let index): items = objects.lists[index]
    case .tuple(let index): items = objects.tuples[index]
    default: return nil
    }
    return items.count == 2 ? (items[0], items[1]) : nil
  }

  private mutating func collect(
    _ value: PickleValue, name: String, depth: Int
  ) throws(FileError) {
    guard depth < PickleTree.depth else { return }
    let prefix = name.isEmpty ? "" : name + "."
    switch value {
    case .tensor, .array:
      guard leaves.count < PickleTree.leafLimit, name.utf8.count <= PickleLimits.nameByteCount
      else {
        throw FileError(
          path: path,
          problem: "it holds more than \(PickleTree.leafLimit) tensors, or names too long",
          remedy: "save a plain dictionary of tensors")
      }
      leaves.append(Leaf(name: name.isEmpty ? "0" : name, value: value))
    case .dictionary(let index):
      for (key, item) in objects.dictionaries[index] {
        try visit()
        guard let own = self.name(of: key), try holdsTensors(item, depth: 0),
          depth > 0 || !skipsOptimizers || isLeaf(item) || !PickleTree.isOptimizer(own)
        else { continue }
        try collect(item, name: prefix + own, depth: depth + 1)
      }
    case .list, .tuple:
      for (number, item) in items(of: value).enumerated() {
        try visit()
        guard try holdsTensors(item, depth: 0) else { continue }
        // As list(model.named_parameters()) has it.
        if let (key, value) = pair(item), case .text = key, let own = self.name(of: key) {
          try collect(value, name: prefix + own, depth: depth + 1)
        } else {
          try collect(item, name: prefix + String(number), depth: depth + 1)
        }
      }
    default: break
    }
  }
}
