import CPUBackend
import OperatorTable
import TensorGraph
import Testing

/// Elementwise programs and sums that end the step of a contraction.
@Suite struct EpilogueTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let input: Shape
    let weight: Shape
    let attributes: Convolution

    var testDescription: String {
      "\(input) * \(weight), strides \(attributes.strides), groups \(attributes.groups)"
    }
  }

  /// Squares of positions and ragged ones, several images, several tasks with a ragged last one.
  static let cases: [Case] = [
    Case(
      input: [1, 70, 4, 4], weight: [30, 70, 3, 3], attributes: Convolution(padding: Padding2D(1))),
    Case(input: [3, 9, 7, 9], weight: [24, 9, 2, 3], attributes: Convolution()),
    Case(
      input: [2, 8, 9, 8], weight: [50, 4, 3, 3],
      attributes: Convolution(strides: Size2D(2, 2), padding: Padding2D(1), groups: 2)),
    Case(input: [5, 64, 2, 2], weight: [25, 64, 1, 1], attributes: Convolution()),
  ]

  /// The residual of a weight gradient, its norm, and what else reads element by element or broadcasts.
  private func residualGraph(_ epilogueCase: Case, _ dtype: DType, storesGradient: Bool) -> Graph {
    let builder = GraphBuilder()
    let input = builder.input("input", epilogueCase.input, dtype)
    let weight = builder.input("weight", epilogueCase.weight, dtype)
    let output = input.convolve(weight, epilogueCase.attributes)
    let cotangent = builder.input("cotangent", output.shape, dtype)
    let target = builder.input("target", weight.shape, dtype)
    let factor = builder.input("factor", [epilogueCase.weight[0], 1, 1, 1], dtype)
    let gradient = output.pullback(cotangent, to: [weight])[0]
    let residual = gradient - target
    return builder.build(
      outputs: [
        residual * 2, (residual * residual).sum(), residual * factor, residual.exp().sum(),
      ] + (storesGradient ? [gradient] : []))
  }

  private func inputs(of graph: Graph, _ dtype: DType) -> [Tensor] {
    var state: UInt64 = 5
    return graph.inputs.map { input in
      Tensor(
        input.type.shape, dtype,
        (0..<input.type.shape.elementCount).map { _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Double(state >> 40) / Double(1 << 24) - 0.5
        })
    }
  }

  @Test(arguments: cases, [DType.f32, .f64])
  func agreesWithTheInterpreter(epilogueCase: Case, dtype: DType) throws {
    for storesGradient in [false, true] {
      let graph = residualGraph(epilogueCase, dtype, storesGradient: storesGradient)
      let inputs = inputs(of: graph, dtype)
      let expected = try ReferenceInterpreter().evaluate(graph, inputs)
      for set in CPUBackend.InstructionSet.allCases where set.isAvailable {
        var options = CPUBackend.Options(threadCount: 2, recordsStepTimes: true)
        options.poisonsWorkspace = true
        options.instructionSet = set
        let bound = try BoundExecutable(graph, inputs, options)
        bound.run()
        let isJoined = bound.executable.stepTimes.contains {
          $0.name.hasPrefix("convolution_weight_gradient") && $0.name.contains("subtract")
        }
        #expect(isJoined == !storesGradient)
        for (index, (result, reference)) in zip(bound.results, expected).enumerated() {
          let difference = result.difference(
            from: reference, tolerance: dtype == .f32 ? 2e-5 : 1e-12)
          #expect(difference == nil, "output \(index): \(difference ?? "")")
        }
      }
    }
  }

  @Test(arguments: cases)
  func threadCountsGiveTheSameBits(epilogueCase: Case) throws {
    let graph = residualGraph(epilogueCase, .f32, storesGradient: false)
    let inputs = inputs(of: graph, .f32)
    let results = try [1, 2, 3].map { count in
      let bound = try BoundExecutable(graph, inputs, .init(threadCount: count))
      bound.run()
      return bound.results
    }
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
  }
}
