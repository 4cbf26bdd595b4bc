import TensorGraph

/// Operators on lists of tensors. Lists are known while the model is read, so that none is left in the
/// graph: PyTorch's exporters split, index and concatenate with them.
enum SequenceOperator: String, CaseIterable {
  case construct = "SequenceConstruct"
  case empty = "SequenceEmpty"
  case insert = "SequenceInsert"
  case erase = "SequenceErase"
  case at = "SequenceAt"
  case length = "SequenceLength"
  case split = "SplitToSequence"
  case concatenate = "ConcatFromSequence"

  /// The operator set that brought all of them.
  static let since = 11
}

extension GraphLowering {
  /// Lowers a node that makes or takes a list.
  ///
  /// - Returns: the results that are tensors; lists go to the scope.
  func results(
    of kind: SequenceOperator, _ node: NodeProto, in scope: Scope
  ) throws(ONNXError) -> [Operand] {
    var list: [Operand] = []
    switch kind {
    case .empty: break
    case .construct:
      for name in node.input { list.append(try value(name, in: scope)) }
    case .insert:
      list = try sequence(node, in: scope)
      let position = try position(node, 2, in: scope) ?? list.count
      list.insert(
        try input(node, 1, in: scope), at: try place(position, in: 0..<list.count + 1, list.count))
    case .erase:
      list = try sequence(node, in: scope)
      let position = try position(node, 1, in: scope) ?? -1
      list.remove(at: try place(position, in: 0..<list.count, list.count))
    case .at:
      list = try sequence(node, in: scope)
      guard let position = try position(node, 1, in: scope) else {
        throw ONNXError(.malformed, "its position is missing")
      }
      return [list[try place(position, in: 0..<list.count, list.count)]]
    case .length:
      let count = Int64(try sequence(node, in: scope).count)
      return [Operand(HostTensor([], .int64, .integers([count])))]
    case .split: list = try split(node, in: scope)
    case .concatenate: return try concatenated(node, in: scope)
    }
    // Copies of lists are counted like operators.
    try charge(list.count)
    if let name = node.output.first { scope.sequences[name] = list }
    return []
  }

  private func input(
    _ node: NodeProto, _ index: Int, in scope: Scope
  ) throws(ONNXError) -> Operand {
    guard index < node.input.count else {
      throw ONNXError(.malformed, "its input \(index) is missing")
    }
    return try value(node.input[index], in: scope)
  }

  /// The list that is a node's first input.
  private func sequence(
    _ node: NodeProto, in scope: Scope
  ) throws(ONNXError) -> [Operand] {
    let name = node.input.first ?? ""
    var current: Scope? = scope
    while let place = current {
      if let list = place.sequences[name] { return list }
      current = place.parent
    }
    throw ONNXError(
      .unsupported, "its list \(name.quotedForMessage) is not made by an operator of the same graph"
    )
  }

  /// A position that a node is given; nil when it is left out.
  private func position(
    _ node: NodeProto, _ index: Int, in scope: Scope
  ) throws(ONNXError) -> Int? {
    guard index < node.input.count, !node.input[index].isEmpty else { return nil }
    guard let host = try value(node.input[index], in: scope).host else {
      throw ONNXError(
        .unsupported, "its position depends on the data, which graphs of fixed shapes cannot have")
    }
    guard let integers = host.integers, integers.count == 1 else {
      throw ONNXError(.malformed, "its position is \(host.type)\(host.shape), no integer")
    }
    return integers[0]
  }

  /// A position among `bounds`, negative ones counted from the end of `count` tensors.
  private func place(
    _ position: Int, in bounds: Range<Int>, _ count: Int
  ) throws(ONNXError) -> Int {
    let absolute = position < 0 ? position &+ count : position
    guard bounds.contains(absolute) else {
      throw ONNXError(.malformed, "its position \(position) is outside a list of \(count)")
    }
    return absolute
  }

  // MARK: - Splitting and joining

  private func split(_ node: NodeProto, in scope: Scope) throws(ONNXError) -> [Operand] {
    let whole = try input(node, 0, in: scope)
    let rank = whole.shape.rank
    let given = node.attribute.first { $0.name == "axis" }.map { Int($0.i) } ?? 0
    guard (-rank..<rank).contains(given) else {
      throw ONNXError(.malformed, "its axis \(given) is outside a value of \(rank) axes")
    }
    let axis = given < 0 ? given + rank : given
    let extent = whole.shape[axis]
    var sizes: [Int] = []
    var drops = node.attribute.contains { $0.name == "keepdims" && $0.i == 0 }
    if node.input.count > 1, !node.input[1].isEmpty {
      drops = false
      guard let host = try value(node.input[1], in: scope).host, let integers = host.integers,
        host.shape.rank <= 1
      else { throw ONNXError(.unsupported, "its sizes are no constants") }
      sizes = integers
      if host.shape.rank == 0 {
        guard let size = integers.first, size > 0 else {
          throw ONNXError(.malformed, "its parts have the size \(integers)")
        }
        try charge((extent - 1) / size + 1)
        sizes = stride(from: 0, to: extent, by: size).map { min(size, extent - $0) }
      } else {
        try charge(sizes.count)
      }
    } else {
      try charge(extent)
      sizes = [Int](repeating: 1, count: extent)
    }
    let parts = try apply("Split", [whole, Operand(HostTensor(sizes))], ["axis": axis], in: scope)
    guard drops else { return parts }
    var list: [Operand] = []
    for part in parts {
      list += try apply("Squeeze", [part, Operand(HostTensor([axis]))], [:], in: scope)
    }
    return list
  }

  private func concatenated(
    _ node: NodeProto, in scope: Scope
  ) throws(ONNXError) -> [Operand] {
    var list = try sequence(node, in: scope)
    try charge(list.count)
    guard let axis = node.attribute.first(where: { $0.name == "axis" }).map({ Int($0.i) }) else {
      throw ONNXError(.malformed, "its axis is missing")
    }
    if node.attribute.contains(where: { $0.name == "new_axis" && $0.i != 0 }) {
      for index in list.indices {
        let axes = Operand(HostTensor([axis]))
        list[index] = try apply("Unsqueeze", [list[index], axes], [:], in: scope)[0]
      }
    }
    return try apply("Concat", list, ["axis": axis], in: scope)
  }

  /// The results of another operator, as a node of the standard's version 13 would have them.
  private func apply(
    _ name: String, _ operands: [Operand], _ attributes: [String: Int], in scope: Scope
  ) throws(ONNXError) -> [Operand] {
    guard let entry = OperatorTable.entry("", name) else {
      preconditionFailure("\(name) is not in the table of operators")
    }
    var node = NodeProto()
    node.opType = name
    node.attribute = attributes.map { name, value in
      var attribute = AttributeProto()
      attribute.name = name
      attribute.i = Int64(value)
      return attribute
    }
    return try results(of: node, entry, opset: 13, operands: operands)
  }
}
