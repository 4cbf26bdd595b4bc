extension Value {
  /// Gradients of this scalar with respect to `variables`, as values of the same graph, so that they
  /// can be differentiated again, to any order.
  ///
  /// A variable that this value does not depend on has a gradient of zeros.
  public func gradient(withRespectTo variables: [Value]) -> [Value] {
    precondition(shape.isScalar, "gradient of a tensor \(type); sum it, or use pullback")
    return pullback(filled(with: 1), to: variables)
  }

  /// Vector-Jacobian product: the cotangents of `variables` for this value's `cotangent`.
  public func pullback(_ cotangent: Value, to variables: [Value]) -> [Value] {
    Value.pullback([(self, cotangent)], to: variables)
  }

  /// Vector-Jacobian product for several results at once: the cotangents of `variables`, summed over
  /// all paths from the results.
  public static func pullback(
    _ results: [(value: Value, cotangent: Value)], to variables: [Value]
  ) -> [Value] {
    guard let builder = results.first?.value.builder else {
      return variables.map { $0.filled(with: 0) }
    }
    for (value, cotangent) in results {
      precondition(
        value.type == cotangent.type, "cotangent \(cotangent.type) of a value \(value.type)")
    }
    let last = results.map(\.value.id.index).max() ?? 0
    let dependsOnVariables = builder.nodesDepending(on: variables, upTo: last)

    var cotangents = [Value?](repeating: nil, count: last + 1)
    func accumulate(_ contribution: Value, at id: NodeID) {
      if let sum = cotangents[id.index] {
        cotangents[id.index] = sum + contribution
      } else {
        cotangents[id.index] = contribution
      }
    }
    for (value, cotangent) in results { accumulate(cotangent, at: value.id) }

    for index in stride(from: last, through: 0, by: -1) where dependsOnVariables[index] {
      guard let cotangent = cotangents[index] else { continue }
      let result = Value(id: NodeID(index), builder: builder)
      let operands = result.node.operands
      let isNeeded = operands.map { dependsOnVariables[$0.index] }
      guard isNeeded.contains(true) else { continue }
      let contributions = result.operandCotangents(for: cotangent, isNeeded: isNeeded)
      for (operand, contribution) in zip(operands, contributions) {
        if let contribution { accumulate(contribution, at: operand) }
      }
    }
    return variables.map { variable in
      (variable.id.index <= last ? cotangents[variable.id.index] : nil)
        ?? variable.filled(with: 0)
    }
  }

  /// The derivative rule of this node in reverse: a cotangent for each operand, nil where it is not
  /// needed or always zero.
  private func operandCotangents(for cotangent: Value, isNeeded: [Bool]) -> [Value?] {
    switch node.op {
    case .input, .constant, .iota:
      []
    case .elementwise(let op):
      elementwiseCotangents(op, for: cotangent, isNeeded: isNeeded)
    case .reduction(let op):
      reductionCotangents(op, for: cotangent)
    case .contraction(let op):
      contractionCotangents(op, for: cotangent, isNeeded: isNeeded)
    case .structural(let op):
      structuralCotangents(op, for: cotangent, isNeeded: isNeeded)
    case .indexing(let op):
      indexingCotangents(op, for: cotangent)
    }
  }

  /// This node's operands as values.
  public var operands: [Value] { node.operands.map { Value(id: $0, builder: builder) } }
}

extension GraphBuilder {
  /// For each node up to `last`: whether it is one of `variables` or depends on one through
  /// floating-point values.
  func nodesDepending(on variables: [Value], upTo last: Int) -> [Bool] {
    var depends = [Bool](repeating: false, count: last + 1)
    for variable in variables {
      precondition(variable.builder === self, "variable \(variable.id) belongs to another graph")
      precondition(
        variable.dtype.isFloatingPoint, "cannot differentiate with respect to \(variable.type)")
      if variable.id.index <= last { depends[variable.id.index] = true }
    }
    for index in 0...last where !depends[index] {
      let node = nodes[index]
      depends[index] =
        node.dtype.isFloatingPoint && node.operands.contains { depends[$0.index] }
    }
    return depends
  }
}
