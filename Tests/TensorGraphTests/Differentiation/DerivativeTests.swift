import OperatorTable
import TensorGraph
import Testing

/// Rows with a derivative, each with every order tested.
private let differentiableRows = operatorTable.filter { $0.highestOrder > 0 }

/// Derivatives of every order against central differences, and against one another. In f64 on the
/// interpreter; u and v stand for random cotangents and tangents.
@Suite struct DerivativeTests {
  /// For order k: the gradient of a projected derivative of order k - 1, along a random direction,
  /// is the slope of that derivative along the direction.
  @Test(arguments: differentiableRows)
  func gradientIsTheSlope(row: OperatorRow) throws {
    for order in 1...row.highestOrder {
      let test = RowUnderTest(row, .f64)
      let projection = test.projection(order: order - 1)
      let directions = test.variables.map { test.randomInput(like: $0) }
      let gradients = projection.gradient(withRespectTo: test.variables)
      let slope = innerProduct(gradients, directions, in: test.builder)
      try expectSlope(slope, of: projection, along: directions, test, "order \(order)")
    }
  }

  /// <u, Jv> is the slope of <u, f> along v.
  @Test(arguments: differentiableRows)
  func pushforwardIsTheSlope(row: OperatorRow) throws {
    let test = RowUnderTest(row, .f64)
    let projection = test.projection(order: 0)
    let directions = test.variables.map { test.randomInput(like: $0) }
    let slope = Value.pushforward([projection], along: Array(zip(test.variables, directions)))[0]
    try expectSlope(slope, of: projection, along: directions, test, "JVP")
  }

  /// <u, Jv> == <Jᵀu, v>, for tensors.
  @Test(arguments: differentiableRows)
  func pushforwardIsTheTransposeOfPullback(row: OperatorRow) throws {
    let test = RowUnderTest(row, .f64)
    let cotangent = test.randomInput(like: test.result)
    let directions = test.variables.map { test.randomInput(like: $0) }
    let tangent = Value.pushforward([test.result], along: Array(zip(test.variables, directions)))[0]
    let forward = (cotangent * tangent).sum()
    let cotangents = test.result.pullback(cotangent, to: test.variables)
    let reverse = innerProduct(cotangents, directions, in: test.builder)
    try expectEqual(forward, reverse, test, "<u, Jv> and <Jᵀu, v>")
  }

  /// Mixed modes: the JVP of a gradient along v is the gradient of the gradient's projection on v,
  /// and the gradient of a JVP along v is the same vector again.
  @Test(arguments: differentiableRows.filter { $0.highestOrder >= 2 })
  func modesMixToOneHessian(row: OperatorRow) throws {
    let test = RowUnderTest(row, .f64)
    let variables = test.variables
    let projection = test.projection(order: 0)
    let directions = variables.map { test.randomInput(like: $0) }
    let others = variables.map { test.randomInput(like: $0) }
    let tangents = Array(zip(variables, directions))
    let gradients = projection.gradient(withRespectTo: variables)

    let forwardOverReverse = innerProduct(
      Value.pushforward(gradients, along: tangents), others, in: test.builder)
    let slope = innerProduct(gradients, directions, in: test.builder)
    let reverseOverReverse = innerProduct(
      slope.gradient(withRespectTo: variables), others, in: test.builder)
    let tangent = Value.pushforward([projection], along: tangents)[0]
    let reverseOverForward = innerProduct(
      tangent.gradient(withRespectTo: variables), others, in: test.builder)
    let forwardOverForward = Value.pushforward(
      [tangent], along: Array(zip(variables, others)))[0]

    try expectEqual(forwardOverReverse, reverseOverReverse, test, "JVP of VJP, VJP of VJP")
    try expectEqual(reverseOverForward, reverseOverReverse, test, "VJP of JVP, VJP of VJP")
    try expectEqual(forwardOverForward, reverseOverReverse, test, "JVP of JVP, VJP of VJP")
  }

  /// Simplification changes no value, of rows or of derivatives of any order.
  @Test(arguments: operatorTable)
  func simplificationChangesNoValue(row: OperatorRow) throws {
    for order in 0...row.highestOrder {
      let plain = row.program(order: order, .f64, simplifies: false)
      let simplified = row.program(order: order, .f64, simplifies: true)
      let interpreter = ReferenceInterpreter()
      let expected = try interpreter.evaluate(plain.graph, plain.inputs)
      let builtSimply = try interpreter.evaluate(simplified.graph, simplified.inputs)
      let rebuilt = try interpreter.evaluate(plain.graph.simplified(), plain.inputs)
      #expect(plain.inputs == simplified.inputs)
      for index in expected.indices {
        for actual in [builtSimply[index], rebuilt[index]] {
          let difference = actual.difference(
            from: expected[index], tolerance: expected[index].dtype == .f64 ? 1e-11 : 0)
          #expect(difference == nil, "\(row), order \(order): \(difference ?? "")")
        }
      }
    }
  }

  // MARK: - Helpers

  private func innerProduct(
    _ left: [Value], _ right: [Value], in builder: GraphBuilder
  ) -> Value {
    zip(left, right).map { ($0 * $1).sum().convert(to: .f64) }
      .reduce(builder.constant(0, .f64), +)
  }

  private func expectEqual(
    _ left: Value, _ right: Value, _ test: RowUnderTest, _ what: String
  ) throws {
    let program = test.program(outputs: [left, right])
    let results = try ReferenceInterpreter().evaluate(program.graph, program.inputs)
      .map(\.scalarValue)
    #expect(
      relativeError(results[0], results[1]) < 1e-10,
      "\(test.row): \(what) are \(results[0]) and \(results[1])")
    #expect(results[0].isFinite)
  }

  /// Expects `slope` to be the derivative of `scalar` when the variables move along `directions`, by
  /// the five-point central difference, whose error is of order h^4.
  private func expectSlope(
    _ slope: Value, of scalar: Value, along directions: [Value], _ test: RowUnderTest,
    _ what: String
  ) throws {
    let program = test.program(outputs: [scalar, slope])
    let interpreter = ReferenceInterpreter()
    let expected = try interpreter.evaluate(program.graph, program.inputs)[1].scalarValue

    let moves = zip(test.variables, directions).map { variable, direction in
      (inputIndex(variable), program.inputs[inputIndex(direction)])
    }
    func value(movedBy step: Double) throws -> Double {
      var inputs = program.inputs
      for (index, direction) in moves {
        let moved = zip(inputs[index].doubles, direction.doubles).map { $0 + step * $1 }
        inputs[index] = Tensor(inputs[index].shape, .f64, moved)
      }
      let valueGraph = test.builder.build(outputs: [scalar])
      return try interpreter.evaluate(valueGraph, inputs)[0].scalarValue
    }
    let step = 1e-3
    let near = try value(movedBy: step) - value(movedBy: -step)
    let far = try value(movedBy: 2 * step) - value(movedBy: -2 * step)
    let measured = (8 * near - far) / (12 * step)
    #expect(
      relativeError(expected, measured) < 1e-6,
      "\(test.row), \(what): derivative \(expected), measured slope \(measured)")
    #expect(expected.isFinite)
  }

  private func inputIndex(_ value: Value) -> Int {
    guard case .input(let index, _) = value.node.op else {
      preconditionFailure("\(value.id) is no input")
    }
    return index
  }
}
