import OperatorTable
import TensorGraph
import Testing

/// A vectorised graph gives, entry by entry, what the graph gives for each entry alone.
@Suite struct VectorizationTests {
  /// Every row of the table and its gradient, vectorised over each input alone and over all.
  @Test(arguments: operatorTable)
  func entriesEqualSeparateRuns(row: OperatorRow) throws {
    for order in 0...min(row.highestOrder, 1) {
      let programs = (1...3).map { row.program(order: order, .f64, seed: UInt64($0)) }
      let inputCount = programs[0].inputs.count
      guard inputCount > 0 else { continue }
      for vectorized in (0..<inputCount).map({ [$0] }) + [Array(0..<inputCount)] {
        try expectEqualEntries(programs, Set(vectorized), row, order)
      }
    }
  }

  private func expectEqualEntries(
    _ programs: [RowProgram], _ vectorized: Set<Int>, _ row: OperatorRow, _ order: Int
  ) throws {
    let interpreter = ReferenceInterpreter()
    let graph = programs[0].graph
    let stacked = graph.vectorized(inputs: vectorized, count: programs.count)
    try stacked.verify()
    let inputs = programs[0].inputs.indices.map { index in
      vectorized.contains(index)
        ? stack(programs.map { $0.inputs[index] }) : programs[0].inputs[index]
    }
    let results = try interpreter.evaluate(stacked, inputs)
    for (entry, program) in programs.enumerated() {
      let ownInputs = program.inputs.indices.map { index in
        (vectorized.contains(index) ? program : programs[0]).inputs[index]
      }
      let expected = try interpreter.evaluate(graph, ownInputs)
      for (result, expected) in zip(results, expected) {
        let difference = self.entry(entry, of: result).difference(from: expected, tolerance: 1e-11)
        #expect(
          difference == nil,
          "\(row), order \(order), inputs \(vectorized), entry \(entry): \(difference ?? "")")
      }
    }
  }

  private func stack(_ tensors: [Tensor]) -> Tensor {
    Tensor(
      Shape([tensors.count] + tensors[0].shape.dimensions), tensors[0].dtype,
      tensors.flatMap(\.doubles))
  }

  private func entry(_ index: Int, of tensor: Tensor) -> Tensor {
    let shape = Shape(Array(tensor.shape.dimensions.dropFirst()))
    let count = shape.elementCount
    return Tensor(
      shape, tensor.dtype, Array(tensor.doubles[index * count..<(index + 1) * count]))
  }
}
