import CPUBackend
import OperatorTable
import TensorGraph
import Testing

/// A whole objective with second-order terms against the interpreter.
@Suite struct ObjectiveTests {
  @Test(
    arguments: [DType.f32, .f64],
    CPUBackend.InstructionSet.allCases.filter { $0.isAvailable })
  func agreesWithTheInterpreter(dtype: DType, set: CPUBackend.InstructionSet) throws {
    let objective = SmallObjective(dtype)
    let expected = try ReferenceInterpreter().evaluate(objective.graph, objective.inputs)
    var options = CPUBackend.Options(threadCount: 2)
    options.instructionSet = set
    options.poisonsWorkspace = true
    let backend = CPUBackend(options)
    let actual = try backend.evaluate(objective.graph, objective.inputs)
    for (result, reference) in zip(actual, expected) {
      // Large terms cancel in the label's gradient, so that single precision keeps few digits of it.
      let difference = result.difference(
        from: reference, tolerance: dtype == .f32 ? 1e-3 : 1e-11)
      #expect(difference == nil, "\(difference ?? "")")
    }
  }
}
