import TensorGraph

/// A strided view of a dense tensor, axes that can be walked as one merged.
struct StridedView: Hashable {
  var extents: [Int]
  /// In elements; 0 repeats.
  var strides: [Int]

  /// The view with its neighbouring axes merged where one stride covers both.
  init(extents: [Int], strides: [Int]) {
    self.extents = []
    self.strides = []
    for (extent, stride) in zip(extents, strides) where extent != 1 {
      if let last = self.strides.last, last == stride * extent {
        self.extents[self.extents.count - 1] *= extent
        self.strides[self.strides.count - 1] = stride
      } else {
        self.extents.append(extent)
        self.strides.append(stride)
      }
    }
    if self.extents.isEmpty {
      self.extents = [1]
      self.strides = [1]
    }
  }

  /// Whether all elements are one.
  var isUniform: Bool { strides.allSatisfy { $0 == 0 } }
}

/// Where an elementwise kernel finds the elements of a value, in row-major order.
enum ElementSource: Hashable {
  /// One number for all.
  case constant(Double)
  /// The memory of a node, element by element.
  case dense(NodeID)
  /// The memory of a node, seen through a view.
  case view(NodeID, StridedView)
  /// The index along an axis, as a view of 0, 1, 2, ...
  case iota(StridedView)
}

/// Which nodes have memory, and how the others are read through them. Reshapes share their operand's
/// memory; broadcasts, constants and iotas are read in place by elementwise kernels, and have memory
/// only when something else reads them.
struct ElementSources {
  private let graph: Graph
  /// For each node the source of its elements.
  private(set) var sources: [ElementSource] = []
  /// Nodes without a computation of their own that need memory nevertheless.
  private(set) var materialised: Set<NodeID> = []

  init(_ graph: Graph) {
    self.graph = graph
    sources.reserveCapacity(graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      sources.append(source(NodeID(index), node))
      if node.op.readsMemory {
        for operand in node.operands { materialise(operand) }
      }
    }
    for output in graph.outputs { materialise(output) }
  }

  /// The node whose memory holds the elements of `id`: `id` itself, or what it reshapes.
  func memory(of id: NodeID) -> NodeID {
    var id = id
    while case .structural(.reshape) = graph[id].op { id = graph[id].operands[0] }
    return id
  }

  private mutating func materialise(_ id: NodeID) {
    let memory = memory(of: id)
    if graph[memory].op.isReadInPlace { materialised.insert(memory) }
  }

  private mutating func source(_ id: NodeID, _ node: Node) -> ElementSource {
    switch node.op {
    case .constant(let value, _):
      return .constant(value)
    case .iota(let type, let axis):
      var strides = [Int](repeating: 0, count: type.shape.rank)
      strides[axis] = 1
      return .iota(StridedView(extents: type.shape.dimensions, strides: strides))
    case .structural(.reshape):
      return sources[node.operands[0].index]
    case .structural(.broadcast(let shape, let axes)):
      return broadcastSource(node.operands[0], shape, axes)
    case .input, .elementwise, .reduction, .contraction, .structural(.transpose),
      .structural(.slice), .structural(.pad), .structural(.concatenate), .indexing:
      return .dense(id)
    }
  }

  private mutating func broadcastSource(
    _ operand: NodeID, _ shape: Shape, _ axes: [Int]
  ) -> ElementSource {
    let source = sources[operand.index]
    switch source {
    case .constant:
      return source
    case .view, .iota:
      // A view of a view: the inner one gets memory.
      materialise(operand)
    case .dense:
      break
    }
    if shape.elementCount == graph[operand].shape.elementCount { return source }
    var strides = [Int](repeating: 0, count: shape.rank)
    for (axis, stride) in zip(axes, graph[operand].shape.strides) { strides[axis] = stride }
    return .view(
      memory(of: operand), StridedView(extents: shape.dimensions, strides: strides))
  }
}

extension Op {
  /// Whether elementwise kernels read the node through its source, so that it needs no computation.
  var isReadInPlace: Bool {
    switch self {
    case .constant, .iota, .structural(.broadcast): true
    case .input, .elementwise, .reduction, .contraction, .structural(.reshape),
      .structural(.transpose), .structural(.slice), .structural(.pad), .structural(.concatenate),
      .indexing:
      false
    }
  }

  /// Whether the operator's kernel can take operands through a source instead of memory, and can be
  /// part of a fused program.
  var isFusible: Bool {
    switch self {
    case .elementwise, .reduction(.reduce): true
    case .input, .constant, .iota, .reduction(.argmax), .reduction(.windowArgmax), .contraction,
      .structural, .indexing:
      false
    }
  }

  /// Whether the operator's kernel reads its operands from memory.
  fileprivate var readsMemory: Bool {
    switch self {
    case .reduction(.argmax), .reduction(.windowArgmax), .contraction, .structural(.transpose),
      .structural(.slice), .structural(.pad), .structural(.concatenate), .indexing:
      true
    case .input, .constant, .iota, .elementwise, .reduction(.reduce),
      .structural(.broadcast), .structural(.reshape):
      false
    }
  }
}
