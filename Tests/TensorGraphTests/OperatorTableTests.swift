import OperatorTable
import TensorGraph
import Testing

@Suite struct OperatorTableTests {
  /// Fails when an operator, or a member of one of the function enums, has no row of its own.
  @Test func everyOperatorHasARow() {
    var covered: Set<OperatorKind> = []
    for row in operatorTable where row.isPrimitive {
      let test = RowUnderTest(row, .f64, simplifies: false)
      covered.insert(OperatorKind(test.result.node.op))
    }
    let missing = OperatorKind.all.filter { !covered.contains($0) }
    #expect(missing.isEmpty, "operators without a row: \(missing)")
    #expect(Set(OperatorKind.all).count == OperatorKind.all.count)
  }

  @Test func namesAreUnique() {
    var seen: Set<String> = []
    for row in operatorTable {
      #expect(seen.insert(row.name).inserted, "two rows are named \(row.name)")
    }
  }

  /// Rows of differentiable operators are differentiated; the interpreter runs all of them.
  @Test(arguments: operatorTable)
  func runsInBothTypes(row: OperatorRow) throws {
    for dtype in [DType.f32, .f64] {
      let program = row.program(order: 0, dtype)
      let results = try ReferenceInterpreter().evaluate(program.graph, program.inputs)
      #expect(results.map(\.type) == program.graph.outputTypes)
    }
  }
}
