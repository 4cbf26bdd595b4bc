import OperatorTable
import TensorGraph
import Testing

/// What simplification does to a graph, and what it must leave as it is.
@Suite struct SimplifierTests {
  private let interpreter = ReferenceInterpreter()

  /// Identities that make a node of another one, which is already there.
  @Test func identitiesReturnTheOperand() {
    let builder = GraphBuilder()
    let x = builder.input("x", [2, 3], .f32)
    let y = builder.input("y", [2, 3], .f32)
    let condition = builder.input("c", [2, 3], .bool)
    for same in [
      x + 0, 0 + x, x - 0, x * 1, 1 * x, x / 1, -(-x), x.power(1), x.maximum(x), x.minimum(x),
      condition.select(x, x), x.reshape(to: [6]).reshape(to: [2, 3]), x.sum(axes: []),
      x.transpose([1, 0]).transpose([1, 0]), x.pad(low: [0, 0], high: [0, 0]),
      x.slice(starts: [0, 0], limits: [2, 3]), Value.concatenate([x], axis: 0),
      x.broadcast(to: [2, 3], axes: [0, 1]), x.convert(to: .f32),
    ] {
      #expect(same.id == x.id)
    }
    #expect(condition.logicalNot().logicalNot().id == condition.id)
    #expect((x + -y).id == (x - y).id)
    #expect((x - -y).id == (x + y).id)
    #expect((-x * -y).id == (x * y).id)
    #expect((-x * y).id == (-(x * y)).id)
    #expect(x.power(2).id == (x * x).id)
    #expect(
      (builder.constant(2, [2, 3], .f32) * 3 + 1).id == builder.constant(7, [2, 3], .f32).id)
    #expect(x.matrixTranspose().matmul(y).id == x.matmul(y, transposeA: true).id)
    let repeated = x.broadcast(to: [2, 3, 4], axes: [0, 1])
    #expect(repeated.sum(axes: [2]).id == (x * 4).id)
    #expect(repeated.max(axes: [2]).id == x.id)
  }

  /// Nothing is assumed of values that may be infinite or NaN.
  @Test func productsWithZeroStay() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [3], .f64)
    let graph = builder.build(outputs: [x * 0, x - x, x / x, x.equal(to: x)])
    let results = try interpreter.evaluate(graph, [Tensor([3], .f64, [.infinity, .nan, 0])])
    #expect(results[0].doubles.map { $0.isNaN } == [true, true, false])
    #expect(results[1].doubles.map { $0.isNaN } == [true, true, false])
    #expect(results[2].doubles.map { $0.isNaN } == [true, true, true])
    #expect(results[3].doubles == [1, 0, 1])
  }

  private static let specialValues: [Double] = [
    0, -0.0, 1, -1, 2, 0.5, -0.5, 1e200, -1e200, 1e-200, .infinity, -.infinity, .nan,
  ]

  /// x op c and c op x for all special values of both, constants c on one side: equal to the plain
  /// graph's values but for the sign of zero, and for the documented roots of -infinity.
  @Test(arguments: BinaryOp.allCases.filter { $0 != .and && $0 != .or })
  func specialValuesSurvive(op: BinaryOp) throws {
    let values = Self.specialValues
    let input = Tensor([values.count], .f64, values)
    func results(simplifies: Bool) throws -> [Tensor] {
      let builder = GraphBuilder(simplifies: simplifies)
      let x = builder.input("x", [values.count], .f64)
      let outputs = try values.flatMap { value in
        let constant = x.filled(with: value)
        return [
          try builder.add(.elementwise(.binary(op)), [x, constant]),
          try builder.add(.elementwise(.binary(op)), [constant, x]),
          try builder.add(.elementwise(.binary(op)), [-x, constant]),
          try builder.add(.elementwise(.binary(op)), [constant, constant]),
        ]
      }
      return try interpreter.evaluate(builder.build(outputs: outputs), [input])
    }
    let plain = try results(simplifies: false)
    let simplified = try results(simplifies: true)
    for (index, pair) in zip(plain, simplified).enumerated() {
      let constant = values[index / 4]
      for (position, (expected, actual)) in zip(pair.0.doubles, pair.1.doubles).enumerated() {
        let x = index % 4 == 2 ? -values[position] : values[position]
        if op == .power, abs(constant) == 0.5, index % 4 != 1, x == -.infinity || x == 0 {
          continue  // sqrt and rsqrt differ from pow at -infinity and -0, by IEEE 754.
        }
        #expect(
          relativeError(actual, expected) < 1e-14,
          "\(op) case \(index % 4) of \(values[position]), \(constant): \(actual), not \(expected)")
      }
    }
  }

  @Test(arguments: UnaryOp.allCases.filter { $0 != .not })
  func foldedConstantsAreTheFunctionsValues(op: UnaryOp) throws {
    let values = Self.specialValues
    func results(simplifies: Bool) throws -> [Double] {
      let builder = GraphBuilder(simplifies: simplifies)
      let outputs = try values.map {
        try builder.add(.elementwise(.unary(op)), [builder.constant($0, .f64)])
      }
      return try interpreter.evaluate(builder.build(outputs: outputs), []).map(\.scalarValue)
    }
    let (plain, folded) = (try results(simplifies: false), try results(simplifies: true))
    for (expected, actual) in zip(plain, folded) { #expect(relativeError(actual, expected) == 0) }
  }

  /// Integer constants are not folded in Double, where they could overflow or round.
  @Test func integersKeepTheirArithmetic() throws {
    let builder = GraphBuilder()
    let quotient = builder.constant(7, .i32) / builder.constant(-2, .i32)
    let total = builder.constant(3, [4], .i32).sum()
    let graph = builder.build(outputs: [quotient, total])
    #expect(try interpreter.evaluate(graph, []).map(\.scalarValue) == [-3, 12])
  }
}
