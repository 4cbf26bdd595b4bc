import TensorGraph

/// One row of the operator table: an expression, what to feed it, and what is true of it.
public struct OperatorRow: Sendable, CustomStringConvertible {
  /// Unique within the table.
  public let name: String
  /// What it is fed.
  public let operands: [OperandValues]
  /// Highest order of derivative that exists, and is tested, at the operands' values; 0 for none.
  public let highestOrder: Int
  /// How far a backend may be off.
  public let tolerance: Tolerance
  /// Whether the row stands for the operator of its last node, and not for a composite of several.
  public let isPrimitive: Bool
  /// Builds the expression for operands whose floating-point type is the one given.
  public let build: @Sendable (GraphBuilder, [Value], DType) -> Value

  /// A row whose expression needs the builder or the element type.
  public init(
    _ name: String, _ operands: [OperandValues], highestOrder: Int = 3,
    tolerance: Tolerance = Tolerance(), isPrimitive: Bool = true,
    building build: @escaping @Sendable (GraphBuilder, [Value], DType) -> Value
  ) {
    self.name = name
    self.operands = operands
    self.highestOrder = highestOrder
    self.tolerance = tolerance
    self.isPrimitive = isPrimitive
    self.build = build
  }

  /// A row that needs its operands alone.
  public init(
    _ name: String, _ operands: [OperandValues], highestOrder: Int = 3,
    tolerance: Tolerance = Tolerance(), isPrimitive: Bool = true,
    _ build: @escaping @Sendable ([Value]) -> Value
  ) {
    self.init(
      name, operands, highestOrder: highestOrder, tolerance: tolerance, isPrimitive: isPrimitive
    ) { _, operands, _ in build(operands) }
  }

  /// Its name.
  public var description: String { name }
}

/// How far a backend's results may be from the interpreter's, relative to 1 + |expected|.
public struct Tolerance: Sendable {
  /// For results in f32.
  public let f32: Double
  /// For results in f64.
  public let f64: Double

  /// Rounding of one operator by default.
  public init(f32: Double = 1e-5, f64: Double = 1e-12) {
    self.f32 = f32
    self.f64 = f64
  }

  /// The tolerance of values of `dtype`; integers and booleans are exact.
  public subscript(dtype: DType) -> Double {
    switch dtype {
    case .f32: f32
    case .f64: f64
    case .i32, .i64, .bool: 0
    }
  }
}

/// A graph and values for all its inputs.
public struct RowProgram: Sendable {
  /// What is run.
  public let graph: Graph
  /// What is bound to its inputs, in order.
  public let inputs: [Tensor]
}

/// A row built with one floating-point type, together with the values of its inputs: what
/// derivative tests add to before they run it.
public final class RowUnderTest {
  /// What is tested.
  public let row: OperatorRow
  /// Where the expression lives.
  public let builder: GraphBuilder
  /// The expression's inputs.
  public let operands: [Value]
  /// The expression.
  public let result: Value
  /// Values of all inputs declared so far.
  public private(set) var inputs: [Tensor]
  private var random: SplitMix64

  /// The row's expression in floating-point numbers of one type, with random operands.
  public init(_ row: OperatorRow, _ dtype: DType, simplifies: Bool = true, seed: UInt64 = 1) {
    self.row = row
    builder = GraphBuilder(simplifies: simplifies)
    random = SplitMix64(seed: seed)
    inputs = []
    var operands: [Value] = []
    for (index, values) in row.operands.enumerated() {
      let tensor = values.tensor(dtype, &random)
      inputs.append(tensor)
      operands.append(builder.input("x\(index)", tensor.shape, tensor.dtype))
    }
    self.operands = operands
    result = row.build(builder, operands, dtype)
  }

  /// The operands that have derivatives.
  public var variables: [Value] { operands.filter { $0.dtype.isFloatingPoint } }

  /// A new input like `value` with elements uniform in -1...1: a direction to project on.
  public func randomInput(like value: Value) -> Value {
    let elements = (0..<value.shape.elementCount).map { _ in random.uniform(in: -1...1) }
    inputs.append(Tensor(value.shape, value.dtype, elements))
    return builder.input("direction\(inputs.count - 1)", value.shape, value.dtype)
  }

  /// A random projection, a scalar, of the derivative of the given order of the result.
  public func projection(order: Int) -> Value {
    if order == 0 { return (result * randomInput(like: result)).sum() }
    return directionalDerivative(of: projection(order: order - 1))
  }

  /// The derivative of a scalar in a random direction of all variables, by its gradient.
  private func directionalDerivative(of scalar: Value) -> Value {
    zip(scalar.gradient(withRespectTo: variables), variables)
      .map { gradient, variable in (gradient * randomInput(like: variable)).sum() }
      .reduce(builder.constant(0, scalar.dtype), +)
  }

  /// A program that computes `outputs` from the row's operands.
  public func program(outputs: [Value]) -> RowProgram {
    RowProgram(graph: builder.build(outputs: outputs), inputs: inputs)
  }
}

extension OperatorRow {
  /// The row itself (order 0), or the gradients of a random projection of its derivative of the
  /// order below, with respect to every floating-point operand. Equal arguments give equal programs.
  public func program(
    order: Int, _ dtype: DType, simplifies: Bool = true, seed: UInt64 = 1
  ) -> RowProgram {
    let test = RowUnderTest(self, dtype, simplifies: simplifies, seed: seed)
    if order == 0 { return test.program(outputs: [test.result]) }
    let projection = test.projection(order: order - 1)
    return test.program(outputs: projection.gradient(withRespectTo: test.variables))
  }
}
