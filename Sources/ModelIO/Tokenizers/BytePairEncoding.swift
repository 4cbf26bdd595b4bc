/// Byte pair encoding: neighbouring symbols are merged, the pair that was merged first in training
/// first (Sennrich et al. 2016, arXiv 1508.07909, section 3.2).
struct BytePairEncoding: Sendable {
  struct Pair: Hashable, Sendable {
    let left: Int32
    let right: Int32
  }

  var table: TokenTable
  /// Rank and result of each merge.
  let merges: [Pair: (rank: Int32, merged: Int32)]
  /// The token of characters that the vocabulary lacks; they are dropped without one.
  let unknown: String?
  /// Whether a word that is a token is not taken apart first.
  let ignoresMerges: Bool

  func encode(_ word: [Unicode.Scalar]) -> [Int] {
    if ignoresMerges, let id = table.id(of: word) { return [id] }
    let unknownID = unknown.flatMap { table.id(of: $0) }
    return merged(word.compactMap { (table.id(of: [$0]) ?? unknownID).map(Int32.init) }).map(
      Int.init)
  }

  /// A merge that was possible when it was queued.
  private struct Candidate: Comparable {
    let rank: Int32
    let position: Int32
    let merged: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      (a.rank, a.position) < (b.rank, b.position)
    }
  }

  /// Symbols form a linked list; candidates that later merges have overtaken are skipped when their
  /// turn comes.
  private func merged(_ start: [Int32]) -> [Int32] {
    guard start.count > 1 else { return start }
    var symbols = start
    var next = (1...start.count).map(Int32.init)
    var previous = (-1..<start.count - 1).map(Int32.init)
    var queue = BinaryHeap<Candidate>()
    let end = Int32(start.count)
    func push(_ position: Int32, _ queue: inout BinaryHeap<Candidate>) {
      guard position >= 0, next[Int(position)] < end else { return }
      let pair = Pair(
        left: symbols[Int(position)], right: symbols[Int(next[Int(position)])])
      guard let merge = merges[pair] else { return }
      queue.insert(Candidate(rank: merge.rank, position: position, merged: merge.merged))
    }
    for position in 0..<end { push(position, &queue) }
    let removed: Int32 = -1
    while let candidate = queue.popSmallest() {
      let position = Int(candidate.position)
      let after = Int(next[position])
      guard symbols[position] != removed, after < symbols.count,
        let merge = merges[Pair(left: symbols[position], right: symbols[after])],
        merge.merged == candidate.merged
      else { continue }
      symbols[position] = candidate.merged
      symbols[after] = removed
      next[position] = next[after]
      if next[position] < end { previous[Int(next[position])] = candidate.position }
      push(previous[position], &queue)
      push(candidate.position, &queue)
    }
    return symbols.filter { $0 != removed }
  }
}

/// A priority queue: the smallest element first.
struct BinaryHeap<Element: Comparable> {
  private var elements: [Element] = []

  mutating func insert(_ element: Element) {
    elements.append(element)
    var index = elements.count - 1
    while index > 0, elements[index] < elements[(index - 1) / 2] {
      elements.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func popSmallest() -> Element? {
    guard let smallest = elements.first, let last = elements.popLast() else { return nil }
    if elements.isEmpty { return smallest }
    elements[0] = last
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < elements.count else { break }
      if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
      guard elements[child] < elements[index] else { break }
      elements.swapAt(index, child)
      index = child
    }
    return smallest
  }
}
