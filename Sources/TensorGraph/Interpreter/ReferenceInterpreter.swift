/// The slow backend that is right: plain loops in `Double`, one operator at a time, in the order of
/// the graph. It is the oracle for every other backend and for every derivative.
///
/// All values, of whatever element type, are held as `Double`s. Floating-point values are computed
/// in `Double` throughout: `f32` results are rounded once, when an output buffer is written, so
/// what another backend differs by is that backend's own rounding. Integers and booleans (0 and 1)
/// are exact up to 2^53. Nothing is released before the end of a run.
public struct ReferenceInterpreter: Backend {
  /// The interpreter; it has no options.
  public init() {}

  /// `reference`.
  public var name: String { "reference" }
  /// All element types, one thread.
  public var capabilities: BackendCapabilities { BackendCapabilities(threadCount: 1) }

  /// Verifies the graph, and runs it as it is.
  public func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    try graph.verify()
    return InterpretedGraph(graph)
  }
}

/// A graph with the buffers bound to it.
private final class InterpretedGraph: Executable {
  let graph: Graph
  private var inputs: [HostBuffer?]
  private var outputs: [HostBuffer?]

  init(_ graph: Graph) {
    self.graph = graph
    inputs = [HostBuffer?](repeating: nil, count: graph.inputs.count)
    outputs = [HostBuffer?](repeating: nil, count: graph.outputs.count)
  }

  func bind(input: Int, to buffer: HostBuffer) {
    let expected = graph.inputs[input]
    precondition(
      buffer.type == expected.type,
      "input \(input) (\(expected.name)) is \(expected.type), not \(buffer.type)")
    inputs[input] = buffer
  }

  func bind(output: Int, to buffer: HostBuffer) {
    let expected = graph[graph.outputs[output]].type
    precondition(buffer.type == expected, "output \(output) is \(expected), not \(buffer.type)")
    outputs[output] = buffer
  }

  func run() {
    var values: [InterpretedTensor] = []
    values.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      let operands = node.operands.map { values[$0.index] }
      let elements =
        if case .input(let index, _) = node.op {
          boundElements(ofInput: index)
        } else {
          node.op.evaluate(operands, type: node.type)
        }
      values.append(InterpretedTensor(type: node.type, elements: elements))
    }
    for (index, id) in graph.outputs.enumerated() {
      guard let buffer = outputs[index] else { preconditionFailure("output \(index) is unbound") }
      let value = values[id.index]
      buffer.write(Tensor(value.type.shape, value.type.dtype, value.elements))
    }
  }

  var workspaceByteCount: Int {
    graph.nodes.reduce(0) { $0 + $1.shape.elementCount * MemoryLayout<Double>.stride }
  }

  private func boundElements(ofInput index: Int) -> [Double] {
    guard let buffer = inputs[index] else {
      preconditionFailure("input \(index) (\(graph.inputs[index].name)) is unbound")
    }
    return buffer.read().doubles
  }
}

/// A value during a run: its elements in row-major order, each as a `Double`.
struct InterpretedTensor {
  let type: TensorType
  let elements: [Double]

  var shape: Shape { type.shape }
}

extension Op {
  /// The elements of the result, which is of `type`, for the given operands.
  func evaluate(_ operands: [InterpretedTensor], type: TensorType) -> [Double] {
    switch self {
    case .input:
      preconditionFailure("inputs are bound, not computed")
    case .constant(let value, let dtype):
      return [dtype.converting(value)]
    case .iota(let type, let axis):
      return type.shape.mapIndices { Double($0[axis]) }
    case .elementwise(let op):
      return op.evaluate(operands, type)
    case .reduction(let op):
      return op.evaluate(operands[0], type)
    case .contraction(let op):
      return op.evaluate(operands[0], operands[1], type)
    case .structural(let op):
      return op.evaluate(operands, type)
    case .indexing(let op):
      return op.evaluate(operands[0], operands[1], type)
    }
  }
}

extension Shape {
  /// Calls `body` with the index of every element, in row-major order.
  func forEachIndex(_ body: ([Int]) -> Void) {
    guard elementCount > 0 else { return }
    var index = [Int](repeating: 0, count: rank)
    while true {
      body(index)
      var axis = rank - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < dimensions[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// `body` of the index of every element, in row-major order.
  func mapIndices(_ body: ([Int]) -> Double) -> [Double] {
    var results: [Double] = []
    results.reserveCapacity(elementCount)
    forEachIndex { results.append(body($0)) }
    return results
  }
}
