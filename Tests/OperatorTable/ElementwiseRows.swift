import TensorGraph

let unaryRows: [OperatorRow] = [
  OperatorRow("negate", [.uniform([2, 3])]) { -$0[0] },
  OperatorRow("negate i32", [.integers([5], in: -9...9)], highestOrder: 0) { -$0[0] },
  OperatorRow("absolute", [.signed([3, 4], magnitudes: 0.3...2)]) { $0[0].absolute() },
  OperatorRow("absolute i64", [.integers([5], .i64, in: -9...9)], highestOrder: 0) {
    $0[0].absolute()
  },
  OperatorRow("sign", [.signed([3, 4], magnitudes: 0.3...2)]) { $0[0].sign() },
  OperatorRow("sign i32 with zeros", [.integers([9], in: -1...1)], highestOrder: 0) {
    $0[0].sign()
  },
  OperatorRow("floor", [.betweenIntegers([3, 4])]) { $0[0].floor() },
  OperatorRow("exp", [.uniform([3, 4])]) { $0[0].exp() },
  OperatorRow("log", [.uniform([3, 4], in: 0.5...3)]) { $0[0].log() },
  OperatorRow("log1p", [.uniform([3, 4], in: -0.5...2)]) { $0[0].log1p() },
  OperatorRow("sqrt", [.uniform([3, 4], in: 0.5...3)]) { $0[0].sqrt() },
  OperatorRow("rsqrt", [.uniform([3, 4], in: 0.5...3)]) { $0[0].rsqrt() },
  OperatorRow("sin", [.uniform([3, 4], in: -4...4)]) { $0[0].sin() },
  OperatorRow("cos", [.uniform([3, 4], in: -4...4)]) { $0[0].cos() },
  OperatorRow("tanh", [.uniform([3, 4])]) { $0[0].tanh() },
  OperatorRow("sigmoid", [.uniform([3, 4], in: -4...4)]) { $0[0].sigmoid() },
  OperatorRow("sigmoid of a long vector", [.uniform([1037], in: -9...9)], highestOrder: 1) {
    $0[0].sigmoid()
  },
  OperatorRow("erf", [.uniform([3, 4])]) { $0[0].erf() },
  OperatorRow("not", [.booleans([7])], highestOrder: 0) { $0[0].logicalNot() },
]

let binaryRows: [OperatorRow] = [
  OperatorRow("add", [.uniform([2, 3]), .uniform([2, 3])]) { $0[0] + $0[1] },
  OperatorRow("add a value to itself", [.uniform([2, 3])]) { $0[0] + $0[0] },
  OperatorRow(
    "add i32", [.integers([6], in: -99...99), .integers([6], in: -99...99)], highestOrder: 0
  ) { $0[0] + $0[1] },
  OperatorRow("subtract", [.uniform([2, 3]), .uniform([2, 3])]) { $0[0] - $0[1] },
  OperatorRow(
    "subtract i64", [.integers([6], .i64, in: -99...99), .integers([6], .i64, in: -99...99)],
    highestOrder: 0
  ) { $0[0] - $0[1] },
  OperatorRow("multiply", [.uniform([2, 3]), .uniform([2, 3])]) { $0[0] * $0[1] },
  OperatorRow("multiply a value by itself", [.uniform([2, 3])]) { $0[0].squared() },
  OperatorRow(
    "multiply i32", [.integers([6], in: -99...99), .integers([6], in: -99...99)], highestOrder: 0
  ) { $0[0] * $0[1] },
  OperatorRow("divide", [.uniform([2, 3]), .signed([2, 3], magnitudes: 0.7...2)]) { $0[0] / $0[1] },
  OperatorRow(
    "divide i32, the smallest by -1",
    [.integers([3], in: Int(Int32.min)...Int(Int32.min)), .integers([3], in: -1 ... -1)],
    highestOrder: 0
  ) { $0[0] / $0[1] },
  OperatorRow(
    "divide i32, zeros among divisors",
    [.integers([40], in: -99...99), .integers([40], in: -3...3)], highestOrder: 0
  ) { $0[0] / $0[1] },
  OperatorRow(
    "divide i64, zeros among divisors",
    [.integers([40], .i64, in: -99...99), .integers([40], .i64, in: -3...3)], highestOrder: 0
  ) { $0[0] / $0[1] },
  OperatorRow("power", [.uniform([2, 3], in: 0.5...2), .uniform([2, 3])]) { $0[0].power($0[1]) },
  OperatorRow("power 3 of either sign", [.signed([2, 3], magnitudes: 0.3...2)]) { $0[0].power(3) },
  OperatorRow("maximum", [.distinct([3, 4]), .distinct([3, 4], offset: 0.05)]) {
    $0[0].maximum($0[1])
  },
  OperatorRow("maximum with ties", [.ties([30]), .ties([30])], highestOrder: 0) {
    $0[0].maximum($0[1])
  },
  OperatorRow("minimum", [.distinct([3, 4]), .distinct([3, 4], offset: 0.05)]) {
    $0[0].minimum($0[1])
  },
  OperatorRow(
    "minimum i32", [.integers([6], in: -3...3), .integers([6], in: -3...3)], highestOrder: 0
  ) { $0[0].minimum($0[1]) },
  OperatorRow("and", [.booleans([9]), .booleans([9])], highestOrder: 0) {
    $0[0].logicalAnd($0[1])
  },
  OperatorRow("or", [.booleans([9]), .booleans([9])], highestOrder: 0) { $0[0].logicalOr($0[1]) },
]

let comparisonRows: [OperatorRow] = [
  OperatorRow("less, with ties", [.ties([30]), .ties([30])], highestOrder: 0) {
    $0[0].less(than: $0[1])
  },
  OperatorRow("less or equal, with ties", [.ties([30]), .ties([30])], highestOrder: 0) {
    $0[0].lessOrEqual(to: $0[1])
  },
  OperatorRow("equal, with ties", [.ties([30]), .ties([30])], highestOrder: 0) {
    $0[0].equal(to: $0[1])
  },
  OperatorRow(
    "less i32", [.integers([30], in: -1...1), .integers([30], in: -1...1)], highestOrder: 0
  ) { $0[0].less(than: $0[1]) },
  OperatorRow(
    "equal i64", [.integers([30], .i64, in: -1...1), .integers([30], .i64, in: -1...1)],
    highestOrder: 0
  ) { $0[0].equal(to: $0[1]) },
  OperatorRow("select", [.booleans([3, 4]), .uniform([3, 4]), .uniform([3, 4])]) {
    $0[0].select($0[1], $0[2])
  },
  OperatorRow("select bool", [.booleans([9]), .booleans([9]), .booleans([9])], highestOrder: 0) {
    $0[0].select($0[1], $0[2])
  },
  OperatorRow(
    "select i32", [.booleans([7]), .integers([7], in: -9...9), .integers([7], in: -9...9)],
    highestOrder: 0
  ) { $0[0].select($0[1], $0[2]) },
]

let conversionRows: [OperatorRow] = [
  OperatorRow(
    "convert to the other floating-point type and back", [.uniform([2, 3])],
    tolerance: Tolerance(f64: 1e-6),
    building: { _, operands, dtype in
      operands[0].convert(to: dtype == .f32 ? .f64 : .f32).convert(to: dtype)
    }),
  OperatorRow("convert to i32", [.betweenIntegers([3, 4])], highestOrder: 0) {
    $0[0].convert(to: .i32)
  },
  OperatorRow(
    "convert out-of-range numbers to i32",
    [.listed([7], [3e9, -3e9, .infinity, -.infinity, .nan, -0.9, 0.9])], highestOrder: 0
  ) { $0[0].convert(to: .i32) },
  OperatorRow("convert to i64", [.betweenIntegers([3, 4])], highestOrder: 0) {
    $0[0].convert(to: .i64)
  },
  OperatorRow("convert to bool", [.ties([12])], highestOrder: 0) { $0[0].convert(to: .bool) },
  OperatorRow(
    "convert i32", [.integers([7], in: -99...99)], highestOrder: 0,
    building: { _, operands, dtype in operands[0].convert(to: dtype) }),
  OperatorRow(
    "convert bool", [.booleans([7])], highestOrder: 0,
    building: { _, operands, dtype in operands[0].convert(to: dtype) }),
  OperatorRow("convert i64 to i32", [.integers([7], .i64, in: -99...99)], highestOrder: 0) {
    $0[0].convert(to: .i32)
  },
]
