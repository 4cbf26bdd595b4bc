import TensorGraph

/// The space that a layer's attention inputs span, as the gradients of its query, key and value
/// projections tell it.
///
/// With inputs Z [n, d] (a row for each token of the batch) and Q = Z Wᵀ, ∂L/∂W = (∂L/∂Q)ᵀ Z: every row
/// is a combination of the inputs. While there are fewer tokens than features, most vectors are no such
/// combination, so that membership tells the batch's tokens from all others (Petrov et al. 2024, arXiv
/// 2405.15586, section 3.2). The three projections together span more than the query's alone: the first
/// token of a causal decoder attends to itself only, and has no query gradient.
struct AttentionSpan {
  /// Dimension of the span.
  let rank: Int
  /// Number of features d.
  let width: Int
  /// Singular values of the stacked gradients, each of norm 1, descending.
  let singularValues: [Double]
  /// An orthonormal basis of what is orthogonal to the span, [d - rank, d] in f64, the surest first.
  let complement: Tensor

  /// Singular values below this, relative to the largest, are rounding: that of f32 gradients, and
  /// what is left of f64 in the square root of a Gram matrix's eigenvalues.
  private static let roundingLevel = 2e-8

  /// Ratio of the last singular value of the span to the next.
  var gap: Double {
    guard rank > 0, rank < width else { return 1 }
    return singularValues[rank - 1]
      / max(singularValues[rank], AttentionSpan.roundingLevel * singularValues[0])
  }

  /// Whether the gradient separates a span from its complement: DAGER's rank condition,
  /// fewer independent tokens than features. Normalisation itself takes one direction away from every
  /// vector, and a complement of few directions tells little.
  var isInformative: Bool { rank > 0 && rank <= width - max(2, width / 20) && gap >= 10 }

  /// How far from the span, relative to their length, members may seem to be because of rounding.
  var tolerance: Double { min(max(30 / gap, 1e-5), largestTolerance) }

  /// What no member exceeds: far below the distance of other vectors, which is about √((d - rank) / d).
  var largestTolerance: Double { 0.02 * (Double(width - rank) / Double(width)).squareRoot() }

  /// The span of what a layer reads in attention.
  ///
  /// - Throws: ``AttackError`` when the update lacks the gradients of the layer's projections.
  init(
    _ update: TextUpdate, model: TextModel, layer: Int, backend: any Backend
  ) throws(AttackError) {
    try self.init(
      update, model.names.projections(layer: layer), width: model.configuration.width,
      layer: layer, backend: backend)
  }

  /// The span of what the layers `source` read, from their gradients.
  ///
  /// - Throws: ``AttackError`` when the update lacks them all.
  init(
    _ update: TextUpdate, _ source: (names: [String], inputsAreRows: Bool), width: Int,
    layer: Int, backend: any Backend
  ) throws(AttackError) {
    self.width = width
    let (names, inputsAreRows) = source
    let gradients = names.compactMap { update.gradients[$0] }.filter { $0.squaredNorm > 0 }
    guard !gradients.isEmpty else {
      throw AttackError(
        "DAGER reads the tokens off the gradients of the attention projections of layer "
          + "\(layer), and the update holds none (\(names[0])); use --attack lamp")
    }
    let gram = try AttentionSpan.gramMatrix(
      gradients, inputsAreRows: inputsAreRows, width: width, backend: backend)
    let matrix = HostBuffer(gram)
    guard let values = backend.linearAlgebra.symmetricEigenvalues(matrix, vectors: true) else {
      throw AttackError("the attention gradients of layer \(layer) are damaged: no eigenvalues")
    }
    let descending = values.reversed().map { max($0, 0).squareRoot() }
    let rank = AttentionSpan.rank(descending)
    self.rank = rank
    singularValues = descending
    let vectors = matrix.pointer(as: Double.self)
    complement = Tensor(
      [width - rank, width], .f64(Array(vectors[0..<(width - rank) * width])))
  }

  /// The sum of GᵀG over the gradients, each scaled to norm 1: [d, d] in f64.
  private static func gramMatrix(
    _ gradients: [Tensor], inputsAreRows: Bool, width: Int, backend: any Backend
  ) throws(AttackError) -> Tensor {
    let builder = GraphBuilder()
    var sum: Value?
    for (index, gradient) in gradients.enumerated() {
      let value = builder.input("gradient \(index)", gradient.shape, .f64)
      let gram = value.matmul(value, transposeA: !inputsAreRows, transposeB: inputsAreRows)
      let scaled = gram / gradient.squaredNorm
      sum = sum.map { $0 + scaled } ?? scaled
    }
    guard let sum else { preconditionFailure("no gradients") }
    do {
      return try backend.evaluate(
        builder.build(outputs: [sum]), gradients.map { $0.converted(to: .f64) })[0]
    } catch {
      throw AttackError("the attention gradients cannot be multiplied: \(error.message)")
    }
  }

  /// Where descending singular values fall the most from one to the next, rounding aside.
  private static func rank(_ values: [Double]) -> Int {
    guard let largest = values.first, largest > 0 else { return 0 }
    let floor = roundingLevel * largest
    var (best, bestRatio) = (values.count, 1.0)
    for index in values.indices where values[index] > floor {
      let next = index + 1 < values.count ? max(values[index + 1], floor) : values[index]
      // A tie goes to the larger rank, which loses no member.
      if values[index] / next >= bestRatio, index + 1 < values.count {
        (best, bestRatio) = (index + 1, values[index] / next)
      }
    }
    return best
  }
}
