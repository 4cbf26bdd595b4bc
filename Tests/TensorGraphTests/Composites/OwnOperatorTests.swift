import OperatorTable
import TensorGraph
import Testing

extension Value {
  /// x · tanh(log(1 + eˣ)), called mish (Misra 2019, arXiv 1908.08681, equation 1).
  func mish() -> Value {
    self * softplus().tanh()
  }
}

/// The row of an operator that other packages add as a composite.
private let row = OperatorRow("mish", [.uniform([3, 4])], isPrimitive: false) { $0[0].mish() }

/// An operator with the public interface alone.
@Suite struct OwnOperatorTests {
  @Test(arguments: 0...3) func runsOnABackend(order: Int) throws {
    let check = try RowCheck(row, order: order, .f64)
    #expect(try check.disagreements(of: NodeByNode()) == [])
  }

  /// mish' = tanh(s) + x (1 - tanh(s)²) σ(x), with s = log(1 + eˣ).
  @Test func hasItsDerivative() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [5], .f64)
    let s = x.softplus()
    let expected = s.tanh() + x * (1 - s.tanh().squared()) * x.sigmoid()
    let slope = x.mish().sum().gradient(withRespectTo: [x])[0]
    let results = try ReferenceInterpreter().evaluate(
      builder.build(outputs: [slope, expected]), [Tensor([5], .f64([-30, -1.2, 0, 0.7, 25]))])
    for (slope, formula) in zip(results[0].doubles, results[1].doubles) {
      #expect(abs(slope - formula) < 1e-14)
    }
  }
}
