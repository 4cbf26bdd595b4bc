/// The sum of vectors over a ring, each member's by a neighbour's and so on round (reduce-scatter), then handed round
/// (all-gather): 2 (n - 1) hops of a part each (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms").
///
/// One member's part of it, without the wire.
package struct AllReduce: Sendable {
  /// Place in the ring.
  package let place: Int
  /// The members' numbers, by their places.
  package let members: [Int]
  /// The own vector, in which parts become sums.
  package private(set) var values: [Float]
  /// The hop that comes next, from 0 to below ``hopCount``.
  package private(set) var hop = 0
  /// What was received so far.
  package private(set) var received: [RingHop] = []

  /// - Parameters:
  ///   - members: of the ring, by their places.
  ///   - place: the own one.
  ///   - values: what the member adds.
  package init(members: [Int], place: Int, values: [Float]) {
    precondition(members.indices.contains(place) && members.count >= 2, "a ring of \(members)")
    self.members = members
    self.place = place
    self.values = values
  }

  /// Hops of an all-reduce.
  package var hopCount: Int { 2 * (members.count - 1) }
  /// Whether ``values`` is the sum.
  package var isDone: Bool { hop == hopCount }
  /// Whether the next hop adds to a sum; later ones hand sums on.
  private var isReducing: Bool { hop < members.count - 1 }

  private func part(_ index: Int) -> Range<Int> {
    let count = members.count
    let part = (index % count + count) % count
    return values.count * part / count..<values.count * (part + 1) / count
  }

  /// What goes to the neighbour behind in this hop.
  package var outgoing: (range: Range<Int>, values: [Float]) {
    let range = part(isReducing ? place - hop : place + 1 - (hop - (members.count - 1)))
    return (range, Array(values[range]))
  }

  /// Takes what the neighbour before sent in this hop.
  ///
  /// - Throws: ``FederationError`` of kind `refused` for numbers that are not finite, or too few or many.
  package mutating func take(_ incoming: [Float]) throws(FederationError) {
    let count = members.count
    let index = isReducing ? place - hop - 1 : place - (hop - (count - 1))
    let range = part(index)
    guard incoming.count == range.count, incoming.allSatisfy(\.isFinite) else {
      throw FederationError(
        "a part of \(incoming.count) numbers, where \(range.count) finite ones belong", .refused)
    }
    // A part's sum begins at the member whose place is the part's number.
    let start = (index % count + count) % count
    let summed = (0..<(isReducing ? hop + 1 : count)).map { members[(start + $0) % count] }
    received.append(RingHop(range: range, summed: summed, values: incoming))
    if isReducing {
      for (offset, position) in range.enumerated() { values[position] += incoming[offset] }
    } else {
      values.replaceSubrange(range, with: incoming)
    }
    hop += 1
  }
}
