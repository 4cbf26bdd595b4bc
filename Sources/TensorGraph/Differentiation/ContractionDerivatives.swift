extension Value {
  /// Each contraction is linear in both operands, and the family is closed: matrix products
  /// differentiate to matrix products, the three convolutions to one another.
  func contractionCotangents(
    _ op: ContractionOp, for cotangent: Value, isNeeded: [Bool]
  ) -> [Value?] {
    let (left, right) = (operands[0], operands[1])
    switch op {
    case .matmul(let transposeA, let transposeB):
      return [
        isNeeded[0] ? cotangent.matmulLeftCotangent(right, transposeA, transposeB) : nil,
        isNeeded[1] ? cotangent.matmulRightCotangent(left, transposeA, transposeB) : nil,
      ]
    case .convolution(let convolution):
      return [
        isNeeded[0]
          ? cotangent.convolutionInputGradient(right, convolution, inputSize: left.planeSize) : nil,
        isNeeded[1]
          ? left.convolutionWeightGradient(cotangent, convolution, kernelSize: right.planeSize)
          : nil,
      ]
    case .convolutionInputGradient(let convolution, _):
      return [
        isNeeded[0] ? cotangent.convolve(right, convolution) : nil,
        isNeeded[1]
          ? cotangent.convolutionWeightGradient(left, convolution, kernelSize: right.planeSize)
          : nil,
      ]
    case .convolutionWeightGradient(let convolution, _):
      return [
        isNeeded[0]
          ? right.convolutionInputGradient(cotangent, convolution, inputSize: left.planeSize) : nil,
        isNeeded[1] ? left.convolve(cotangent, convolution) : nil,
      ]
    }
  }

  /// The extents of the last two of four axes.
  private var planeSize: Size2D { Size2D(shape[2], shape[3]) }

  // With C = A' B', where ' is the transposition a flag asks for: dA' = dC B'ᵀ and dB' = A'ᵀ dC.

  private func matmulLeftCotangent(
    _ right: Value, _ transposeA: Bool, _ transposeB: Bool
  ) -> Value {
    transposeA
      ? right.matmul(self, transposeA: transposeB, transposeB: true)
      : matmul(right, transposeA: false, transposeB: !transposeB)
  }

  private func matmulRightCotangent(
    _ left: Value, _ transposeA: Bool, _ transposeB: Bool
  ) -> Value {
    transposeB
      ? matmul(left, transposeA: true, transposeB: transposeA)
      : left.matmul(self, transposeA: !transposeA, transposeB: false)
  }
}
