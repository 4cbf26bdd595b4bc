import CPUBackend
import OperatorTable
import TensorGraph
import Testing

/// Shapes beyond one block and one task, which the operator table's small ones do not reach: reductions
/// in chunks and segments, broadcasts read in place, products over several blocks, ragged edges.
@Suite struct LargeShapeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shapes: [Shape]
    let build: @Sendable ([Value]) -> [Value]

    init(_ name: String, _ shapes: [Shape], _ build: @escaping @Sendable ([Value]) -> [Value]) {
      testDescription = name
      self.shapes = shapes
      self.build = build
    }
  }

  static let cases: [Case] = [
    Case("sum of all in chunks", [[70_001]]) { [($0[0] * $0[0]).sum(), $0[0].exp().sum()] },
    Case("maximum of all in chunks", [[70_001]]) { [$0[0].max()] },
    Case("sum of long rows", [[3, 5000]]) { [$0[0].sum(axes: [1]), ($0[0] * 2).sum(axes: [1])] },
    Case("sum of short rows", [[700, 50]]) { [$0[0].exp().sum(axes: [1])] },
    Case("sum of columns, few", [[3000, 12]]) { [($0[0] + 1).sum(axes: [0])] },
    Case("sum of columns, many", [[12, 3000]]) { [$0[0].sum(axes: [0]), $0[0].max(axes: [0])] },
    Case("sum of middle axes", [[4, 60, 70]]) { [$0[0].tanh().sum(axes: [1])] },
    Case("sum of outer and inner axes", [[4, 6, 900]]) { [$0[0].sum(axes: [0, 2])] },
    Case("rows and columns in place", [[40, 768], [40, 1], [768]]) {
      let product = $0[1] * $0[2]
      let residual = product - $0[0]
      return [residual * 2, (residual * residual).sum(), residual.sum(axes: [0])]
    },
    Case("rows in place, reduced by row", [[30, 256], [256]]) {
      let scaled = $0[0] * $0[1]
      return [scaled.exp(), scaled.sum(axes: [1]), (scaled * $0[0]).sum(axes: [1])]
    },
    Case("rows in place, longer than a block", [[9, 2048], [2048], [9, 1]]) {
      [($0[0] + $0[1]) * $0[2], ($0[0] * $0[1]).sum(), ($0[0] - $0[2]).sum(axes: [0])]
    },
    Case("rows in place over three axes", [[4, 8, 300], [8, 1], [4, 1, 300]]) {
      [$0[0] * $0[1] + $0[2].broadcast(to: [4, 8, 300])]
    },
    Case("product of ragged matrices", [[37, 301], [301, 45]]) { [$0[0].matmul($0[1])] },
    Case("product of transposed matrices", [[301, 37], [45, 301]]) {
      [$0[0].matmul($0[1], transposeA: true, transposeB: true)]
    },
    Case("product of few rows", [[5, 300], [70, 300]]) { [$0[0].matmul($0[1], transposeB: true)] },
    Case("product of matrices of several blocks", [[3, 30, 300], [3, 300, 600]]) {
      [$0[0].matmul($0[1])]
    },
    Case("product with a wide matrix", [[14, 20], [20, 1100]]) { [$0[0].matmul($0[1])] },
    Case("matrix times vector", [[300, 277], [277, 1], [1, 300]]) {
      [
        $0[0].matmul($0[1]), $0[2].matmul($0[0]),
        $0[0].matmul($0[2], transposeA: true, transposeB: true),
      ]
    },
    Case("transposition of a large matrix", [[130, 210]]) { [$0[0].matrixTranspose() * 1] },
    Case("softmax of rows", [[20, 1500]]) {
      let exponentials = ($0[0] - $0[0].max(axes: [1], keepsAxes: true)).exp()
      return [exponentials / exponentials.sum(axes: [1], keepsAxes: true)]
    },
  ]

  /// The last input may be fixed, which packs it once where a product takes it.
  @Test(arguments: cases, [InputRole.varying, .fixed])
  func agreesWithTheInterpreter(largeCase: Case, lastRole: InputRole) throws {
    for dtype in [DType.f32, .f64] { try compare(largeCase, dtype, lastRole) }
  }

  private func compare(_ largeCase: Case, _ dtype: DType, _ lastRole: InputRole) throws {
    let builder = GraphBuilder()
    var state: UInt64 = 3
    var values: [Value] = []
    var inputs: [Tensor] = []
    for (index, shape) in largeCase.shapes.enumerated() {
      let role = index == largeCase.shapes.count - 1 ? lastRole : .varying
      values.append(builder.input("x\(index)", shape, dtype, role: role))
      inputs.append(
        Tensor(
          shape, dtype,
          (0..<shape.elementCount).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24) - 0.5
          }))
    }
    let graph = builder.build(outputs: largeCase.build(values))
    let expected = try ReferenceInterpreter().evaluate(graph, inputs)
    for threadCount in [1, 2] {
      var options = CPUBackend.Options(threadCount: threadCount)
      options.poisonsWorkspace = true
      let actual = try CPUBackend(options).evaluate(graph, inputs)
      for (index, (result, reference)) in zip(actual, expected).enumerated() {
        let difference = result.difference(
          from: reference, tolerance: dtype == .f32 ? 2e-5 : 1e-12)
        #expect(difference == nil, "output \(index): \(difference ?? "")")
      }
    }
  }
}
