import TensorGraph
import Testing

/// The oracle itself, against numbers worked out elsewhere: by hand, or by PyTorch 2 in f64 where
/// so noted (scripts would be longer than what they print).
@Suite struct ReferenceInterpreterTests {
  private let interpreter = ReferenceInterpreter()

  /// Integers that look random: element i is (i * factor) mod modulus, centred.
  private func pattern(_ shape: Shape, _ factor: Int, _ modulus: Int) -> Tensor {
    let elements = (0..<shape.elementCount).map { Double($0 * factor % modulus - modulus / 2) }
    return Tensor(shape, .f64, elements)
  }

  private func evaluate(_ op: Op, _ operands: Tensor...) throws -> Tensor {
    let builder = GraphBuilder(simplifies: false)
    let values = operands.map { builder.input("x", $0.shape, $0.dtype) }
    let result = try builder.add(op, values)
    return try interpreter.evaluate(builder.build(outputs: [result]), operands)[0]
  }

  /// torch.nn.functional.conv2d of the padded input, and torch.autograd.grad of it.
  @Test func convolutionsAgreeWithPyTorch() throws {
    let convolution = Convolution(
      strides: Size2D(2, 3), padding: Padding2D(top: 1, bottom: 0, left: 2, right: 1),
      dilations: Size2D(1, 2), groups: 2)
    let x = pattern([2, 4, 4, 5], 7, 11)
    let weight = pattern([6, 2, 2, 2], 5, 7)
    let output = try evaluate(.contraction(.convolution(convolution)), x, weight)
    #expect(output.shape == [2, 6, 2, 2])
    #expect(output.doubles == Self.convolutionOutput)
    let cotangent = pattern([2, 6, 2, 2], 3, 5)
    let inputGradient = try evaluate(
      .contraction(.convolutionInputGradient(convolution, inputSize: Size2D(4, 5))), cotangent,
      weight)
    #expect(inputGradient.doubles == Self.inputGradient)
    let weightGradient = try evaluate(
      .contraction(.convolutionWeightGradient(convolution, kernelSize: Size2D(2, 2))), x, cotangent)
    #expect(weightGradient.doubles == Self.weightGradient)
  }

  /// torch.matmul of batches; the flags then say how the same matrices are stored.
  @Test func matrixProductsAgreeWithPyTorch() throws {
    let (a, b) = (pattern([2, 2, 3], 7, 11), pattern([2, 3, 4], 5, 7))
    let expected: [Double] = [
      17, -8, 2, -2, -18, 11, 5, -22, 8, 8, -20, 8, 8, 14, -22, 5,
    ]
    let swap = Op.structural(.transpose(permutation: [0, 2, 1]))
    for transposeA in [false, true] {
      for transposeB in [false, true] {
        let product = try evaluate(
          .contraction(.matmul(transposeA: transposeA, transposeB: transposeB)),
          transposeA ? evaluate(swap, a) : a, transposeB ? evaluate(swap, b) : b)
        #expect(product.shape == [2, 2, 4])
        #expect(product.doubles == expected)
      }
    }
  }

  /// torch.nn.functional.max_pool2d(return_indices) of the input padded with -infinity.
  @Test func windowArgmaxAgreesWithPyTorch() throws {
    let window = Window(
      size: Size2D(2, 2), strides: Size2D(1, 3),
      padding: Padding2D(top: 1, bottom: 1, left: 0, right: 1), dilations: Size2D(2, 1))
    let positions = try evaluate(.reduction(.windowArgmax(window)), pattern([1, 2, 3, 5], 4, 9))
    #expect(positions.type == TensorType([1, 2, 3, 2], .i32))
    #expect(positions.doubles == [6, 8, 11, 4, 6, 8, 5, 9, 0, 14, 5, 9])
  }

  @Test func windowArgmaxOfTiesNaNAndPadding() throws {
    let window = Window(size: Size2D(1, 2), strides: Size2D(1, 2), padding: Padding2D(2))
    let x = Tensor([1, 1, 1, 4], .f64, [5, 5, 1, .nan])
    let positions = try evaluate(.reduction(.windowArgmax(window)), x)
    #expect(positions.shape == [1, 1, 5, 4])
    let padding = [Double](repeating: -1, count: 8)
    #expect(positions.doubles == padding + [-1, 0, 3, -1] + padding)
  }

  @Test func reductions() throws {
    let x = Tensor([2, 3], .f64, [1, -2, 3, 4, 5, -6])
    #expect(try evaluate(.reduction(.reduce(.sum, axes: [0])), x).doubles == [5, 3, -3])
    #expect(try evaluate(.reduction(.reduce(.sum, axes: [1])), x).doubles == [2, 3])
    #expect(try evaluate(.reduction(.reduce(.maximum, axes: [0, 1])), x).doubles == [5])
    #expect(try evaluate(.reduction(.argmax(axis: 0)), x).doubles == [1, 1, 0])
    #expect(try evaluate(.reduction(.argmax(axis: 1)), x).doubles == [2, 1])
    let special = Tensor([3, 2], .f64, [7, 7, .nan, .nan, -.infinity, -.infinity])
    #expect(try evaluate(.reduction(.argmax(axis: 1)), special).doubles == [0, 0, 0])
    #expect(try evaluate(.reduction(.argmax(axis: 0)), special).doubles == [1, 1])
    #expect(
      try evaluate(.reduction(.reduce(.maximum, axes: [0])), special).doubles.allSatisfy {
        $0.isNaN
      })
    let empty = Tensor([2, 0], .f64, [])
    #expect(
      try evaluate(.reduction(.reduce(.maximum, axes: [1])), empty).doubles == [
        -.infinity, -.infinity,
      ])
    #expect(try evaluate(.reduction(.reduce(.sum, axes: [1])), empty).doubles == [0, 0])
    let integers = Tensor([0], .i32, [])
    #expect(
      try evaluate(.reduction(.reduce(.maximum, axes: [0])), integers).storage == .i32([.min]))
  }

  @Test func structure() throws {
    let x = Tensor([2, 3], .i32, [1, 2, 3, 4, 5, 6])
    #expect(
      try evaluate(.structural(.transpose(permutation: [1, 0])), x).doubles == [1, 4, 2, 5, 3, 6])
    let cube = Tensor([1, 2, 3], .i32, [1, 2, 3, 4, 5, 6])
    let turned = try evaluate(.structural(.transpose(permutation: [2, 0, 1])), cube)
    #expect(turned.shape == [3, 1, 2])
    #expect(turned.doubles == [1, 4, 2, 5, 3, 6])
    let repeated = try evaluate(.structural(.broadcast([2, 2, 3], axes: [0, 2])), x)
    #expect(repeated.doubles == [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6])
    let slice = Op.structural(.slice(starts: [0, 1], limits: [2, 3], strides: [1, 2]))
    #expect(try evaluate(slice, x).doubles == [2, 5])
    let pad = Op.structural(.pad(low: [1, -1], high: [0, 1], interior: [0, 1]))
    #expect(try evaluate(pad, x).doubles == [0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 5, 0, 6, 0])
    let joined = try evaluate(.structural(.concatenate(axis: 1)), x, Tensor([2, 1], .i32, [7, 8]))
    #expect(joined.doubles == [1, 2, 3, 7, 4, 5, 6, 8])
    #expect(try evaluate(.iota(TensorType([2, 2], .i64), axis: 0)).doubles == [0, 0, 1, 1])
  }

  @Test func indexing() throws {
    let rows = Tensor([1, 3, 2], .f64, [1, 2, 3, 4, 5, 6])
    let indices = Tensor([1, 5], .i64, [2, -1, 0, 3, 2])
    let gathered = try evaluate(.indexing(.gather), rows, indices)
    #expect(gathered.doubles == [5, 6, 0, 0, 1, 2, 0, 0, 5, 6])
    let scattered = try evaluate(.indexing(.scatterAdd(size: 3)), gathered, indices)
    #expect(scattered.doubles == [1, 2, 0, 0, 10, 12])
  }

  @Test func integersAndConversions() throws {
    let x = Tensor([5], .i32, [7, -7, 7, -7, 7])
    let y = Tensor([5], .i32, [2, 2, -2, -2, 0])
    #expect(try evaluate(.elementwise(.binary(.divide)), x, y).doubles == [3, -3, -3, 3, 0])
    let numbers = Tensor([6], .f64, [-1.9, 1.9, .nan, .infinity, -3e9, 0])
    #expect(
      try evaluate(.elementwise(.convert(.i32)), numbers).storage
        == .i32([-1, 1, 0, .max, .min, 0]))
    #expect(
      try evaluate(.elementwise(.convert(.bool)), numbers).storage
        == .bool([true, true, true, true, true, false]))
    #expect(try evaluate(.constant(-7, .i64)).storage == .i64([-7]))
  }

  /// f32 results are rounded once, when they are written: 2^24 + 1 is no Float.
  @Test func singlePrecisionIsRoundedAtTheEnd() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [], .f32)
    let sum = x + 1
    let graph = builder.build(outputs: [sum, sum - x])
    let results = try interpreter.evaluate(graph, [Tensor(scalar: 16_777_216, .f32)])
    #expect(results.map(\.scalarValue) == [16_777_216, 1])
  }

  /// A compiled graph reads its buffers anew at each run.
  @Test func buffersMayChangeBetweenRuns() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2], .f32)
    let executable = try interpreter.compile(builder.build(outputs: [x * 2]))
    let (input, output) = (HostBuffer(x.type), HostBuffer(x.type))
    executable.bind(input: 0, to: input)
    executable.bind(output: 0, to: output)
    for value in [1.0, -3] {
      input.write(Tensor([2], .f32, repeating: value))
      try executable.run()
      #expect(output.read() == Tensor([2], .f32, repeating: 2 * value))
    }
    #expect(executable.workspaceByteCount >= 16)
  }

  private static let convolutionOutput: [Double] = [
    1, -15, 13, 3, -9, 18, -16, -10, -5, 9, -10, -16, 6, 5, -2, 15, -9, -13, -7, -18,
    -3, 18, 9, -2, -16, -9, 15, -27, 19, 18, -20, -12, 5, 3, -6, 17, 9, 7, -4, -16, -9,
    -10, -8, 1, -6, 15, 9, -3,
  ]

  private static let inputGradient: [Double] = [
    6, 4, 0, -8, 0, 2, -8, 0, 2, 0, 3, 5, 0, -6, 0, 0, 0, 0, 0, 0, 6, 5, 0, -7, 0, 4, 4,
    0, 0, 0, 5, 3, 0, -8, 0, 0, 0, 0, 0, 0, -6, 0, 0, 3, 0, 3, 6, 0, -8, 0, -8, -8, 0,
    6, 0, 0, 0, 0, 0, 0, 3, 5, 0, -6, 0, 2, 6, 0, -8, 0, 5, 6, 0, 6, 0, 0, 0, 0, 0, 0,
    5, 6, 0, 6, 0, 2, 5, 0, 2, 0, -8, -8, 0, 3, 0, 0, 0, 0, 0, 0, 4, 6, 0, 6, 0, 3, 0,
    0, 4, 0, -7, -6, 0, 5, 0, 0, 0, 0, 0, 0, 5, 4, 0, -6, 0, 4, 5, 0, 3, 0, 3, 1, 0, -8,
    0, 0, 0, 0, 0, 0, -8, -8, 0, 3, 0, 2, 4, 0, 2, 0, -6, -7, 0, 5, 0, 0, 0, 0, 0, 0,
  ]

  private static let weightGradient: [Double] = [
    5, -4, -15, 5, 2, 4, 7, -22, -1, 4, 6, 2, -1, -4, 1, 16, -2, 12, -13, -1, 1, -12,
    -5, -1, 4, 0, -3, -1, 10, 0, 11, -4, -6, 3, -3, 10, 10, -6, -9, 4, -1, 1, 7, 6, -15,
    -2, -4, 12,
  ]
}
