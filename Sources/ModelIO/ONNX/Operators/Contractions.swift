import TensorGraph

/// Products of matrices.
let contractionOperators: [OperatorEntry] = [
  .uniform("MatMul", restrictions: "floating-point numbers only") { call throws(ONNXError) in
    try product(call.term(0).checkedFloating(), call.term(1))
  },
  .uniform("Gemm", restrictions: "floating-point numbers only") { call throws(ONNXError) in
    try general(call)
  },
  .uniform("Einsum", since: 12, restrictions: "floating-point numbers only") {
    call throws(ONNXError) in
    try EinsteinSum(call.string("equation", default: "")).evaluated(call)
  },
]

/// NumPy's `matmul`: vectors are rows on the left and columns on the right.
private func product(_ left: Term, _ right: Term) throws(ONNXError) -> Term {
  guard left.rank >= 1, right.rank >= 1 else {
    throw ONNXError(.malformed, "its operands \(left.shape), \(right.shape) are scalars")
  }
  let row = left.rank == 1 ? try left.reshape([1] + left.shape.dimensions) : left
  let column = right.rank == 1 ? try right.reshape(right.shape.dimensions + [1]) : right
  let result = try row.matmul(column)
  var dimensions = result.shape.dimensions
  if right.rank == 1 { dimensions.removeLast() }
  if left.rank == 1 { dimensions.remove(at: dimensions.count - (right.rank == 1 ? 1 : 2)) }
  return try result.reshape(dimensions)
}

/// alpha · A · B + beta · C.
private func general(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (left, right) = (try call.term(0).checkedFloating(), try call.term(1))
  guard left.rank == 2, right.rank == 2 else {
    throw ONNXError(.malformed, "it multiplies matrices, not \(left.shape) and \(right.shape)")
  }
  var result = try left.matmul(
    right, transposeA: call.flag("transA"), transposeB: call.flag("transB"))
  let (alpha, beta) = (call.number("alpha", default: 1), call.number("beta", default: 1))
  if alpha != 1 { result = try result * alpha }
  guard let addend = try call.optionalTerm(2), beta != 0 else { return result }
  return try result + (beta == 1 ? addend : addend * beta)
}

/// Einstein's summation, pair by pair: axes that only one operand has and nothing needs are summed
/// away, the others become the batch, rows and columns of one product of matrices.
struct EinsteinSum {
  private let inputs: [[Character]]
  private let output: [Character]?
  /// What "..." stands for is written with capital Greek letters from the right.
  private static let ellipsisLetters = Array("ΑΒΓΔΕΖΗΘΙΚΛΜ")

  init(_ equation: String) throws(ONNXError) {
    let sides = equation.filter { $0 != " " }.split(
      separator: "->", omittingEmptySubsequences: false)
    guard (1...2).contains(sides.count),
      equation.allSatisfy({ $0.isASCII && ($0.isLetter || " ,.->".contains($0)) })
    else {
      throw ONNXError(.malformed, "its equation \(equation.quotedForMessage) cannot be read")
    }
    inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false).map { Array($0) }
    output = sides.count == 2 ? Array(sides[1]) : nil
  }

  func evaluated(_ call: OperatorCall) throws(ONNXError) -> Term {
    let terms = try call.terms()
    guard terms.count == inputs.count, !terms.isEmpty else {
      throw ONNXError(.malformed, "its equation has \(inputs.count) operands, not \(terms.count)")
    }
    var operands: [(labels: [Character], term: Term)] = []
    var widest = 0
    for (labels, term) in zip(inputs, terms) {
      let (expanded, width) = try expand(labels, rank: term.rank)
      widest = Swift.max(widest, width)
      operands.append(try withoutRepeats(expanded, term.checkedFloating()))
    }
    let result = try outputLabels(operands.map(\.labels), inputs.joined(), widest)
    while operands.count > 1 {
      let right = operands.removeLast()
      let left = operands.removeLast()
      let needed = Set(result).union(operands.flatMap(\.labels))
      operands.append(try contract(left, right, keeping: needed))
    }
    let (labels, term) = try summed(operands[0], keeping: Set(result))
    guard Set(labels) == Set(result), labels.count == result.count else {
      throw ONNXError(.malformed, "its equation's result names an axis that no operand has")
    }
    return try term.transpose(result.compactMap { labels.firstIndex(of: $0) })
  }

  private func expand(
    _ labels: [Character], rank: Int
  ) throws(ONNXError) -> (labels: [Character], width: Int) {
    guard let dot = labels.firstIndex(of: ".") else {
      guard labels.count == rank else {
        throw ONNXError(.malformed, "its equation names \(labels.count) axes of \(rank)")
      }
      return (labels, 0)
    }
    let width = rank - (labels.count - 3)
    guard labels.count >= dot + 3, labels[dot..<dot + 3] == [".", ".", "."], width >= 0,
      width <= EinsteinSum.ellipsisLetters.count
    else { throw ONNXError(.malformed, "its equation does not fit an operand of \(rank) axes") }
    let letters = EinsteinSum.ellipsisLetters.suffix(width)
    return (Array(labels[..<dot]) + letters + Array(labels[(dot + 3)...]), width)
  }

  private func outputLabels(
    _ labels: [[Character]], _ written: some Sequence<Character>, _ width: Int
  ) throws(ONNXError) -> [Character] {
    if let output {
      return try expand(
        output, rank: output.contains(".") ? output.count - 3 + width : output.count
      )
      .labels
    }
    // Without an arrow: what the ellipsis stands for, then the labels that appear once, sorted.
    var counts: [Character: Int] = [:]
    for label in written { counts[label, default: 0] += 1 }
    let single = counts.filter { $0.value == 1 && $0.key != "." }.map(\.key).sorted()
    return EinsteinSum.ellipsisLetters.suffix(width) + single
  }

  /// The diagonal of axes that share a label.
  private func withoutRepeats(
    _ labels: [Character], _ term: Term
  ) throws(ONNXError) -> (labels: [Character], term: Term) {
    var (labels, term) = (labels, term)
    while let second = labels.indices.first(where: { labels[..<$0].contains(labels[$0]) }),
      let first = labels.firstIndex(of: labels[second])
    {
      let rows = try term.emission.iota(term.shape, axis: first, .i32)
      let columns = try term.emission.iota(term.shape, axis: second, .i32)
      guard term.shape[first] == term.shape[second] else {
        throw ONNXError(.malformed, "its equation takes the diagonal of \(term.shape)")
      }
      term = try rows.equal(columns).select(term, term.filled(0)).sum(axes: [second])
      labels.remove(at: second)
    }
    return (labels, term)
  }

  private func summed(
    _ operand: (labels: [Character], term: Term), keeping needed: Set<Character>
  ) throws(ONNXError) -> (labels: [Character], term: Term) {
    let axes = operand.labels.indices.filter { !needed.contains(operand.labels[$0]) }
    return (
      operand.labels.filter { needed.contains($0) }, try operand.term.sum(axes: Array(axes))
    )
  }

  private func contract(
    _ left: (labels: [Character], term: Term), _ right: (labels: [Character], term: Term),
    keeping needed: Set<Character>
  ) throws(ONNXError) -> (labels: [Character], term: Term) {
    let left = try summed(left, keeping: needed.union(right.labels))
    let right = try summed(right, keeping: needed.union(left.labels))
    let common = left.labels.filter { right.labels.contains($0) }
    let batch = common.filter { needed.contains($0) }
    let inner = common.filter { !needed.contains($0) }
    let rows = left.labels.filter { !common.contains($0) }
    let columns = right.labels.filter { !common.contains($0) }
    // Common axes may have extent 1 in one operand.
    var extents: [Character: Int] = [:]
    for (labels, term) in [left, right] {
      for (label, extent) in zip(labels, term.shape.dimensions) {
        let known = extents[label] ?? 1
        guard known == 1 || extent == 1 || known == extent else {
          throw ONNXError(.malformed, "its axis \(label) has extents \(known) and \(extent)")
        }
        extents[label] = max(known, extent == 0 ? 0 : extent)
      }
    }
    func matrix(
      _ operand: (labels: [Character], term: Term), _ groups: [[Character]]
    ) throws(ONNXError) -> Term {
      let order = groups.joined().compactMap { operand.labels.firstIndex(of: $0) }
      let full = groups.joined().map { extents[$0] ?? 1 }
      let dimensions = groups.map { $0.reduce(1) { $0 * (extents[$1] ?? 1) } }
      return try operand.term.transpose(order).broadcast(to: Shape(checking: full))
        .reshape(dimensions)
    }
    let result = try matrix(left, [batch, rows, inner])
      .matmul(matrix(right, [batch, inner, columns]))
    let labels = batch + rows + columns
    return (labels, try result.reshape(labels.map { extents[$0] ?? 1 }))
  }
}
