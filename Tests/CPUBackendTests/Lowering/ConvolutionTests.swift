import CPUBackend
import OperatorTable
import TensorGraph
import Testing

/// Convolutions, with both gradients, whose attributes take each of the kernels' paths: whole rows to a
/// vector and rows shared by one, many or few channels, strides that interleave and ones that scatter.
@Suite struct ConvolutionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let input: Shape
    let weight: Shape
    let attributes: Convolution
    /// Whether the padded image would be too large to make.
    var isPlain = false

    var testDescription: String {
      "\(input) * \(weight), strides \(attributes.strides), padding \(attributes.padding), "
        + "dilations \(attributes.dilations), groups \(attributes.groups)"
    }
  }

  static let cases: [Case] = [
    Case(
      input: [2, 3, 32, 32], weight: [12, 3, 5, 5],
      attributes: Convolution(strides: Size2D(2, 2), padding: Padding2D(2))),
    Case(
      input: [3, 13, 8, 8], weight: [14, 13, 3, 3], attributes: Convolution(padding: Padding2D(1))),
    Case(
      input: [2, 5, 4, 4], weight: [25, 5, 3, 3], attributes: Convolution(padding: Padding2D(1))),
    Case(input: [1, 2, 9, 21], weight: [3, 2, 2, 4], attributes: Convolution()),
    Case(input: [2, 6, 7, 7], weight: [30, 6, 1, 1], attributes: Convolution()),
    Case(
      input: [1, 4, 10, 11], weight: [8, 2, 3, 2],
      attributes: Convolution(
        strides: Size2D(3, 3), padding: Padding2D(top: 0, bottom: 1, left: 2, right: 3),
        dilations: Size2D(2, 3), groups: 2)),
    Case(
      input: [2, 6, 9, 9], weight: [6, 1, 3, 3],
      attributes: Convolution(strides: Size2D(2, 2), padding: Padding2D(1), groups: 6)),
    Case(
      input: [1, 2, 23, 25], weight: [3, 2, 4, 11],
      attributes: Convolution(strides: Size2D(9, 10))),
    Case(
      input: [1, 1, 2, 3], weight: [2, 1, 3, 3],
      attributes: Convolution(strides: Size2D(7, 5), padding: Padding2D(3))),
    Case(
      input: [1, 2, 5, 4], weight: [2, 2, 2, 2],
      attributes: Convolution(padding: Padding2D(400), dilations: Size2D(800, 799)), isPlain: true
    ),
  ]

  @Test(arguments: cases, [DType.f32, .f64])
  func agreesWithTheInterpreter(convolutionCase: Case, dtype: DType) throws {
    let builder = GraphBuilder()
    let input = builder.input("input", convolutionCase.input, dtype)
    let weight = builder.input("weight", convolutionCase.weight, dtype)
    let output = input.convolve(weight, convolutionCase.attributes)
    let cotangent = builder.input("cotangent", output.shape, dtype)
    let graph = builder.build(
      outputs: [output] + output.pullback(cotangent, to: [input, weight]))
    var state: UInt64 = 11
    let inputs = graph.inputs.map { input in
      Tensor(
        input.type.shape, dtype,
        (0..<input.type.shape.elementCount).map { _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Double(state >> 40) / Double(1 << 24) - 0.5
        })
    }
    var options = CPUBackend.Options(threadCount: 2, recordsStepTimes: true)
    options.poisonsWorkspace = true
    let bound = try BoundExecutable(graph, inputs, options)
    bound.run()
    let usesPlainLoops = bound.executable.stepTimes.contains { $0.name.hasPrefix("plain") }
    #expect(usesPlainLoops == convolutionCase.isPlain)
    let expected = try ReferenceInterpreter().evaluate(graph, inputs)
    for (index, (result, reference)) in zip(bound.results, expected).enumerated() {
      let difference = result.difference(from: reference, tolerance: dtype == .f32 ? 1e-5 : 1e-13)
      #expect(difference == nil, "output \(index): \(difference ?? "")")
    }
  }
}
