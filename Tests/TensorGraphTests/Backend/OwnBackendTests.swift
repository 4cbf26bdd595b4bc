import OperatorTable
import TensorGraph
import Testing

/// The least that a backend can be; its device is the interpreter.
struct NodeByNode: Backend {
  let name = "node-by-node"
  let capabilities = BackendCapabilities(threadCount: 1)

  func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    try graph.verify()
    return Program(graph)
  }

  private final class Program: Executable {
    let graph: Graph
    private let simplified: Graph
    private var inputs: [Int: HostBuffer] = [:]
    private var outputs: [Int: HostBuffer] = [:]
    /// Fixed inputs, since they were bound.
    private var uploaded: [Int: Tensor] = [:]
    let workspaceByteCount = 0

    init(_ graph: Graph) {
      self.graph = graph
      simplified = graph.simplified()
    }

    func bind(input: Int, to buffer: HostBuffer) {
      inputs[input] = buffer
      uploaded[input] = nil
    }

    func bind(output: Int, to buffer: HostBuffer) { outputs[output] = buffer }

    func run() throws(GraphError) {
      var operands: [Tensor] = []
      for (index, input) in graph.inputs.enumerated() {
        guard let buffer = inputs[index] else {
          preconditionFailure("input \(index) (\(input.name)) is unbound")
        }
        let tensor = uploaded[index] ?? buffer.read()
        if input.role == .fixed { uploaded[index] = tensor }
        operands.append(tensor)
      }
      let results = try ReferenceInterpreter().evaluate(simplified, operands)
      for (index, result) in results.enumerated() {
        guard let buffer = outputs[index] else { preconditionFailure("output \(index) is unbound") }
        buffer.write(result)
      }
    }
  }
}

/// A backend with the public interface alone.
@Suite struct OwnBackendTests {
  @Test(arguments: operatorTable, [DType.f32, .f64])
  func agreesWithTheInterpreter(row: OperatorRow, dtype: DType) throws {
    for order in 0...min(row.highestOrder, 2) {
      let check = try RowCheck(row, order: order, dtype)
      #expect(try check.disagreements(of: NodeByNode()) == [])
    }
  }

  @Test func keepsToTheContractOfBindings() throws {
    #expect(try bindingFaults(of: NodeByNode()) == [])
  }
}
