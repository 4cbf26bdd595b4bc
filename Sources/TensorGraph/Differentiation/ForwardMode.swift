extension Value {
  /// Jacobian-vector products: the derivative of each of `results` when the variables move along
  /// their tangents. As values of the same graph, so that they can be differentiated again.
  ///
  /// A variable that depends on another one moves along its own tangent and along what it inherits,
  /// so that this is the transpose of `pullback`.
  public static func pushforward(
    _ results: [Value], along tangents: [(variable: Value, tangent: Value)]
  ) -> [Value] {
    guard let builder = results.first?.builder else { return [] }
    for (variable, tangent) in tangents {
      precondition(
        variable.type == tangent.type, "tangent \(tangent.type) of a variable \(variable.type)")
    }
    let last = results.map(\.id.index).max() ?? 0
    let depends = builder.nodesDepending(on: tangents.map(\.variable), upTo: last)
    var tangentOf = [Value?](repeating: nil, count: last + 1)
    for (variable, tangent) in tangents where variable.id.index <= last {
      tangentOf[variable.id.index] = variable.sum(tangentOf[variable.id.index], tangent)
    }
    let isNeeded = builder.nodesNeeded(by: results, upTo: last)
    for index in 0...last where depends[index] && isNeeded[index] {
      let result = Value(id: NodeID(index), builder: builder)
      let inherited = result.tangent(result.node.operands.map { tangentOf[$0.index] })
      tangentOf[index] = result.sum(tangentOf[index], inherited)
    }
    return results.map { tangentOf[$0.id.index] ?? $0.filled(with: 0) }
  }

  /// The derivative rule of this node forwards: its tangent for its operands' tangents, where nil
  /// stands for zeros.
  private func tangent(_ tangents: [Value?]) -> Value? {
    guard tangents.contains(where: { $0 != nil }) else { return nil }
    switch node.op {
    case .input, .constant, .iota:
      return nil
    case .elementwise(let op):
      return elementwiseTangent(op, tangents)
    case .reduction(let op):
      return reductionTangent(op, tangents)
    case .contraction:
      return bilinearTangent(tangents)
    case .structural:
      return linearTangent(tangents)
    case .indexing:
      return tangents[0].map { builder.apply(node.op, [$0, operands[1]]) }
    }
  }

  /// The tangent of a node that is linear in all operands together.
  func linearTangent(_ tangents: [Value?]) -> Value {
    builder.apply(node.op, zip(operands, tangents).map { $1 ?? $0.filled(with: 0) })
  }

  /// The tangent of a node that is linear in each of its two operands.
  func bilinearTangent(_ tangents: [Value?]) -> Value? {
    let (left, right) = (operands[0], operands[1])
    let fromLeft = tangents[0].map { builder.apply(node.op, [$0, right]) }
    let fromRight = tangents[1].map { builder.apply(node.op, [left, $0]) }
    return sum(fromLeft, fromRight)
  }

  /// The sum of two tangents, where nil stands for zeros.
  func sum(_ left: Value?, _ right: Value?) -> Value? {
    guard let left else { return right }
    guard let right else { return left }
    return left + right
  }
}

extension GraphBuilder {
  /// For each node up to `last`: whether one of `results` depends on it.
  func nodesNeeded(by results: [Value], upTo last: Int) -> [Bool] {
    var isNeeded = [Bool](repeating: false, count: last + 1)
    for result in results { isNeeded[result.id.index] = true }
    for index in stride(from: last, through: 0, by: -1) where isNeeded[index] {
      for operand in nodes[index].operands { isNeeded[operand.index] = true }
    }
    return isNeeded
  }
}
