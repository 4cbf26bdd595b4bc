import TensorGraph

/// Nodes that one step computes: any one node, or a group of elementwise nodes over the same number of
/// elements, with reductions of some of them.
struct Unit {
  var members: [NodeID]
  /// Elements of the iteration space, for fusible units.
  let elementCount: Int
  /// Whether all it depends on is fixed.
  let isFixed: Bool
  /// How reductions among the members see the elements.
  var reductionShape: ReductionShape?
  var sinkCount = 0
}

/// Elements seen as [outer, reduced, inner].
struct ReductionShape: Hashable {
  let outer: Int
  let reduced: Int
  let inner: Int

  /// The shape that a reduction over neighbouring axes sees.
  init(_ shape: Shape, axes: [Int]) {
    let first = axes.first ?? shape.rank
    let last = axes.last ?? shape.rank - 1
    outer = shape.dimensions[..<first].reduce(1, *)
    reduced = axes.reduce(1) { $0 * shape[$1] }
    inner = shape.dimensions[(last + 1)...].reduce(1, *)
  }
}

/// Groups the nodes of a graph into units, so that the units' dependencies have no cycle.
struct Fusion {
  private let graph: Graph
  private let sources: ElementSources
  private let fuses: Bool
  private let isFixed: [Bool]
  /// The unit of each node; nil for nodes without a computation.
  private(set) var unitOfNode: [Int?]
  /// Units by number; nil when merged into another.
  private(set) var units: [Unit?] = []
  /// For each unit all units it depends on, and the numbers that were merged into it.
  private var dependencies: [Bitset] = []
  private var names: [Bitset] = []

  /// Larger groups gain nothing and strain the evaluator's registers.
  private static let largestGroup = 96
  private static let largestSinkCount = 8

  init(_ graph: Graph, _ sources: ElementSources, isFixed: [Bool], fuses: Bool) {
    self.graph = graph
    self.sources = sources
    self.fuses = fuses
    self.isFixed = isFixed
    unitOfNode = [Int?](repeating: nil, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() { place(NodeID(index), node) }
  }

  private mutating func place(_ id: NodeID, _ node: Node) {
    switch node.op {
    case .input, .structural(.reshape):
      return
    case .constant, .iota, .structural(.broadcast):
      // With memory of its own, it is a group that only reads a source.
      if sources.materialised.contains(id) { startUnit(id, node) }
    case .elementwise, .reduction(.reduce):
      if !join(id, node) { startUnit(id, node) }
    case .reduction(.argmax), .reduction(.windowArgmax), .contraction, .structural(.transpose),
      .structural(.slice), .structural(.pad), .structural(.concatenate), .indexing:
      startUnit(id, node)
    }
  }

  private mutating func startUnit(_ id: NodeID, _ node: Node) {
    let number = units.count
    units.append(
      Unit(
        members: [id], elementCount: elementCount(node), isFixed: isFixed[id.index],
        reductionShape: reductionShape(node), sinkCount: reductionShape(node) == nil ? 0 : 1))
    unitOfNode[id.index] = number
    var all = Bitset()
    for unit in operandUnits(node) { all.formUnion(closure(unit)) }
    dependencies.append(all)
    var own = Bitset()
    own.insert(number)
    names.append(own)
  }

  /// Tries to compute the node together with the units of its operands.
  private mutating func join(_ id: NodeID, _ node: Node) -> Bool {
    guard fuses else { return false }
    var candidates: [Int] = []
    var others: [Int] = []
    for operand in node.operands {
      guard let (unit, isElementwise) = operandUnit(operand) else { continue }
      if isElementwise, canShare(unit, id, node) {
        if !candidates.contains(unit) { candidates.append(unit) }
      } else {
        others.append(unit)
      }
    }
    // Joining is wrong where the node also needs a candidate's finished result.
    candidates.removeAll { candidate in
      others.contains { $0 == candidate || dependencies[$0].intersects(names[candidate]) }
    }
    guard let target = candidates.first else { return false }
    for unit in operandUnits(node) where unit != target && !candidates.contains(unit) {
      if dependencies[unit].intersects(names[target]) { return false }
    }
    for candidate in candidates.dropFirst() { merge(candidate, into: target, node) }
    // A candidate that could not be merged must not depend on the target.
    for unit in operandUnits(node) where unit != target {
      if dependencies[unit].intersects(names[target]) { return false }
    }
    for unit in operandUnits(node) where unit != target { addDependency(of: target, on: unit) }
    guard canShare(target, id, node) else { return false }
    units[target]?.members.append(id)
    if let shape = reductionShape(node) {
      units[target]?.reductionShape = shape
      units[target]?.sinkCount += 1
    }
    unitOfNode[id.index] = target
    return true
  }

  /// Whether the unit's iteration space fits the node.
  private func canShare(_ number: Int, _ id: NodeID, _ node: Node) -> Bool {
    guard let unit = units[number], graph[unit.members[0]].op.isFusible,
      unit.elementCount == elementCount(node), unit.isFixed == isFixed[id.index],
      unit.members.count < Self.largestGroup
    else { return false }
    guard let shape = reductionShape(node) else { return true }
    return (unit.reductionShape ?? shape) == shape && unit.sinkCount < Self.largestSinkCount
  }

  private mutating func merge(_ source: Int, into target: Int, _ node: Node) {
    guard let from = units[source], let to = units[target],
      from.members.count + to.members.count < Self.largestGroup,
      from.sinkCount + to.sinkCount < Self.largestSinkCount,
      from.reductionShape == nil || to.reductionShape == nil
        || from.reductionShape == to.reductionShape,
      !dependencies[source].intersects(names[target]),
      !dependencies[target].intersects(names[source])
    else { return }
    units[target]?.members = (from.members + to.members).sorted()
    units[target]?.reductionShape = to.reductionShape ?? from.reductionShape
    units[target]?.sinkCount = from.sinkCount + to.sinkCount
    for member in from.members { unitOfNode[member.index] = target }
    units[source] = nil
    // Whatever depends on either depends on both now.
    names[target].formUnion(names[source])
    var all = dependencies[target]
    all.formUnion(dependencies[source])
    dependencies[target] = all
    all.formUnion(names[target])
    propagate(all, from: target)
  }

  private mutating func addDependency(of target: Int, on unit: Int) {
    let all = closure(unit)
    if dependencies[target].formUnion(all) { propagate(all, from: target) }
  }

  /// Gives `all` to every unit that depends on `target`.
  private mutating func propagate(_ all: Bitset, from target: Int) {
    for unit in units.indices where units[unit] != nil && unit != target {
      if dependencies[unit].intersects(names[target]) { dependencies[unit].formUnion(all) }
    }
  }

  private func closure(_ unit: Int) -> Bitset {
    var all = dependencies[unit]
    all.formUnion(names[unit])
    return all
  }

  // MARK: Edges

  /// The unit that computes an operand's elements, and whether they are taken one by one.
  private func operandUnit(_ operand: NodeID) -> (unit: Int, isElementwise: Bool)? {
    switch sources.sources[operand.index] {
    case .constant, .iota:
      return nil
    case .view(let memory, _):
      return unitOfNode[memory.index].map { ($0, false) }
    case .dense(let memory):
      let isElementwise =
        if case .elementwise = graph[memory].op { true } else { false }
      return unitOfNode[memory.index].map { ($0, isElementwise) }
    }
  }

  /// Units a node reads from, whether through sources or, for other operators, from memory.
  private func operandUnits(_ node: Node) -> [Int] {
    var result: [Int] = []
    for operand in node.operands {
      let unit: Int?
      if node.op.isFusible || node.op.isReadInPlace {
        unit = operandUnit(operand)?.unit
      } else {
        unit = unitOfNode[sources.memory(of: operand).index]
      }
      if let unit, !result.contains(unit) { result.append(unit) }
    }
    return result
  }

  private func elementCount(_ node: Node) -> Int {
    if case .reduction(.reduce) = node.op { return graph[node.operands[0]].shape.elementCount }
    return node.shape.elementCount
  }

  private func reductionShape(_ node: Node) -> ReductionShape? {
    guard case .reduction(.reduce(_, let axes)) = node.op else { return nil }
    return ReductionShape(graph[node.operands[0]].shape, axes: axes)
  }

  // MARK: Order

  /// Units in an order that respects their dependencies, close to that of the graph.
  func orderedUnits() -> [Unit] {
    var edges = [[Int]](repeating: [], count: units.count)
    var pending = [Int](repeating: 0, count: units.count)
    for (number, unit) in units.enumerated() {
      guard let unit else { continue }
      var needed: Set<Int> = []
      for member in unit.members { needed.formUnion(operandUnits(graph[member])) }
      needed.remove(number)
      pending[number] = needed.count
      for other in needed { edges[other].append(number) }
    }
    // A unit is placed when its last member would be, or later.
    func rank(_ number: Int) -> Int { units[number]?.members.last?.index ?? 0 }
    var ready = units.indices.filter { units[$0] != nil && pending[$0] == 0 }
      .sorted { rank($0) > rank($1) }
    var result: [Unit] = []
    while let number = ready.popLast() {
      if let unit = units[number] { result.append(unit) }
      for user in edges[number] {
        pending[user] -= 1
        guard pending[user] == 0 else { continue }
        let position = ready.firstIndex { rank($0) < rank(user) } ?? ready.count
        ready.insert(user, at: position)
      }
    }
    return result
  }
}
