import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

/// Inner products of gradients that are never computed, against those of gradients that are.
@Suite struct FactoredGradientTests {
  private let interpreter = ReferenceInterpreter()

  struct Layer: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// [N, C, H, W], or [N, I].
    let input: Shape
    /// [O, C, kH, kW], or [O, I].
    let weight: Shape
    var convolution = Convolution()

    static let all = [
      Layer(testDescription: "linear", input: [3, 5], weight: [4, 5]),
      Layer(testDescription: "1x1", input: [2, 3, 2, 3], weight: [4, 3, 1, 1]),
      Layer(
        testDescription: "3x3, padded", input: [1, 2, 4, 4], weight: [3, 2, 3, 3],
        convolution: Convolution(padding: Padding2D(1))),
      Layer(
        testDescription: "strided, lopsided padding", input: [2, 2, 5, 6], weight: [3, 2, 3, 2],
        convolution: Convolution(
          strides: Size2D(2, 1), padding: Padding2D(top: 1, bottom: 0, left: 0, right: 2))),
      Layer(
        testDescription: "dilated", input: [2, 1, 6, 5], weight: [2, 1, 2, 3],
        convolution: Convolution(dilations: Size2D(2, 2))),
    ]

    /// Applies the layer to `input`.
    func callAsFunction(_ input: Value, _ weight: Value) -> Value {
      input.shape.rank == 2
        ? input.matmul(weight, transposeB: true) : input.convolve(weight, convolution)
    }
  }

  /// Products and their derivatives of order 1 and 2, with respect to all the gradient depends on.
  @Test(arguments: Layer.all) func productsAreThoseOfTheWholeGradient(_ layer: Layer) throws {
    func results(factored: Bool) throws -> [[Double]] {
      let builder = GraphBuilder()
      let input = builder.input("x", layer.input, .f64)
      let weight = builder.input("w", layer.weight, .f64)
      let target = builder.input("t", layer.weight, .f64)
      // Not linear, so that the gradient depends on input and weight.
      let loss = layer(input, weight).tanh().squared().sum()
      let gradient = loss.gradient(withRespectTo: [weight])[0]
      let (mixed, squared): (Value, Value)
      if factored {
        let factors = try #require(
          FactoredGradient(gradient, smallestElementCount: 0, outputsPerPosition: 0))
        (mixed, squared) = (factors.product(with: target), factors.squaredNorm)
      } else {
        (mixed, squared) = ((gradient * target).sum(), gradient.squared().sum())
      }
      let value = mixed.tanh() + squared.squared()
      let first = value.gradient(withRespectTo: [input, weight])
      let energy = first.map { $0.sin().sum() }.reduce(builder.constant(0, .f64), +)
      let second = energy.gradient(withRespectTo: [input, weight])
      let graph = builder.build(outputs: [mixed, squared] + first + second)
      var source = RandomSource(seed: 4)
      let inputs = [layer.input, layer.weight, layer.weight].map {
        source.normalTensor($0, .f64, standardDeviation: 0.4)
      }
      return try interpreter.evaluate(graph, inputs).map(\.doubles)
    }
    let (found, expected) = (try results(factored: true), try results(factored: false))
    for (one, other) in zip(found, expected) {
      let scale = other.map { abs($0) }.max() ?? 1
      for (left, right) in zip(one, other) { #expect(abs(left - right) <= 1e-11 * scale) }
    }
  }

  @Test func onlyLargeGradientsOfFewPositionsAreLeftOut() {
    let builder = GraphBuilder()
    func factors(_ input: Shape, _ outputs: Int) -> FactoredGradient? {
      let rows = builder.input("x", input, .f32)
      let cotangent = builder.input("d", [input[0], outputs], .f32)
      return FactoredGradient(cotangent.matmul(rows, transposeA: true))
    }
    #expect(factors([4, 1024], 64) != nil)
    #expect(factors([4, 1024], 63) == nil)
    #expect(factors([17, 1024], 64) == nil)
    #expect(FactoredGradient(builder.input("w", [512, 512], .f32)) == nil)
  }

  /// A network with a wide convolution and a wide linear layer, whose gradients a plan leaves out.
  private static let wideModel = Model(
    name: "wide", inputShape: [2, 8, 8], classCount: 5
  ) { scope, input in
    let first = scope["conv1"].convolution(input, to: 32, kernel: 3, stride: 2, padding: 1).gelu()
    let second = scope["conv2"].convolution(first, to: 256, kernel: 3, stride: 2, padding: 1).gelu()
    let hidden = scope["fc1"].linear(second.reshape(to: [second.shape[0], 1024]), to: 64).tanh()
    return scope["fc2"].linear(hidden, to: 5)
  }

  @Test(arguments: [MatchingObjective.Kind.cosine, .layerCosine, .angular])
  func plansMatchAsWithWholeGradients(_ kind: MatchingObjective.Kind) throws {
    let client = try AttackedClient(Self.wideModel, labels: [1, 3])
    let (model, weighted, update) = (client.weighted.model, client.weighted, client.update)
    var plan = OptimizationPlan()
    plan.objective.kind = kind
    let matched = Array(model.parameters.indices)
    let planGraph = PlanGraph(
      plan, UpdateSignature(model, batchSize: 2), labelForm: .classIndices, matched: matched,
      dtype: .f64)
    #expect(planGraph.exactDistances != nil)
    let function = try PlanFunction(
      plan, problem(weighted, update),
      PlanFunction.Known(labels: [1, 3], matched: matched, features: nil), scale: 1,
      precision: .f64)
    var source = RandomSource(seed: 2)
    let point = source.normalTensor([2, 2, 8, 8], .f64, standardDeviation: 1)
    var gradient = [Double](repeating: .nan, count: function.dimension)
    let value = try point.doubles.withUnsafeBufferPointer { point in
      try gradient.withUnsafeMutableBufferPointer { try function.evaluate(at: point, gradient: $0) }
    }

    // The same from whole gradients: multiplied by 1 in a form that the builder does not see through.
    let builder = GraphBuilder()
    let dummies = builder.input("images", [2, 2, 8, 8], .f64)
    let one = builder.input("one", [], .f64)
    let parameters = model.parameters.map { builder.input($0.name, $0.shape, .f64) }
    let targets = model.parameters.map { builder.input($0.name, $0.shape, .f64) }
    let labels = builder.input("labels", [2], .i32)
    let own = model.clientUpdate(
      images: dummies, labels: labels, labelForm: .classIndices, parameters: parameters,
      buffers: [], loss: .meanCrossEntropy, training: nil, mode: .evaluation
    ).gradients.map { $0 * one }
    let objective = plan.objective.distance(own, targets)
    let graph = builder.build(
      outputs: [objective, squaredDistance(own, targets)]
        + objective.gradient(withRespectTo: [dummies]))
    let expected = try AttackedClient.backend.evaluate(
      graph,
      [point, Tensor([], .f64, repeating: 1)] + weighted.parameters + update.gradients
        + [Tensor([2], .i32, [1, 3])])
    #expect(abs(value - expected[0].scalarValue) <= 1e-12)
    let distance = expected[1].scalarValue
    #expect(abs(function.seeds[0].squaredDistance - distance) <= 1e-12 * distance)
    #expect(abs(try function.exactSquaredDistance(ofSeed: 0) - distance) <= 1e-14 * distance)
    let scale = expected[2].doubles.map { abs($0) }.max() ?? 1
    for (found, expected) in zip(gradient, expected[2].doubles) {
      #expect(abs(found - expected) <= 1e-11 * scale)
    }
    // At the truth all vanishes, and the exact distance says so.
    _ = try function.value(at: client.images.doubles)
    #expect(try function.exactSquaredDistance(ofSeed: 0) <= 1e-26 * distance)
  }
}
