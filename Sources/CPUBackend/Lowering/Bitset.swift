/// A set of small integers.
struct Bitset {
  private(set) var words: [UInt64] = []

  mutating func insert(_ element: Int) {
    let word = element >> 6
    while words.count <= word { words.append(0) }
    words[word] |= 1 << UInt64(element & 63)
  }

  func contains(_ element: Int) -> Bool {
    let word = element >> 6
    return word < words.count && words[word] & (1 << UInt64(element & 63)) != 0
  }

  func intersects(_ other: Bitset) -> Bool {
    for index in 0..<min(words.count, other.words.count)
    where words[index] & other.words[index] != 0 {
      return true
    }
    return false
  }

  /// Adds all elements of `other`; whether that added any.
  @discardableResult
  mutating func formUnion(_ other: Bitset) -> Bool {
    while words.count < other.words.count { words.append(0) }
    var changed = false
    for index in other.words.indices {
      let union = words[index] | other.words[index]
      if union != words[index] {
        words[index] = union
        changed = true
      }
    }
    return changed
  }
}
