import OperatorTable
import TensorGraph
import Testing

@testable import XLABackend

/// The text that plugins are given. What it computes is held against the interpreter by `XLACheck`, where there is a
/// plugin.
struct StableHLOTests {
  /// The text of a function of f32 inputs.
  private func text(
    _ shapes: [Shape], _ dtype: DType = .f32, _ build: (GraphBuilder, [Value]) -> [Value]
  ) -> String {
    let builder = GraphBuilder(simplifies: false)
    let inputs = shapes.enumerated().map { builder.input("x\($0)", $1, dtype) }
    return builder.build(outputs: build(builder, inputs)).stableHLO()
  }

  @Test func productsAreOfFullPrecision() {
    let text = text([[5, 2, 3], [5, 4, 3]]) { [$1[0].matmul($1[1], transposeB: true)] }
    #expect(
      text == """
        func.func public @main(%arg0: tensor<5x2x3xf32>, %arg1: tensor<5x4x3xf32>) -> (tensor<5x2x4xf32>) {
          %1 = stablehlo.dot_general %arg0, %arg1, batching_dims = [0] x [0], contracting_dims = [2] x [2], \
        precision = [HIGHEST, HIGHEST] : (tensor<5x2x3xf32>, tensor<5x4x3xf32>) -> tensor<5x2x4xf32>
          return %1 : tensor<5x2x4xf32>
        }

        """)
  }

  @Test func convolutionsSayAllTheirAttributes() {
    let convolution = Convolution(
      strides: Size2D(2, 3), padding: Padding2D(top: 1, bottom: 2, left: 3, right: 4),
      dilations: Size2D(1, 2), groups: 2)
    let text = text([[1, 4, 8, 8], [6, 2, 3, 3]]) { [$1[0].convolve($1[1], convolution)] }
    #expect(
      text.contains(
        """
        stablehlo.convolution(%arg0, %arg1) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], window = \
        {stride = [2, 3], pad = [[1, 2], [3, 4]], lhs_dilate = [1, 1], rhs_dilate = [1, 2], \
        reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 2 : i64, \
        precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : \
        (tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x5x4xf32>
        """), "\(text)")
  }

  /// As an operation of its own: with the attribute `reverse` XLA does not call the device's library.
  @Test func inputGradientsTurnTheKernelAround() {
    let text = text([[1, 2, 8, 8], [3, 2, 3, 3]]) { _, x in
      [(x[0].convolve(x[1], Convolution())).sum().gradient(withRespectTo: [x[0]])[0]]
    }
    #expect(
      text.contains("stablehlo.reverse %arg1, dims = [2, 3] : tensor<3x2x3x3xf32>"), "\(text)")
    #expect(!text.contains("true"), "\(text)")
  }

  /// StableHLO clamps indices, which read zeros here.
  @Test func rowsOutsideATableAreZeros() {
    let builder = GraphBuilder()
    let table = builder.input("table", [2, 4, 3], .f32)
    let indices = builder.input("indices", [2, 9], .i64)
    let text = builder.build(outputs: [table.gather(indices)]).stableHLO()
    for line in [
      "slice_sizes = array<i64: 1, 1, 3>", "stablehlo.compare GE, %arg1, %2, SIGNED",
      "stablehlo.constant dense<4> : tensor<2x9xi64>", "stablehlo.compare LT, %arg1, %4, SIGNED",
      "return %9 : tensor<2x9x3xf32>",
    ] { #expect(text.contains(line), "\(line) in \(text)") }
  }

  @Test func numbersAreBits() {
    #expect(StableHLO.literal(1, .f32) == "0x3F800000")
    #expect(StableHLO.literal(-0.0, .f64) == "0x8000000000000000")
    #expect(StableHLO.literal(.infinity, .f32) == "0x7F800000")
    #expect(StableHLO.literal(-.infinity, .i32) == "-2147483648")
    #expect(StableHLO.literal(3, .i64) == "3")
    #expect(StableHLO.literal(1, .bool) == "true")
  }

  /// Products over nothing are zeros, for which no plugin is asked.
  @Test func productsOverNothingAreZeros() {
    let text = text([[2, 0], [0, 3]]) { [$1[0].matmul($1[1])] }
    #expect(text.contains("stablehlo.constant dense<0x00000000> : tensor<2x3xf32>"))
    #expect(!text.contains("dot_general"))
  }

  /// Windows are folded by rows, then by columns: their number of slices is height plus width.
  @Test func largeWindowsAreFolded() {
    let text = text([[1, 1, 40, 40]]) {
      [$1[0].windowArgmax(Window(size: Size2D(20, 10), strides: Size2D(1, 1)))]
    }
    #expect(text.components(separatedBy: "stablehlo.slice").count - 1 == 2 * (20 + 10))
  }

  /// No row of the table is without its text, names are defined before they are used, and once.
  @Test(arguments: operatorTable) func everyRowHasWellFormedText(row: OperatorRow) throws {
    for order in 0...min(row.highestOrder, 1) {
      let lines = row.program(order: order, .f32).graph.stableHLO().split(separator: "\n")
      var defined: Set<Substring> = []
      for line in lines.dropFirst() {
        let parts = line.split(separator: " ", maxSplits: 2)
        let isDefinition = parts.count == 3 && parts[1] == "=" && parts[0].hasPrefix("%")
        let used = (isDefinition ? parts[2] : line).matches(of: #/%\d+/#).map(\.output)
        #expect(used.allSatisfy(defined.contains), "\(row): \(line)")
        guard isDefinition, parts[0] != "%c" else { continue }
        #expect(defined.insert(parts[0]).inserted, "\(row): \(line)")
      }
      #expect(lines.last == "}")
    }
  }
}
