import TensorGraph

/// The gradient of a layer's weight as the factors whose product it is: with P positions, over all
/// images, at which the layer was applied, G = Δᵀ X, where row p of X [P, K] is what the weight was
/// multiplied by at position p, and row p of Δ [P, O] the cotangent of what came out.
///
/// Inner products of such gradients need no gradient: ‖G‖² = Σ (X Xᵀ) ∘ (Δ Δᵀ) has P² terms, and
/// ⟨G, T⟩ = ⟨Δ, X Tᵀ⟩ is the layer applied with weight T. (Goodfellow 2015, arXiv 1510.01799, takes
/// norms of gradients so; Li et al. 2022, arXiv 2110.05679, call it ghost clipping.) Where T is fixed
/// and P is small, what is left of a large weight's gradient is one more pass through the layer.
struct FactoredGradient {
  /// X, as the layer reads it: [P, K], or [N, C, H, W].
  private let input: Value
  /// Δ: [P, O], or [N, O, oH, oW].
  private let cotangent: Value
  /// How the layer slides over its input; nil for a product of matrices.
  private let window: (convolution: Convolution, kernelSize: Size2D)?

  /// - Parameters:
  ///   - smallestElementCount: with fewer elements the whole gradient stays in the cache, and little
  ///     is gained.
  ///   - outputsPerPosition: O / P from which on the products of positions are the cheaper.
  /// - Returns: nil where `gradient` is not such a product, or is cheaper as a whole.
  init?(
    _ gradient: Value, smallestElementCount: Int = 1 << 16, outputsPerPosition: Int = 4
  ) {
    guard gradient.shape.elementCount >= smallestElementCount else { return nil }
    let operands = gradient.operands
    guard case .contraction(let op) = gradient.node.op else { return nil }
    switch op {
    case .matmul(transposeA: true, transposeB: false) where gradient.shape.rank == 2:
      (cotangent, input) = (operands[0], operands[1])
      window = nil
    case .convolutionWeightGradient(let convolution, let kernelSize) where convolution.groups == 1:
      (input, cotangent) = (operands[0], operands[1])
      window = (convolution, kernelSize)
    case .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient:
      return nil
    }
    let positions = cotangent.shape.elementCount / max(gradient.shape[0], 1)
    guard outputsPerPosition * positions <= gradient.shape[0] else { return nil }
  }

  /// ⟨G, T⟩ with a tensor of the weight's shape: a scalar.
  func product(with tensor: Value) -> Value {
    guard let window else { return (cotangent * input.matmul(tensor, transposeB: true)).sum() }
    return (cotangent * input.convolve(tensor, window.convolution)).sum()
  }

  /// ‖G‖²: a scalar.
  var squaredNorm: Value {
    guard window != nil else {
      let inputs = input.matmul(input, transposeB: true)
      return (inputs * cotangent.matmul(cotangent, transposeB: true)).sum()
    }
    let patches = patches
    let inputs = patches.matmul(patches, transposeB: true)
    // [O, P]; of one image it lies so already.
    let outputs = cotangent.transpose([1, 0, 2, 3])
      .reshape(to: [cotangent.shape[1], patches.shape[0]])
    return (inputs * outputs.matmul(outputs, transposeA: true)).sum()
  }

  /// X [P, K] of a convolution: the gradient of its weight where each position has an output of its
  /// own, with cotangent 1 there and 0 elsewhere.
  private var patches: Value {
    guard let window else { return input }
    let (images, height, width) = (cotangent.shape[0], cotangent.shape[2], cotangent.shape[3])
    let positions = images * height * width
    let builder = input.builder
    let shape: Shape = [positions, positions]
    let identity = builder.iota(shape, axis: 0).equal(to: builder.iota(shape, axis: 1))
      .convert(to: input.dtype)
      .reshape(to: [positions, images, height, width]).transpose([1, 0, 2, 3])
    let gradient = input.convolutionWeightGradient(
      identity, window.convolution, kernelSize: window.kernelSize)
    return gradient.reshape(to: [positions, gradient.shape.elementCount / max(positions, 1)])
  }
}
