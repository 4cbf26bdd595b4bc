import TensorGraph

/// Where a graph looks integers of its input up in tables: each such lookup is known by the column of the input that it reads, and by
/// what is added to it, as models do that keep the embeddings of all columns in one table.
struct PlaceLookups {
  /// An integer of the input, with something added.
  private struct Place: Hashable {
    let row: Int
    let column: Int
    var offset: Int
  }

  private let graph: Graph
  /// For each node that only moves integers of the input the place that each of its elements is.
  private var places: [NodeID: [Place]] = [:]
  /// Values of nodes that never change.
  private var constants: [NodeID: [Double]] = [:]

  /// Elements beyond which a node is passed over.
  private static let elementLimit = 1 << 20

  /// - Parameters:
  ///   - input: the number of the graph's input of integers, [N, columns].
  ///   - constants: values of other inputs, by their numbers.
  init(_ graph: Graph, input: Int, columns: Int, constants: [Int: [Double]]) {
    self.graph = graph
    for (index, node) in graph.nodes.enumerated()
    where node.shape.elementCount <= Self.elementLimit {
      let id = NodeID(index)
      switch node.op {
      case .input(index: input, _):
        places[id] = (0..<node.shape.elementCount).map {
          Place(row: $0 / columns, column: $0 % columns, offset: 0)
        }
      case .input(index: let other, _): self.constants[id] = constants[other]
      case .constant(let value, _): self.constants[id] = [value]
      case .structural(let op): move(id, node, op)
      case .elementwise(let op): compute(id, node, op)
      case .iota(let type, let axis):
        let (extent, stride) = (type.shape[axis], type.shape.strides[axis])
        self.constants[id] = (0..<type.shape.elementCount).map { Double($0 / stride % extent) }
      case .reduction, .contraction, .indexing: continue
      }
    }
  }

  private mutating func move(_ id: NodeID, _ node: Node, _ op: StructuralOp) {
    let types = node.operands.map { graph[$0].type }
    let known = node.operands.compactMap { constants[$0] }
    if known.count == types.count {
      constants[id] = op.moving(Array(zip(types, known)), to: node.type)
      return
    }
    let held = node.operands.compactMap { places[$0] }
    guard held.count == types.count else { return }
    // From 1: 0 is padding.
    let all = held.flatMap(\.self)
    var start = 1
    let numbers = held.map { part in
      defer { start += part.count }
      return part.indices.map { Double(start + $0) }
    }
    let moved = op.moving(Array(zip(types, numbers)), to: node.type)
    guard moved.allSatisfy({ $0 > 0 }) else { return }
    places[id] = moved.map { all[Int($0) - 1] }
  }

  private mutating func compute(_ id: NodeID, _ node: Node, _ op: ElementwiseOp) {
    switch op {
    case .convert:
      places[id] = places[node.operands[0]]
      constants[id] = constants[node.operands[0]]
    case .binary(let op):
      if let left = constants[node.operands[0]], let right = constants[node.operands[1]] {
        constants[id] = zip(left, right).map(op.ofConstants)
        return
      }
      guard op == .add else { return }
      for (own, other) in [(0, 1), (1, 0)] {
        guard let held = places[node.operands[own]], let added = constants[node.operands[other]],
          added.allSatisfy({ abs($0) < 0x1p31 && $0 == $0.rounded() })
        else { continue }
        places[id] = zip(held, added).map { (place: Place, number: Double) in
          Place(row: place.row, column: place.column, offset: place.offset + Int(number))
        }
      }
    case .select:
      // Negative indices count from the end, and places are none.
      if case .elementwise(.compare(.less)) = graph[node.operands[0]].op,
        graph[node.operands[0]].operands[0] == node.operands[2]
      {
        places[id] = places[node.operands[2]]
      }
    case .unary, .compare: return
    }
  }

  /// The graph's outputs in another builder, with something else in place of the lookups.
  ///
  /// - Parameters:
  ///   - inputs: one for each of the graph's.
  ///   - product: [N, D] of a column and the part [V, D] of a table from its offset on.
  /// - Throws: ``GraphError`` when operands do not fit, which they do where the graph was built.
  func inlined(
    in builder: GraphBuilder, inputs: [Value], _ product: (Int, Value) -> Value
  ) throws(GraphError) -> [Value] {
    var values: [Value] = []
    for node in graph.nodes {
      if case .input(let input, _) = node.op {
        values.append(inputs[input])
      } else if node.op == .indexing(.gather), let columns = columns(of: node) {
        let table = values[node.operands[0].index]
        let (size, width) = (table.shape[1], table.shape[2])
        let matrix = table.reshape(to: [size, width])
        let parts = columns.map { place in
          product(place.column, matrix.slice(axis: 0, place.offset..<size))
        }
        let rows = parts[0].shape[0]
        values.append(
          Value.concatenate(parts.map { $0.reshape(to: [rows, 1, width]) }, axis: 1)
            .reshape(to: node.shape))
      } else {
        values.append(try builder.add(node.op, node.operands.map { values[$0.index] }))
      }
    }
    return graph.outputs.map { values[$0.index] }
  }

  /// The columns and offsets that a lookup reads of each row, one after the other; nil for another lookup.
  private func columns(of node: Node) -> [(column: Int, offset: Int)]? {
    let table = graph[node.operands[0]].shape
    guard table.dimensions.first == 1, let places = places[node.operands[1]],
      let count = (places.map(\.row).max()).map({ $0 + 1 }), places.count.isMultiple(of: count)
    else { return nil }
    let width = places.count / count
    let first = places.prefix(width).map { (column: $0.column, offset: $0.offset) }
    for (index, place) in places.enumerated() {
      let expected = first[index % width]
      guard place.row == index / width, place.column == expected.column,
        place.offset == expected.offset
      else { return nil }
    }
    return first.allSatisfy { (0..<table[1]).contains($0.offset) } ? first : nil
  }
}

extension BinaryOp {
  /// Of small integers that a file's constants are made of; NaN for what these are not made with.
  fileprivate func ofConstants(_ left: Double, _ right: Double) -> Double {
    switch self {
    case .add: left + right
    case .subtract: left - right
    case .multiply: left * right
    case .divide, .power, .maximum, .minimum, .and, .or: .nan
    }
  }
}
