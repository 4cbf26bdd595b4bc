import OperatorTable
import TensorGraph
import Testing

/// What every backend must pass, passed by a second one, and failed by wrong ones.
@Suite struct BackendCheckTests {
  @Test(arguments: operatorTable)
  func interpreterInSinglePrecisionPasses(row: OperatorRow) throws {
    let check = try RowCheck(row, order: min(row.highestOrder, 1), .f32)
    #expect(try check.disagreements(of: SinglePrecision()) == [])
  }

  @Test func interpreterKeepsToTheContractOfBindings() throws {
    #expect(try bindingFaults(of: ReferenceInterpreter()) == [])
    #expect(try bindingFaults(of: SinglePrecision()) == [])
  }

  @Test func wrongResultsAreFound() throws {
    let row = try #require(operatorTable.first { $0.highestOrder > 0 })
    let check = try RowCheck(row, order: 0, .f32)
    #expect(try check.disagreements(of: Altered(.addsToOutputs)).count == 1)
    #expect(try !bindingFaults(of: Altered(.addsToOutputs)).isEmpty)
  }

  @Test func inputsThatAreNotReadAgainAreFound() throws {
    let faults = try bindingFaults(of: Altered(.keepsFirstInputs))
    #expect(faults.contains { $0.hasPrefix("a varying input that was written to") })
    #expect(faults.contains { $0.hasPrefix("a fixed input that was bound to other memory") })
  }

  @Test func elementTypesThatABackendLacksAreRefusedByName() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2], .f64)
    let error = #expect(throws: GraphError.self) {
      try CompiledFunction(builder.function(computing: [x * 2]), on: SinglePrecision())
    }
    #expect(error?.kind == .unsupported)
    #expect(
      error?.message
        == "the backend single computes in f32, i32, i64, bool and not in f64, which the graph asks for"
    )
  }
}

/// The interpreter as a backend of an accelerator without f64.
private struct SinglePrecision: Backend {
  var name: String { "single" }
  var capabilities: BackendCapabilities {
    BackendCapabilities(elementTypes: [.f32, .i32, .i64, .bool], threadCount: 1)
  }

  func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    try ReferenceInterpreter().compile(graph)
  }
}

/// The interpreter with a fault.
private struct Altered: Backend {
  enum Fault {
    case addsToOutputs, keepsFirstInputs
  }

  let fault: Fault

  init(_ fault: Fault) { self.fault = fault }

  var name: String { "altered" }
  var capabilities: BackendCapabilities { ReferenceInterpreter().capabilities }

  func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    Run(try ReferenceInterpreter().compile(graph), fault)
  }

  private final class Run: Executable {
    private let base: any Executable
    private let fault: Fault
    private var kept: [Int: HostBuffer] = [:]
    private var inputs: [Int: HostBuffer] = [:]
    private var outputs: [HostBuffer] = []

    init(_ base: any Executable, _ fault: Fault) {
      self.base = base
      self.fault = fault
    }

    var graph: Graph { base.graph }
    var workspaceByteCount: Int { base.workspaceByteCount }

    func bind(input: Int, to buffer: HostBuffer) { inputs[input] = buffer }

    func bind(output: Int, to buffer: HostBuffer) {
      outputs.append(buffer)
      base.bind(output: output, to: buffer)
    }

    func run() throws(GraphError) {
      for (index, buffer) in inputs {
        if fault == .addsToOutputs || kept[index] == nil { kept[index] = HostBuffer(buffer.read()) }
        if let copy = kept[index] { base.bind(input: index, to: copy) }
      }
      try base.run()
      guard fault == .addsToOutputs else { return }
      for buffer in outputs where buffer.type.shape.elementCount > 0 {
        let tensor = buffer.read()
        buffer.write(Tensor(tensor.shape, tensor.dtype, tensor.doubles.map { $0 + 1 }))
      }
    }
  }
}
