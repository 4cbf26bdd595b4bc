import TensorGraph

/// A row's program with the reference interpreter's results: what any backend is compared with.
public struct RowCheck: Sendable {
  private let row: OperatorRow
  private let order: Int
  private let program: RowProgram
  private let expected: [Tensor]

  /// - Parameter order: of the derivative; 0 for the row itself.
  public init(
    _ row: OperatorRow, order: Int, _ dtype: DType, simplifies: Bool = true
  ) throws(GraphError) {
    self.row = row
    self.order = order
    program = row.program(order: order, dtype, simplifies: simplifies)
    expected = try ReferenceInterpreter().evaluate(program.graph, program.inputs)
  }

  /// Where the backend's results differ by more than rounding; empty when it passes, or has not the element
  /// types of the row.
  public func disagreements(of backend: any Backend) throws(GraphError) -> [String] {
    let types = Set(program.graph.nodes.map(\.dtype))
    guard types.isSubset(of: backend.capabilities.elementTypes) else { return [] }
    let actual = try backend.evaluate(program.graph, program.inputs)
    // Derivatives of order n pass through n + 1 times as many roundings.
    let slack = order == 0 ? 1.0 : 20
    return zip(actual, expected).enumerated().compactMap { index, pair in
      pair.0.difference(from: pair.1, tolerance: row.tolerance[pair.0.dtype] * slack)
        .map { "\(row), order \(order), output \(index): \($0)" }
    }
  }
}

/// What a backend does with bound memory that the protocol `Executable` forbids; empty when it passes.
public func bindingFaults(of backend: any Backend) throws(GraphError) -> [String] {
  let builder = GraphBuilder()
  let weight = builder.input("weight", [2, 3], .f32, role: .fixed)
  let x = builder.input("x", [3, 1], .f32)
  let (product, doubled) = (weight.exp().matmul(x), weight * 2)
  let function = try CompiledFunction(
    builder.function(computing: [product, doubled]), on: backend)
  let (weights, other) = (HostBuffer(weight.type), HostBuffer(weight.type))
  other.write(Tensor(weight.shape, .f32, repeating: 1))
  var faults: [String] = []
  func expect(_ number: Double, weight value: Double, when situation: String) throws(GraphError) {
    try function.run()
    let expected = [
      Tensor(product.shape, .f32, repeating: number),
      Tensor(doubled.shape, .f32, repeating: 2 * value),
    ]
    for (result, reference) in zip(function.outputs.map({ $0.read() }), expected) {
      if let difference = result.difference(from: reference, tolerance: 1e-5) {
        faults.append("\(situation): \(difference)")
      }
    }
  }
  function.bind(weight.handle, to: weights)
  function.input(x.handle).write(Tensor(x.shape, .f32, [1, 2, 3]))
  try expect(6, weight: 0, when: "the first run")
  try expect(6, weight: 0, when: "a second run")
  function.input(x.handle).write(Tensor(x.shape, .f32, [2, 4, 6]))
  try expect(12, weight: 0, when: "a varying input that was written to")
  function.bind(weight.handle, to: other)
  try expect(32.619_382, weight: 1, when: "a fixed input that was bound to other memory")
  other.write(Tensor(weight.shape, .f32, repeating: 0))
  function.bind(weight.handle, to: other)
  try expect(12, weight: 0, when: "a fixed input that was bound anew to its memory")
  return faults
}
