import CPUBackend
import OperatorTable
import TensorGraph
import Testing

/// Every row of the operator table against the reference interpreter.
@Suite struct OperatorTableTests {
  @Test(arguments: operatorTable, [DType.f32, .f64])
  func agreesWithTheInterpreter(row: OperatorRow, dtype: DType) throws {
    try compare(row, order: 0, dtype, CPUBackend())
  }

  /// Gradients and gradients of gradients, whose graphs hold operators that rows do not build.
  @Test(arguments: operatorTable.filter { $0.highestOrder > 0 }, [DType.f32, .f64])
  func derivativesAgreeWithTheInterpreter(row: OperatorRow, dtype: DType) throws {
    for order in 1...min(row.highestOrder, 2) {
      try compare(row, order: order, dtype, CPUBackend())
    }
  }

  /// Every pass can be switched off.
  @Test(arguments: operatorTable)
  func agreesWithPassesOff(row: OperatorRow) throws {
    let order = min(row.highestOrder, 1)
    for (fuses, simplifies) in [(false, false), (false, true), (true, false)] {
      let options = CPUBackend.Options(
        threadCount: 1, fusesElementwise: fuses, simplifies: simplifies)
      try compare(row, order: order, .f64, CPUBackend(options), graphSimplifies: false)
    }
  }

  /// The kernels for processors with shorter vectors.
  @Test(
    arguments: operatorTable,
    CPUBackend.InstructionSet.allCases.filter { $0.isAvailable })
  func agreesWithEveryInstructionSet(row: OperatorRow, set: CPUBackend.InstructionSet) throws {
    var options = CPUBackend.Options(threadCount: 1)
    options.instructionSet = set
    for dtype in [DType.f32, .f64] {
      try compare(row, order: min(row.highestOrder, 1), dtype, CPUBackend(options))
    }
  }

  /// Nothing is read that the same run did not write: memory starts as NaNs, and a second run, in what
  /// the first one left, gives the same bits.
  @Test(arguments: operatorTable)
  func dependsOnInputsAlone(row: OperatorRow) throws {
    let program = row.program(order: min(row.highestOrder, 2), .f32)
    let expected = try CPUBackend().evaluate(program.graph, program.inputs)
    var options = CPUBackend.Options(threadCount: 1)
    options.poisonsWorkspace = true
    let bound = try BoundExecutable(program.graph, program.inputs, options)
    for _ in 0..<2 {
      bound.run()
      for (result, reference) in zip(bound.results, expected) {
        #expect(result.difference(from: reference, tolerance: 0) == nil, "\(row)")
      }
    }
  }

  private func compare(
    _ row: OperatorRow, order: Int, _ dtype: DType, _ backend: CPUBackend,
    graphSimplifies: Bool = true
  ) throws {
    let check = try RowCheck(row, order: order, dtype, simplifies: graphSimplifies)
    #expect(try check.disagreements(of: backend) == [], "\(dtype)")
  }

  @Test func keepsToTheContractOfBindings() throws {
    #expect(try bindingFaults(of: CPUBackend()) == [])
  }
}
