import TensorGraph

/// Undoes a stretch of elementwise operations (bias, activation, scale): each element is found by
/// bisection, which needs the stretch to be strictly monotone and nothing else.
final class ElementwiseInverse {
  private let value: any Executable
  private let pullback: any Executable
  private let argument: HostBuffer
  private let result: HostBuffer
  private let cotangent: HostBuffer
  private let argumentCotangent: HostBuffer
  /// Whether the derivative depends on the argument; not so for a bias or a scale.
  let needsArgument: Bool

  /// Arguments are sought in -bound ... bound.
  private static let bound = 1e3

  /// - Parameters:
  ///   - graph: the model's forward pass; `inputs` are the values of its inputs but the data.
  init(
    _ graph: Graph, from source: NodeID, to target: NodeID, inputs: [Tensor],
    backend: any Backend
  ) throws(GraphError) {
    let builder = GraphBuilder()
    let parameters = inputs.map {
      builder.input("parameter", $0.shape, $0.dtype, role: .fixed)
    }
    let a = builder.input("argument", graph[source].shape, .f64)
    let c = builder.input("cotangent", graph[target].shape, .f64)
    let depends = graph.nodesDepending(on: source)
    var copies: [NodeID: Value] = [source: a]
    // What the target needs: the region itself, and what parameters alone determine.
    for index in 0...target.index where NodeID(index) != source {
      let (id, node) = (NodeID(index), graph.nodes[index])
      if case .input(let input, _) = node.op {
        if input < parameters.count { copies[id] = parameters[input] }
        continue
      }
      let operands = node.operands.compactMap { copies[$0] }
      guard operands.count == node.operands.count else { continue }
      guard depends[index] || index < target.index else { continue }
      copies[id] = try builder.add(node.op, operands)
    }
    guard let y = copies[target] else {
      throw GraphError("node \(target) does not follow from node \(source) alone")
    }
    let back = y.pullback(c, to: [a])[0]
    let pullbackGraph = builder.build(outputs: [back])
    needsArgument = pullbackGraph.reads(input: parameters.count)
    value = try backend.compile(builder.build(outputs: [y]))
    pullback = try backend.compile(pullbackGraph)
    argument = HostBuffer(a.type)
    result = HostBuffer(y.type)
    cotangent = HostBuffer(c.type)
    argumentCotangent = HostBuffer(a.type)
    for executable in [value, pullback] {
      for (index, tensor) in inputs.enumerated() {
        executable.bind(input: index, to: HostBuffer(tensor))
      }
      executable.bind(input: inputs.count, to: argument)
      executable.bind(input: inputs.count + 1, to: cotangent)
    }
    value.bind(output: 0, to: result)
    pullback.bind(output: 0, to: argumentCotangent)
  }

  /// The argument at which the stretch has `values`; nil when it is not strictly monotone.
  func argument(for values: Tensor) -> Tensor? {
    guard let rises = directions() else { return nil }
    let count = values.shape.elementCount
    let targets = values.doubles
    var low = [Double](repeating: -ElementwiseInverse.bound, count: count)
    var high = [Double](repeating: ElementwiseInverse.bound, count: count)
    let a = argument.pointer(as: Double.self)
    let y = result.pointer(as: Double.self)
    // 2 * bound / 2^70 is below the rounding of any argument that matters.
    for _ in 0..<70 {
      for index in 0..<count { a[index] = (low[index] + high[index]) / 2 }
      value.run()
      for index in 0..<count {
        if (y[index] < targets[index]) == rises[index] {
          low[index] = a[index]
        } else {
          high[index] = a[index]
        }
      }
    }
    for index in 0..<count { a[index] = (low[index] + high[index]) / 2 }
    return argument.read()
  }

  /// The argument's cotangent at the given argument.
  func argumentCotangent(_ resultCotangent: Tensor, at argument: Tensor?) -> Tensor {
    if let argument { self.argument.write(argument) }
    cotangent.write(resultCotangent)
    pullback.run()
    return argumentCotangent.read()
  }

  /// For each element whether the stretch rises; nil where it is flat or turns.
  private func directions() -> [Bool]? {
    let a = argument.pointer(as: Double.self)
    let y = result.pointer(as: Double.self)
    var rises: [Bool] = []
    var last: [Double] = []
    for probe in [-3.0, -2, -1, -0.5, 0.5, 1, 2, 3] {
      for index in 0..<a.count { a[index] = probe }
      value.run()
      let current = Array(y)
      if rises.isEmpty, !last.isEmpty { rises = zip(last, current).map { $0 < $1 } }
      for index in 0..<last.count {
        let difference = current[index] - last[index]
        guard rises[index] ? difference > 0 : difference < 0 else { return nil }
      }
      last = current
    }
    return rises
  }
}

extension Graph {
  /// Whether any node reads the input.
  func reads(input: Int) -> Bool {
    nodes.contains { node in
      if case .input(let index, _) = node.op { return index == input }
      return false
    }
  }
}
