import Foundation
import TensorGraph
import Testing

@Suite struct CompositeTests {
  private let backend = ReferenceInterpreter()

  @Test func everyGoldenIsTested() {
    #expect(CompositeCase.all.map(\.name).sorted() == CompositeGolden.all.keys.sorted())
  }

  @Test(arguments: CompositeCase.all)
  func valuesAndGradientsArePyTorchs(_ item: CompositeCase) throws {
    let golden = try #require(CompositeGolden.all[item.name])
    let builder = GraphBuilder()
    let inputs = golden.inputs.map { builder.input("x", Shape($0.shape), .f64) }
    let output = item.apply(inputs)
    let projection = builder.input("projection", output.shape, .f64)
    let gradients = (output * projection).sum()
      .gradient(withRespectTo: golden.differentiable.map { inputs[$0] })
    let results = try backend.evaluate(
      builder.build(outputs: [output] + gradients),
      golden.inputs.map(\.tensor) + [wave(output.shape, phase: 9)])
    for (result, expected) in zip(results, [golden.output] + golden.gradients) {
      #expect(result.shape.dimensions == expected.shape)
      expectClose(result.doubles, expected.values, tolerance: 1e-12)
    }
  }

  /// Orders 1 and 2 along random-like directions, against central differences of the order below.
  /// Inputs stay away from kinks, where differences mean nothing.
  @Test(arguments: CompositeCase.all, [true, false])
  func derivativesAreThoseOfDifferences(_ item: CompositeCase, simplifies: Bool) throws {
    let golden = try #require(CompositeGolden.all[item.name])
    let isActivation = CompositeCase.activations.contains { $0.name == item.name }
    let points = golden.inputs.enumerated().map { index, input in
      let shape = Shape(input.shape)
      // Variances must be positive.
      let offset = item.name == "batch_norm_evaluation" && index == 2 ? 2.0 : 0
      return isActivation
        ? Tensor([6], .f64([-2.3, -1.1, -0.3, 0.4, 1.2, 2.5]))
        : Tensor(shape, .f64(wave(shape, phase: Double(index)).doubles.map { $0 + offset }))
    }
    let builder = GraphBuilder(simplifies: simplifies)
    let inputs = points.map { builder.input("x", $0.shape, .f64) }
    let directions = points.map { builder.input("direction", $0.shape, .f64) }
    let output = item.apply(inputs)
    let projection = builder.input("projection", output.shape, .f64)
    let orders = derivatives(
      of: (output * projection).sum(), along: directions, withRespectTo: inputs, order: 2)
    let graph = builder.build(outputs: orders)

    let tangents = points.enumerated().map { wave($1.shape, phase: 20 + Double($0)) }
    let step = 1e-5
    func evaluate(at offset: Double) throws -> [Double] {
      let moved = zip(points, tangents).map { point, tangent in
        Tensor(
          point.shape, .f64(zip(point.doubles, tangent.doubles).map { $0 + offset * $1 }))
      }
      return try backend.evaluate(graph, moved + tangents + [wave(output.shape, phase: 9)])
        .map(\.scalarValue)
    }
    let (here, above, below) = try (evaluate(at: 0), evaluate(at: step), evaluate(at: -step))
    for order in 1...2 {
      let difference = (above[order - 1] - below[order - 1]) / (2 * step)
      let scale = 1 + abs(here[order - 1])
      #expect(abs(here[order] - difference) < 1e-6 * scale, "order \(order)")
    }
  }

  /// The value and its directional derivatives up to `order`.
  private func derivatives(
    of value: Value, along directions: [Value], withRespectTo inputs: [Value], order: Int
  ) -> [Value] {
    var results = [value]
    for _ in 0..<order {
      let gradients = results[results.count - 1].gradient(withRespectTo: inputs)
      let products = zip(gradients, directions).map { ($0 * $1).sum() }
      results.append(products.dropFirst().reduce(products[0], +))
    }
    return results
  }

  @Test func softplusDerivativesAreTheLogisticFunctionsAtItsKink() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [5], .f64)
    let first = x.softplus().sum().gradient(withRespectTo: [x])[0]
    let second = first.sum().gradient(withRespectTo: [x])[0]
    let third = second.sum().gradient(withRespectTo: [x])[0]
    let points = [-30.0, 0, 0.5, 1, 2]
    let results = try backend.evaluate(
      builder.build(outputs: [first, second, third]), [Tensor([5], .f64(points))])
    let logistic = points.map { 1 / (1 + exp(-$0)) }
    expectClose(results[0].doubles, logistic, tolerance: 1e-14)
    expectClose(results[1].doubles, logistic.map { $0 * (1 - $0) }, tolerance: 1e-14)
    expectClose(
      results[2].doubles, logistic.map { $0 * (1 - $0) * (1 - 2 * $0) }, tolerance: 1e-14)
  }

  @Test func theSoftmaxShiftCostsNoDerivativeGraph() {
    let builder = GraphBuilder()
    let x = builder.input("x", [4, 7], .f64)
    let loss = (x.logSoftmax() * x.softmax()).sum()
    let gradient = loss.gradient(withRespectTo: [x])[0]
    let second = gradient.squared().sum().gradient(withRespectTo: [x])[0]
    let graph = builder.build(outputs: [loss, gradient, second])
    let comparisons = graph.nodes.filter {
      if case .elementwise(.compare) = $0.op { true } else { false }
    }
    // The derivative of a maximum compares its operand with the result.
    #expect(comparisons.isEmpty)
  }

  @Test func oneHotOfIndicesOutsideTheClassesIsZero() throws {
    let builder = GraphBuilder()
    let labels = builder.input("labels", [2, 2], .i64)
    let graph = builder.build(outputs: [labels.oneHot(classCount: 3, .f32)])
    let result = try backend.evaluate(graph, [Tensor([2, 2], .i64([2, -1, 3, 0]))])[0]
    #expect(
      result == Tensor([2, 2, 3], .f32([0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0])))
  }
}

/// Checks |actual - expected| <= tolerance · max(1, |expected|), element by element.
private func expectClose(
  _ actual: [Double], _ expected: [Double], tolerance: Double,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, sourceLocation: sourceLocation)
  for (index, (left, right)) in zip(actual, expected).enumerated()
  where !(abs(left - right) <= tolerance * max(1, abs(right))) {
    Issue.record("element \(index) is \(left), not \(right)", sourceLocation: sourceLocation)
  }
}
