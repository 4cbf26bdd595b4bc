import OperatorTable
import TensorGraph
import Testing

/// Derivatives where they are not smooth, not connected or not finite.
@Suite struct DerivativeEdgeTests {
  private let interpreter = ReferenceInterpreter()

  private func evaluate(_ outputs: [Value], _ inputs: [Tensor]) throws -> [[Double]] {
    try interpreter.evaluate(outputs[0].builder.build(outputs: outputs), inputs).map(\.doubles)
  }

  private func vector(_ elements: Double...) -> Tensor {
    Tensor([elements.count], .f64, elements)
  }

  @Test func independentVariablesHaveGradientsOfZeros() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2], .f64)
    let later = x.exp().sum()
    let y = builder.input("y", [2, 3], .f32)
    let steps = x.floor().sum() + x.argmax(axis: 0).convert(to: .f64)
    let gradients =
      later.gradient(withRespectTo: [y]) + steps.gradient(withRespectTo: [x])
      + Value.pullback([], to: [x]) + Value.pushforward([later], along: [(y, y.filled(with: 1))])
    #expect(gradients.map(\.type) == [y.type, x.type, x.type, later.type])
    let results = try evaluate(gradients, [vector(1.5, 2.5), Tensor([2, 3], .f32, repeating: 1)])
    #expect(results.allSatisfy { $0.allSatisfy { $0 == 0 } })
    #expect(Value.pushforward([], along: [(x, x)]).isEmpty)
  }

  @Test func tiesShareTheGradient() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [5], .f64)
    let y = builder.input("y", [5], .f64)
    let gradients =
      x.max().gradient(withRespectTo: [x])
      + x.maximum(y).sum().gradient(withRespectTo: [x, y])
      + x.minimum(y).sum().gradient(withRespectTo: [x, y])
      + x.absolute().sum().gradient(withRespectTo: [x])
    let results = try evaluate(gradients, [vector(3, 0, 3, 3, -1), vector(1, 0, 3, 4, -2)])
    let third = 1.0 / 3
    #expect(results[0] == [third, 0, third, third, 0])
    #expect(results[1] == [1, 0.5, 0.5, 0, 1])
    #expect(results[2] == [0, 0.5, 0.5, 1, 0])
    #expect(results[3] == [0, 0.5, 0.5, 1, 0])
    #expect(results[4] == [1, 0.5, 0.5, 0, 1])
    #expect(results[5] == [1, 0, 1, 1, -1])
  }

  /// What PyTorch's pow gives, to the first order: finite wherever the limit is.
  @Test(arguments: [true, false])
  func powersAtZero(simplifies: Bool) throws {
    let builder = GraphBuilder(simplifies: simplifies)
    let x = builder.input("x", [7], .f64)
    let b = builder.input("b", [7], .f64)
    let gradients = x.power(b).sum().gradient(withRespectTo: [x, b])
    let second = gradients[0].sum().gradient(withRespectTo: [x])
    let inputs = [vector(0, 0, 0, 0, 0, -2, -2), vector(0, 1, 2, 3, 0.5, 3, 0)]
    let results = try evaluate(gradients + second, inputs)
    #expect(results[0] == [0, 1, 0, 0, .infinity, 12, 0])
    #expect(results[1].prefix(5).allSatisfy { $0 == 0 })
    #expect(results[1].suffix(2).allSatisfy { $0.isNaN })
    #expect(results[2].prefix(4) == [0, 0, 2, 0])
    #expect(results[2].suffix(2) == [-12, 0])
  }

  /// d/db d/dx x^b = x^(b - 1) (1 + b log x): only at x = 0 is the exponent 0 special.
  @Test func mixedDerivativeOfPowerAtExponentZero() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2], .f64)
    let b = builder.input("b", [2], .f64)
    let first = x.power(b).sum().gradient(withRespectTo: [x])[0]
    let mixed = first.sum().gradient(withRespectTo: [b])[0]
    #expect(try evaluate([mixed], [vector(2, 0.25), vector(0, 0)]) == [[0.5, 4]])
  }

  @Test(arguments: [0.0, 1, 2, 3])
  func constantPowersAtZero(exponent: Double) throws {
    for simplifies in [true, false] {
      let builder = GraphBuilder(simplifies: simplifies)
      let x = builder.input("x", [1], .f64)
      let first = x.power(exponent).sum().gradient(withRespectTo: [x])[0]
      let second = first.sum().gradient(withRespectTo: [x])[0]
      let results = try evaluate([first, second], [vector(0)])
      #expect(results == [[exponent == 1 ? 1 : 0], [exponent == 2 ? 2 : 0]])
    }
  }

  /// For y = f(x) both taken as variables, JVP and VJP are each other's transpose still.
  @Test func variablesThatDependOnOneAnother() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [], .f64)
    let v = builder.input("v", [], .f64)
    let w = builder.input("w", [], .f64)
    let y = x.exp()
    let z = y.sin() * x
    let forward = Value.pushforward([z], along: [(x, v), (y, w)])[0]
    let gradients = z.gradient(withRespectTo: [x, y])
    let reverse = gradients[0] * v + gradients[1] * w
    let twice = Value.pushforward([z], along: [(x, v), (x, w)])[0] - gradients[0] * (v + w)
    let inputs = [0.4, 1.3, -0.6].map { Tensor(scalar: $0, .f64) }
    let results = try evaluate([forward, reverse, twice], inputs)
    #expect(abs(results[0][0] - results[1][0]) < 1e-14)
    #expect(abs(results[2][0]) < 1e-14)
    // A variable may be a result as well.
    let ofItself = try evaluate(Value.pushforward([y], along: [(y, w)]), inputs)
    #expect(ofItself == [[-0.6]])
    #expect(try evaluate(y.gradient(withRespectTo: [y]), inputs) == [[1]])
  }

  /// sum over several results and paths: d/dx (u a(x) + v b(x)).
  @Test func pullbackOfSeveralResults() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2], .f64)
    let (a, b) = (x.exp(), x * x)
    let cotangents = [x.filled(with: 2), x.filled(with: -3)]
    let pulled = Value.pullback([(a, cotangents[0]), (b, cotangents[1])], to: [x])[0]
    let expected = 2 * a - 6 * x
    let results = try evaluate([pulled, expected], [vector(0.5, -1)])
    #expect(zip(results[0], results[1]).allSatisfy { abs($0 - $1) < 1e-14 })
  }

  /// Of f32 variables through f64 intermediates, gradients come back as f32.
  @Test func gradientsPassThroughConversions() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2], .f32)
    let loss = x.convert(to: .f64).squared().sum()
    let gradient = loss.gradient(withRespectTo: [x])[0]
    #expect(gradient.dtype == .f32)
    #expect(try evaluate([gradient], [Tensor([2], .f32, [1.5, -2])]) == [[3, -4]])
  }
}
