import TensorGraph

/// Undoes a stretch of elementwise operations (bias, activation, scale): each element is found by
/// bisection, which needs the stretch to be monotone and nothing else. Where it is flat at one end, as
/// ReLU is, a value on the flat part tells that the argument lies there and no more.
final class ElementwiseInverse {
  private let value: CompiledFunction
  private let pullback: CompiledFunction
  let argument: HostBuffer
  private let result: HostBuffer
  private let cotangent: HostBuffer
  private let argumentCotangent: HostBuffer
  /// Whether the derivative depends on the argument; not so for a bias or a scale.
  let needsArgument: Bool

  /// Arguments are sought in -bound ... bound.
  static let bound = 1e3

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

  /// What values tell of the arguments.
  struct Arguments {
    var argument: Tensor
    /// For each element what its value is worth as an equation for the argument: 1, less where the stretch
    /// is nearly level, and 0 where it is level, or where the cotangent is 0.
    var weights: [Double]
    /// Values beyond a flat part, where no argument leads.
    var impossibleCount = 0
    /// The other arguments with the same values, where a stretch that turns has two.
    var other: Other?

    struct Other {
      let argument: Tensor
      let weights: [Double]
      /// Whether it is open which of the two it is.
      let isOpen: [Bool]
    }
  }

  /// The arguments at which the stretch has `values`, or nil when it is constant or turns more than once.
  func argument(for values: Tensor) throws(GraphError) -> Arguments? {
    guard let courses = try courses() else { return nil }
    if courses.contains(where: \.turns) { return try branches(for: values, courses) }
    let targets = values.doubles
    var found = try bisect(ends(.low), ends(.high)) { index, y in
      (y < targets[index]) == (courses[index] == .rises)
    }
    var weights = try weights(at: found)
    var impossibleCount = 0
    for flat in try flatParts(
      of: targets, turns: [Double?](repeating: nil, count: targets.count))
    {
      for index in targets.indices where flat.isFlat[index] {
        if flat.holds[index] {
          (found[index], weights[index]) = (flat.arguments[index], 0)
        } else if (targets[index] < flat.levels[index])
          == ((courses[index] == .rises) == flat.isLow)
        {
          (weights[index], impossibleCount) = (1, impossibleCount + 1)
        }
      }
    }
    return Arguments(
      argument: Tensor(values.shape, .f64(found)), weights: weights,
      impossibleCount: impossibleCount)
  }

  enum End { case low, high }

  /// An end of the range of arguments, for each element.
  func ends(_ end: End) -> [Double] {
    [Double](
      repeating: end == .low ? -ElementwiseInverse.bound : ElementwiseInverse.bound,
      count: argument.type.shape.elementCount)
  }

  /// For each element the point between two others where `isBelow` turns from true to false.
  func bisect(
    _ low: [Double], _ high: [Double], _ isBelow: (Int, Double) -> Bool
  ) throws(GraphError) -> [Double] {
    try bisect(low, high) { middle throws(GraphError) in
      try values(at: middle).enumerated().map { isBelow($0, $1) }
    }
  }

  func bisect(
    _ low: [Double], _ high: [Double], areBelow: ([Double]) throws(GraphError) -> [Bool]
  ) throws(GraphError) -> [Double] {
    var (low, high) = (low, high)
    // 2 * bound / 2^70 is below the rounding of any argument that matters.
    for _ in 0..<70 {
      let middle = zip(low, high).map { ($0 + $1) / 2 }
      for (index, isBelow) in try areBelow(middle).enumerated() {
        if isBelow { low[index] = middle[index] } else { high[index] = middle[index] }
      }
    }
    return zip(low, high).map { ($0 + $1) / 2 }
  }

  /// What the stretch does towards one end of the line, element by element.
  struct FlatPart {
    /// Whether it is the part towards low arguments.
    let isLow: Bool
    let isFlat: [Bool]
    /// Values of the flat parts.
    let levels: [Double]
    /// Arguments on them, near their ends.
    let arguments: [Double]
    /// Whether a value is that of the flat part, to rounding.
    let holds: [Bool]
  }

  /// The parts that are flat up to a kink, as ReLU's; not those that are flat only to rounding, as
  /// the ends of tanh.
  ///
  /// - Parameter turns: where elements turn; nil for those that do not.
  func flatParts(of targets: [Double], turns: [Double?]) throws(GraphError) -> [FlatPart] {
    var parts: [FlatPart] = []
    for end in [-ElementwiseInverse.bound, ElementwiseInverse.bound] {
      let levels = try values(at: [Double](repeating: end / 2, count: targets.count))
      let quarter = try values(at: [Double](repeating: end / 4, count: targets.count))
      guard zip(levels, quarter).contains(where: { $0 == $1 }) else { continue }
      let inner = turns.map { $0 ?? -end }
      let (low, high) = end < 0 ? (ends(.low), inner) : (inner, ends(.high))
      let edges = try bisect(low, high) { index, y in
        (y == levels[index]) == (end < 0)
      }
      let inward = end < 0 ? ElementwiseInverse.kinkProbe : -ElementwiseInverse.kinkProbe
      let beyond = try values(at: edges.map { $0 + inward })
      let isFlat = levels.indices.map { index in
        levels[index] == quarter[index]
          && abs(beyond[index] - levels[index]) > 1e-3 * ElementwiseInverse.kinkProbe
      }
      guard isFlat.contains(true) else { continue }
      let distances = zip(targets, levels).map { abs($0 - $1) }
      let tolerance = ElementwiseInverse.clusterEdge(of: distances)
      parts.append(
        FlatPart(
          isLow: end < 0, isFlat: isFlat, levels: levels,
          arguments: edges.map { $0 + (end < 0 ? -1 : 1) },
          holds: zip(isFlat, distances).map { $0 && $1 <= tolerance }))
    }
    return parts
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

  func values(at arguments: [Double]) throws(GraphError) -> [Double] {
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
