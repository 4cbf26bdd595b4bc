import TensorGraph

/// Undoes a stretch of elementwise operations (bias, activation, scale): each element is found by
/// bisection, which needs the stretch to be monotone and nothing else. Where it is flat at one end, as
/// ReLU is, a value on the flat part tells that the argument lies there and no more.
final class ElementwiseInverse {
  private let value: CompiledFunction
  private let pullback: CompiledFunction
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
    let pullback = builder.function(computing: [back])
    needsArgument = pullback.graph.reads(input: pullback.index(ofInput: a.handle))
    value = try CompiledFunction(builder.function(computing: [y]), on: backend)
    self.pullback = try CompiledFunction(pullback, on: backend)
    argument = value.input(a.handle)
    cotangent = value.input(c.handle)
    for function in [value, self.pullback] {
      function.bind(parameters.map(\.handle), to: inputs)
      function.bind(a.handle, to: argument)
      function.bind(c.handle, to: cotangent)
    }
    result = value.output(y.handle)
    argumentCotangent = self.pullback.output(back.handle)
  }

  /// The arguments at which the stretch has `values`, or nil when it is not monotone.
  ///
  /// - Returns: the arguments; for each whether its value determines it (one that is not determined
  ///   stands on the flat part, where its cotangent is 0); and how many values lie beyond a flat part,
  ///   where no argument leads.
  func argument(
    for values: Tensor
  ) throws(GraphError) -> (argument: Tensor, isKnown: [Bool], impossibleCount: Int)? {
    guard let rises = try directions() else { return nil }
    let targets = values.doubles
    var impossibleCount = 0
    var found = try bisect { index, y in (y < targets[index]) == rises[index] }
    var isKnown = [Bool](repeating: true, count: targets.count)
    for end in [-ElementwiseInverse.bound, ElementwiseInverse.bound] {
      guard let flat = try flatPart(towards: end) else { continue }
      let distances = targets.indices.map { abs(targets[$0] - flat.levels[$0]) }
      let tolerance = ElementwiseInverse.clusterEdge(of: distances)
      for index in targets.indices where flat.isFlat[index] {
        if distances[index] <= tolerance {
          isKnown[index] = false
          found[index] = flat.edges[index] + (end < 0 ? -1 : 1)
        } else if (targets[index] < flat.levels[index]) == (rises[index] == (end < 0)) {
          impossibleCount += 1
        }
      }
    }
    return (Tensor(values.shape, .f64(found)), isKnown, impossibleCount)
  }

  /// For each element the point where `isBelow` turns from true to false.
  private func bisect(_ isBelow: (Int, Double) -> Bool) throws(GraphError) -> [Double] {
    let a = argument.pointer(as: Double.self)
    let y = result.pointer(as: Double.self)
    var low = [Double](repeating: -ElementwiseInverse.bound, count: a.count)
    var high = [Double](repeating: ElementwiseInverse.bound, count: a.count)
    // 2 * bound / 2^70 is below the rounding of any argument that matters.
    for _ in 0..<70 {
      for index in 0..<a.count { a[index] = (low[index] + high[index]) / 2 }
      try value.run()
      for index in 0..<a.count {
        if isBelow(index, y[index]) { low[index] = a[index] } else { high[index] = a[index] }
      }
    }
    return zip(low, high).map { ($0 + $1) / 2 }
  }

  /// What the stretch does towards one end of the line, element by element.
  private struct FlatPart {
    let isFlat: [Bool]
    /// Values of the flat parts.
    let levels: [Double]
    /// Where they end.
    let edges: [Double]
  }

  /// The parts that are flat up to a kink, as ReLU's; not those that are flat only to rounding, as
  /// the ends of tanh. Nil when no element has one.
  private func flatPart(towards end: Double) throws(GraphError) -> FlatPart? {
    let levels = try values(
      at: [Double](repeating: end / 2, count: argument.type.shape.elementCount))
    let quarter = try values(at: [Double](repeating: end / 4, count: levels.count))
    guard zip(levels, quarter).contains(where: { $0 == $1 }) else { return nil }
    let edges = try bisect { index, y in (y == levels[index]) == (end < 0) }
    let inward = end < 0 ? ElementwiseInverse.kinkProbe : -ElementwiseInverse.kinkProbe
    let beyond = try values(at: edges.map { $0 + inward })
    let isFlat = levels.indices.map { index in
      levels[index] == quarter[index]
        && abs(beyond[index] - levels[index]) > 1e-3 * ElementwiseInverse.kinkProbe
    }
    return isFlat.contains(true) ? FlatPart(isFlat: isFlat, levels: levels, edges: edges) : nil
  }

  /// Distance from a kink at which its slope is looked at.
  private static let kinkProbe = 1e-3

  /// Whether every element of the stretch is this function at each of some arguments, to rounding.
  func agrees(
    with function: (Double) -> Double, at arguments: [Double]
  ) throws(GraphError) -> Bool {
    for argument in arguments {
      let expected = function(argument)
      let count = self.argument.type.shape.elementCount
      let found = try values(at: [Double](repeating: argument, count: count))
      guard found.allSatisfy({ abs($0 - expected) <= 1e-14 * abs(argument) }) else { return false }
    }
    return true
  }

  private func values(at arguments: [Double]) throws(GraphError) -> [Double] {
    let a = argument.pointer(as: Double.self)
    for index in 0..<a.count { a[index] = arguments[index] }
    try value.run()
    return Array(result.pointer(as: Double.self))
  }

  /// A bound that parts what is 0 but for rounding from what is not: in the widest gap, by ratio,
  /// below a hundredth of the largest. Rounding differs between gradients of f32 and of f64.
  private static func clusterEdge(of magnitudes: [Double]) -> Double {
    let floor = 1e-14 * (magnitudes.max() ?? 0)
    let sorted = magnitudes.map { max($0, floor) }.sorted(by: >)
    var edge = (ratio: 10.0, bound: floor)
    for (larger, smaller) in zip(sorted, sorted.dropFirst())
    where smaller > 0 && smaller <= 0.01 * sorted[0] && larger / smaller > edge.ratio {
      edge = (larger / smaller, (larger * smaller).squareRoot())
    }
    return edge.bound
  }

  /// The argument's cotangent at the given argument.
  func argumentCotangent(_ resultCotangent: Tensor, at argument: Tensor?) throws(GraphError)
    -> Tensor
  {
    if let argument { self.argument.write(argument) }
    cotangent.write(resultCotangent)
    try pullback.run()
    return argumentCotangent.read()
  }

  /// For each element whether the stretch rises; nil when one is constant or turns.
  private func directions() throws(GraphError) -> [Bool]? {
    let count = argument.type.shape.elementCount
    let probes = try ElementwiseInverse.probes.map { probe throws(GraphError) in
      try values(at: [Double](repeating: probe, count: count))
    }
    var rises: [Bool] = []
    for index in 0..<count {
      guard let first = probes.first?[index], let last = probes.last?[index], first != last else {
        return nil
      }
      let isRising = first < last
      for (earlier, later) in zip(probes, probes.dropFirst()) {
        let change = later[index] - earlier[index]
        guard isRising ? change >= 0 : change <= 0 else { return nil }
      }
      rises.append(isRising)
    }
    return rises
  }

  /// Where monotony is looked at: finely around 0, where activations turn, and far out, where a bias
  /// or a normalisation may have moved that.
  private static let probes: [Double] =
    [-bound, -300, -100, -30, -10] + stride(from: -6.0, through: 6, by: 0.25) + [
      10, 30, 100, 300, bound,
    ]
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
