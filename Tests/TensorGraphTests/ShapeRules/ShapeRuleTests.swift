import OperatorTable
import TensorGraph
import Testing

/// An operator with operands that do not fit it, and a part of what is said about them.
struct Misfit: Sendable, CustomStringConvertible {
  let op: Op
  let operands: [TensorType]
  let message: String

  init(_ op: Op, _ operands: [TensorType], _ message: String) {
    self.op = op
    self.operands = operands
    self.message = message
  }

  var description: String { "\(op.name) of \(operands)" }
}

private func f32(_ dimensions: Int...) -> TensorType { TensorType(Shape(dimensions), .f32) }
private func i32(_ dimensions: Int...) -> TensorType { TensorType(Shape(dimensions), .i32) }
private func bool(_ dimensions: Int...) -> TensorType { TensorType(Shape(dimensions), .bool) }

private let image = f32(1, 2, 6, 6)
private let weight = f32(4, 2, 3, 3)

private let elementwiseMisfits: [Misfit] = [
  Misfit(.constant(0.5, .i32), [], "0.5 is no i32"),
  Misfit(.constant(3e9, .i32), [], "is no i32"),
  Misfit(.constant(.nan, .i64), [], "nan is no i64"),
  Misfit(.constant(2, .bool), [], "2.0 is no bool"),
  Misfit(.iota(f32(2, 3), axis: 2), [], "axis 2 is outside shape [2, 3]"),
  Misfit(.iota(f32(), axis: 0), [], "axis 0 is outside shape []"),
  Misfit(.iota(f32(2), axis: -1), [], "axis -1"),
  Misfit(.iota(bool(2), axis: 0), [], "not defined on bool"),
  Misfit(.elementwise(.unary(.exp)), [], "takes 1 operands, not 0"),
  Misfit(.elementwise(.unary(.exp)), [i32(2)], "exp is not defined on i32"),
  Misfit(.elementwise(.unary(.negate)), [bool(2)], "negate is not defined on bool"),
  Misfit(.elementwise(.unary(.not)), [f32(2)], "not is not defined on f32"),
  Misfit(.elementwise(.binary(.add)), [f32(2)], "takes 2 operands, not 1"),
  Misfit(.elementwise(.binary(.add)), [f32(2), f32(3)], "shapes [[2], [3]] differ"),
  Misfit(
    .elementwise(.binary(.add)), [f32(2), TensorType([2], .f64)], "element types [f32, f64] differ"),
  Misfit(.elementwise(.binary(.power)), [i32(2), i32(2)], "power is not defined on i32"),
  Misfit(.elementwise(.binary(.and)), [i32(2), i32(2)], "and is not defined on i32"),
  Misfit(.elementwise(.binary(.add)), [bool(2), bool(2)], "add is not defined on bool"),
  Misfit(.elementwise(.compare(.less)), [f32(2), i32(2)], "element types"),
  Misfit(.elementwise(.compare(.equal)), [bool(2), bool(2)], "equal is not defined on bool"),
  Misfit(.elementwise(.select), [f32(2), f32(2), f32(2)], "select takes (bool, T, T)"),
  Misfit(.elementwise(.select), [bool(2), f32(2), i32(2)], "select takes (bool, T, T)"),
  Misfit(.elementwise(.select), [bool(1), f32(2), f32(2)], "differ"),
]

private let reductionMisfits: [Misfit] = [
  Misfit(.reduction(.reduce(.sum, axes: [2])), [f32(2, 3)], "axis 2 is outside shape [2, 3]"),
  Misfit(.reduction(.reduce(.sum, axes: [-1])), [f32(2, 3)], "axis -1"),
  Misfit(.reduction(.reduce(.sum, axes: [1, 0])), [f32(2, 3)], "axes [1, 0] are not ascending"),
  Misfit(.reduction(.reduce(.maximum, axes: [0, 0])), [f32(2, 3)], "not ascending and distinct"),
  Misfit(.reduction(.reduce(.sum, axes: [0])), [bool(2)], "not defined on bool"),
  Misfit(.reduction(.argmax(axis: 0)), [f32(0, 2)], "empty or too large"),
  Misfit(.reduction(.argmax(axis: 1)), [f32(0, 1 << 31)], "empty or too large"),
  Misfit(.reduction(.argmax(axis: 0)), [f32()], "axis 0 is outside shape []"),
]

private func plain(
  strides: Size2D = Size2D(1, 1), padding: Padding2D = Padding2D(0),
  dilations: Size2D = Size2D(1, 1), groups: Int = 1
) -> Op {
  .contraction(
    .convolution(
      Convolution(strides: strides, padding: padding, dilations: dilations, groups: groups)))
}

private let contractionMisfits: [Misfit] = [
  Misfit(
    .contraction(.matmul(transposeA: false, transposeB: false)), [f32(2, 3), f32(2, 3)],
    "inner extents 3"),
  Misfit(
    .contraction(.matmul(transposeA: true, transposeB: true)), [f32(2, 3), f32(2, 3)],
    "inner extents 2"),
  Misfit(
    .contraction(.matmul(transposeA: false, transposeB: false)), [f32(3), f32(3)], "batch axes"),
  Misfit(
    .contraction(.matmul(transposeA: false, transposeB: false)), [f32(2, 2, 3), f32(1, 3, 2)],
    "batch axes"),
  Misfit(
    .contraction(.matmul(transposeA: false, transposeB: false)), [i32(2, 2), i32(2, 2)],
    "floating-point"),
  Misfit(
    .contraction(.matmul(transposeA: false, transposeB: false)),
    [f32(1 << 40, 0), f32(0, 1 << 40)],
    "too many elements"),
  Misfit(plain(), [f32(2, 6, 6), weight], "convolution takes [N, C, H, W]"),
  Misfit(plain(), [f32(1, 3, 6, 6), weight], "3 channels"),
  Misfit(plain(groups: 2), [image, weight], "2 groups"),
  Misfit(plain(groups: 3), [f32(1, 6, 6, 6), weight], "3 groups"),
  Misfit(plain(groups: 0), [image, weight], "groups are 0"),
  Misfit(plain(groups: -1), [image, weight], "groups are -1"),
  Misfit(plain(groups: .max), [image, weight], "groups"),
  Misfit(plain(strides: Size2D(0, 1)), [image, weight], "strides 0x1"),
  Misfit(plain(strides: Size2D(1, .max)), [image, weight], "out of range"),
  Misfit(plain(dilations: Size2D(1, 0)), [image, weight], "dilations 1x0"),
  Misfit(plain(dilations: Size2D(3, 1)), [image, weight], "does not fit an input of 6x6"),
  Misfit(plain(padding: Padding2D(-1)), [image, weight], "padding -1,-1,-1,-1"),
  Misfit(plain(padding: Padding2D(.max)), [image, weight], "out of range"),
  Misfit(
    plain(padding: Padding2D(1 << 24)), [f32(1 << 10, 2, 6, 6), weight], "too many elements"),
  Misfit(plain(), [image, f32(4, 2, 0, 3)], "a kernel of 0x3 does not fit"),
  Misfit(plain(), [image, f32(4, 2, 7, 3)], "a kernel of 7x3 does not fit"),
  Misfit(plain(dilations: Size2D(9, 9)), [image, f32(1, 2, 1 << 50, 1)], "does not fit"),
  Misfit(plain(), [f32(0, 2, 1 << 50, 6), weight], "does not fit"),
  Misfit(
    .contraction(.convolutionInputGradient(Convolution(), inputSize: Size2D(6, 6))),
    [f32(1, 4, 3, 4), weight],
    "an input of 6x6 gives 4x4"),
  Misfit(
    .contraction(.convolutionInputGradient(Convolution(), inputSize: Size2D(.max, -1))),
    [f32(1, 4, 4, 4), weight], "does not fit an input of"),
  Misfit(
    .contraction(.convolutionInputGradient(Convolution(groups: .max), inputSize: Size2D(6, 6))),
    [f32(1, 4, 4, 4), weight], "too many channels"),
  Misfit(
    .contraction(.convolutionWeightGradient(Convolution(), kernelSize: Size2D(3, 2))),
    [image, f32(1, 4, 4, 4)],
    "a kernel of 3x2 gives 4x5"),
  Misfit(
    .contraction(.convolutionWeightGradient(Convolution(), kernelSize: Size2D(.max, .max))),
    [image, f32(1, 4, 4, 4)], "does not fit"),
  Misfit(
    .contraction(.convolutionWeightGradient(Convolution(groups: 3), kernelSize: Size2D(3, 3))),
    [image, f32(1, 4, 4, 4)], "3 groups"),
  Misfit(
    .reduction(.windowArgmax(Window(size: Size2D(2, 2), strides: Size2D(1, 0)))), [image],
    "strides 1x0"),
  Misfit(
    .reduction(.windowArgmax(Window(size: Size2D(7, 1), strides: Size2D(1, 1)))), [image], "7x1"),
  Misfit(
    .reduction(.windowArgmax(Window(size: Size2D(0, 1), strides: Size2D(1, 1)))), [image], "0x1"),
  Misfit(
    .reduction(.windowArgmax(Window(size: Size2D(.max, 1), strides: Size2D(1, 1)))), [image],
    "window of"),
  Misfit(
    .reduction(.windowArgmax(Window(size: Size2D(1, 1), strides: Size2D(1, 1)))), [i32(1, 1, 2, 2)],
    "floating-point"),
  Misfit(
    .reduction(
      .windowArgmax(Window(size: Size2D(1, 1), strides: Size2D(1, 1), padding: Padding2D(1 << 24)))),
    [f32(1 << 10, 2, 2, 2)], "too many elements"),
]

private let structuralMisfits: [Misfit] = [
  Misfit(
    .structural(.broadcast([2, 3], axes: [0])), [f32(3)], "axis 0 of [3] is not axis 0 of [2, 3]"),
  Misfit(.structural(.broadcast([2, 3], axes: [2])), [f32(3)], "axis 2 is outside shape [2, 3]"),
  Misfit(.structural(.broadcast([2, 3], axes: [1, 0])), [f32(3, 2)], "axes [1, 0] do not fit"),
  Misfit(.structural(.broadcast([2, 3], axes: [])), [f32(3)], "axes [] do not fit"),
  Misfit(
    .structural(.reshape([4])), [f32(2, 3)], "[2, 3] and [4] differ in their number of elements"),
  Misfit(.structural(.transpose(permutation: [0, 0])), [f32(2, 3)], "no permutation"),
  Misfit(.structural(.transpose(permutation: [0])), [f32(2, 3)], "no permutation"),
  Misfit(
    .structural(.slice(starts: [0], limits: [4], strides: [1])), [f32(3)],
    "0..<4 by 1 is outside axis 0"),
  Misfit(.structural(.slice(starts: [2], limits: [1], strides: [1])), [f32(3)], "2..<1"),
  Misfit(.structural(.slice(starts: [-1], limits: [1], strides: [1])), [f32(3)], "-1..<1"),
  Misfit(.structural(.slice(starts: [0], limits: [3], strides: [0])), [f32(3)], "by 0"),
  Misfit(
    .structural(.slice(starts: [0], limits: [3], strides: [.max])), [f32(3)],
    "by 9223372036854775807"),
  Misfit(.structural(.slice(starts: [0], limits: [3], strides: [])), [f32(3)], "do not fit"),
  Misfit(.structural(.pad(low: [-2], high: [-2], interior: [0])), [f32(3)], "negative extent"),
  Misfit(.structural(.pad(low: [.min], high: [0], interior: [0])), [f32(3)], "do not fit"),
  Misfit(.structural(.pad(low: [.max], high: [.max], interior: [0])), [f32(3)], "do not fit"),
  Misfit(.structural(.pad(low: [0], high: [0], interior: [-1])), [f32(3)], "do not fit"),
  Misfit(.structural(.pad(low: [0], high: [0], interior: [1 << 32])), [f32(1 << 40)], "too large"),
  Misfit(
    .structural(.pad(low: [-(1 << 32)], high: [-1], interior: [1 << 32])), [f32(2, 2)],
    "do not fit [2, 2]"),
  Misfit(
    .structural(
      .pad(low: [-(1 << 32), 0], high: [-1, -(1 << 32)], interior: [1 << 32, 1 << 32])),
    [f32(2, 2)],
    "too many elements"),
  Misfit(.structural(.pad(low: [0, 0], high: [0, 0], interior: [0])), [f32(3)], "do not fit"),
  Misfit(.structural(.concatenate(axis: 0)), [], "concatenate of nothing"),
  Misfit(.structural(.concatenate(axis: 1)), [f32(2), f32(2)], "axis 1 is outside shape [2]"),
  Misfit(.structural(.concatenate(axis: 0)), [f32(2, 3), f32(2, 4)], "do not fit together"),
  Misfit(.structural(.concatenate(axis: 0)), [f32(2), i32(2)], "do not fit together"),
  Misfit(
    .structural(.concatenate(axis: 0)), [TensorType](repeating: f32(1 << 58, 0), count: 40),
    "too large"),
  Misfit(
    .structural(.concatenate(axis: 0)), [TensorType](repeating: f32(1 << 58), count: 4), "too many"),
]

private let indexingMisfits: [Misfit] = [
  Misfit(.indexing(.gather), [f32(1, 2, 3), f32(1, 2)], "do not fit"),
  Misfit(.indexing(.gather), [f32(1, 2, 3), i32(2, 2)], "do not fit"),
  Misfit(.indexing(.gather), [f32(2, 3), i32(2, 2)], "do not fit"),
  Misfit(
    .indexing(.gather), [f32(1 << 20, 1, 1 << 30), i32(1 << 20, 1 << 30)], "too many elements"),
  Misfit(.indexing(.scatterAdd(size: 4)), [f32(1, 2, 3), i32(1, 3)], "do not fit indices [1, 3]"),
  Misfit(.indexing(.scatterAdd(size: -4)), [f32(1, 2, 3), i32(1, 2)], "negative extent"),
  Misfit(.indexing(.scatterAdd(size: .max)), [f32(1, 2, 3), i32(1, 2)], "too many elements"),
]

@Suite struct ShapeRuleTests {
  @Test(
    arguments: elementwiseMisfits + reductionMisfits + contractionMisfits + structuralMisfits
      + indexingMisfits)
  func misfitsAreNamed(misfit: Misfit) {
    let error = #expect(throws: GraphError.self) { try misfit.op.resultType(misfit.operands) }
    let message = error?.message ?? "no error"
    #expect(message.contains(misfit.message), "\(misfit): \(message)")

    let builder = GraphBuilder()
    let operands = misfit.operands.map { builder.input("x", $0.shape, $0.dtype) }
    #expect(throws: GraphError.self) { try builder.add(misfit.op, operands) }
  }

  @Test(arguments: [[-1], [2, -3], [.max], [1 << 30, 1 << 30], [0, .max], [.max, .max, 0]])
  func shapesOfUntrustedExtentsAreChecked(dimensions: [Int]) {
    #expect(throws: GraphError.self) { try Shape(validating: dimensions) }
  }

  /// The attributes' public arithmetic gives nil, and does not trap, for what a file may hold.
  @Test func windowArithmeticIsTotal() {
    let extremes = [Int.min, -1, 0, 1, 1 << 24, Int.max]
    for size in extremes {
      for stride in extremes {
        for padding in extremes {
          let window = Window(
            size: Size2D(size, 1), strides: Size2D(stride, 1), padding: Padding2D(padding),
            dilations: Size2D(stride, size))
          let output = window.outputSize(input: Size2D(padding, stride))
          #expect(output.map { $0.height > 0 && $0.width > 0 } ?? true)
        }
      }
    }
  }

  /// A stride beyond the extent takes the first element alone, forwards and backwards.
  @Test func sliceByHugeStrides() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [4], .f64)
    let taken = x.slice(starts: [1], limits: [4], strides: [.max])
    let gradient = taken.sum().gradient(withRespectTo: [x])[0]
    let results = try ReferenceInterpreter().evaluate(
      builder.build(outputs: [taken, gradient]), [Tensor([4], .f64, [5, 6, 7, 8])])
    #expect(results.map(\.doubles) == [[6], [0, 1, 0, 0]])
  }
}
