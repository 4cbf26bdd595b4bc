import OperatorTable
import TensorGraph
import Testing

@Suite struct GraphBuilderTests {
  private let interpreter = ReferenceInterpreter()

  @Test(arguments: [true, false])
  func equalNodesAreBuiltOnce(simplifies: Bool) {
    let builder = GraphBuilder(simplifies: simplifies)
    let x = builder.input("x", [2, 3], .f32)
    let y = builder.input("y", [2, 3], .f32)
    func expression() -> Value { ((x * y).sigmoid() + 0.25).sum(axes: [1]).maximum(0) }
    let first = expression()
    let count = builder.nodeCount
    #expect(expression().id == first.id)
    #expect(builder.nodeCount == count)
    #expect((x * y).exp().id != (x + y).exp().id)
    #expect(x.sum(axes: [0]).id != x.sum(axes: [1]).id)
    #expect((x - y).id != (y - x).id)
  }

  @Test func commutedOperandsAreOneNode() {
    let builder = GraphBuilder()
    let x = builder.input("x", [3], .f32)
    let y = builder.input("y", [3], .f32)
    #expect((x * y).id == (y * x).id)
    #expect((x + y).id == (y + x).id)
    #expect(x.equal(to: y).id == y.equal(to: x).id)
    #expect(x.less(than: y).id != y.less(than: x).id)
    let plain = GraphBuilder(simplifies: false)
    let z = plain.input("z", [3], .f32)
    #expect((z * 2).id != (2 * z).id)
  }

  /// As numbers 0 and -0 are equal and NaN is not itself; as constants it is the other way round.
  @Test func constantsAreToldApartByTheirBits() throws {
    let builder = GraphBuilder()
    let negativeZero = builder.constant(-0.0, .f64)
    let zero = builder.constant(0, .f64)
    #expect(negativeZero.id != zero.id)
    #expect(builder.constant(.nan, .f64).id == builder.constant(.nan, .f64).id)
    #expect(builder.constant(1, .f64).id != builder.constant(1, .f32).id)
    let x = builder.input("x", [], .f64)
    let graph = builder.build(outputs: [x / zero, x / negativeZero])
    let results = try interpreter.evaluate(graph, [Tensor(scalar: 1, .f64)])
    #expect(results.map(\.scalarValue) == [.infinity, -.infinity])
  }

  @Test func inputsAreNeverMerged() {
    let builder = GraphBuilder()
    let x = builder.input("x", [3], .f32)
    let y = builder.input("x", [3], .f32)
    #expect(x.id != y.id)
  }

  @Test func deadNodesAreLeftOut() throws {
    let builder = GraphBuilder()
    let unused = builder.input("unused", [5], .f32)
    let x = builder.input("x", [3], .f32)
    _ = unused.exp().sum()
    let kept = x.sin()
    _ = kept.cos()
    let graph = builder.build(outputs: [kept, kept])
    #expect(graph.nodes.count == 2)
    #expect(graph.inputs.map(\.name) == ["unused", "x"])
    #expect(graph.outputs == [NodeID(1), NodeID(1)])
    let inputs = [Tensor([5], .f32, repeating: 1), Tensor([3], .f32, [0, 0, 0])]
    let results = try interpreter.evaluate(graph, inputs)
    #expect(results == [inputs[1], inputs[1]])
    #expect(graph.removingDeadNodes().description == graph.description)
  }

  @Test func outputMayBeAnInput() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2], .i64)
    let value = Tensor([2], .i64, [7, -3])
    #expect(try interpreter.evaluate(builder.build(outputs: [x]), [value]) == [value])
    #expect(try interpreter.evaluate(builder.build(outputs: []), [value]).isEmpty)
  }

  /// A graph used as a function: twice, on values of another graph, and differentiated there.
  @Test func inlinedGraphsComputeTheSame() throws {
    let inner = GraphBuilder()
    let a = inner.input("a", [2], .f64)
    let b = inner.input("b", [2], .f64)
    let function = inner.build(outputs: [a * b.sin(), a + b])

    let outer = GraphBuilder()
    let x = outer.input("x", [2], .f64)
    let once = outer.inline(function, inputs: [x, x.exp()])
    let twice = outer.inline(function, inputs: [once[0], once[1]])
    let gradient = twice[0].sum().gradient(withRespectTo: [x])[0]

    let direct = outer.build(
      outputs: {
        let (first, second) = (x * x.exp().sin(), x + x.exp())
        let result = first * second.sin()
        return [result, result.sum().gradient(withRespectTo: [x])[0]]
      }())
    let inlined = outer.build(outputs: [twice[0], gradient])
    let input = Tensor([2], .f64, [0.3, -0.7])
    #expect(try interpreter.evaluate(inlined, [input]) == interpreter.evaluate(direct, [input]))
    #expect(inlined.description == direct.description)
  }

  /// Walks over graphs are loops, not recursions: depth is no limit.
  @Test(arguments: [true, false])
  func deepGraphsDifferentiateAndRun(simplifies: Bool) throws {
    let builder = GraphBuilder(simplifies: simplifies)
    let x = builder.input("x", [], .f64)
    let rate = builder.input("rate", [], .f64)
    var value = x
    while builder.nodeCount < 50_000 { value = value + rate * value.sin() }
    let gradient = value.gradient(withRespectTo: [x])[0]
    let tangent = Value.pushforward([value], along: [(x, x.filled(with: 1))])[0]
    let graph = builder.build(outputs: [value, gradient, tangent])
    #expect(graph.nodes.count > 100_000)
    let inputs = [1.5, 1e-4].map { Tensor(scalar: $0, .f64) }
    let results = try interpreter.evaluate(graph, inputs).map(\.scalarValue)
    #expect(abs(results[1] - results[2]) <= 1e-9 * abs(results[1]))
    #expect(results[1] != 0)
    #expect(graph.simplified().nodes.count <= graph.nodes.count)
  }

  /// A constant behind many broadcasts is found by a loop, too.
  @Test func deepChainsOfBroadcasts() {
    let builder = GraphBuilder(simplifies: false)
    let x = builder.input("x", [1], .f64)
    var exponent = builder.constant(3, [1], .f64)
    for _ in 0..<50_000 { exponent = exponent.broadcast(to: [1], axes: [0]) }
    #expect(builder.nodeCount > 50_000)
    let gradient = x.power(exponent).sum().gradient(withRespectTo: [x])
    #expect(gradient[0].shape == [1])
  }
}
