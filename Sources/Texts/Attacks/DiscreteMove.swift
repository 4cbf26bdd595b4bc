import Solvers

/// How LAMP reorders a text (Balunović et al. 2022, section 4.2): an order of the places whose tokens are
/// sought.
enum DiscreteMove {
  /// Draws one of the paper's four kinds: two tokens exchanged, one token moved, a part of the text moved,
  /// or its beginning moved to its end.
  ///
  /// - Parameter count: of places, at least 2.
  /// - Returns: for each place the place that its token comes from.
  static func draw(_ count: Int, _ source: inout RandomSource) -> [Int] {
    precondition(count >= 2, "\(count) places")
    var order = Array(0..<count)
    switch source.integer(below: 4) {
    case 0:
      order.swapAt(source.integer(below: count), source.integer(below: count))
    case 1:
      let token = order.remove(at: source.integer(below: count))
      order.insert(token, at: source.integer(below: count))
    case 2:
      let start = source.integer(below: count)
      let part = Array(order[start..<start + 1 + source.integer(below: count - start)])
      order.removeSubrange(start..<start + part.count)
      order.insert(contentsOf: part, at: source.integer(below: order.count + 1))
    default:
      let cut = 1 + source.integer(below: count - 1)
      order = Array(order[cut...] + order[..<cut])
    }
    return order
  }
}
