import Clients
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
  /// Dimension of the space that the span lies in: the number of features d, or the rank of adapters.
  let width: Int
  /// Singular values of the stacked gradients, each of norm 1, descending.
  let singularValues: [Double]
  /// What is orthogonal to the span, as rows [k, d] in f64, the surest first: an orthonormal basis, or
  /// with adapters its products with their first layers, as long as a basis on the average.
  let complement: Tensor
  /// The largest singular value that known noise alone would have; 0 without noise.
  let noiseLevel: Double
  /// The same of what the rounding of weights makes of their differences; 0 for gradients.
  let weightRoundingLevel: Double
  /// Whether it is a sum over local steps, in which what the layer reads moves.
  let isSummed: Bool

  /// Singular values below this, relative to the largest, are rounding: that of f32 gradients, and
  /// what is left of f64 in the square root of a Gram matrix's eigenvalues.
  private static let roundingLevel = 2e-8

  /// Ratio of the last singular value of the span to the next.
  var gap: Double { AttentionSpan.gap(singularValues, rank, floor: weightRoundingLevel) }

  private static func gap(_ values: [Double], _ rank: Int, floor: Double = 0) -> Double {
    guard rank > 0, rank < values.count else { return 1 }
    return values[rank - 1] / max(values[rank], roundingLevel * values[0], floor)
  }

  /// Whether the gradient separates a span from its complement: DAGER's rank condition,
  /// fewer independent tokens than features. Normalisation itself takes one direction away from every
  /// vector, and a complement of few directions tells little.
  ///
  /// Under noise that the attacker knows of, no gap shows; what is above its level is of the span.
  var isInformative: Bool {
    rank > 0 && rank <= width - max(2, width / 20) && (gap >= 10 || isNoisy || isRounded)
  }

  /// Whether the rounding of weights, and not that of the gradient's own numbers, hides what is below it.
  private var isRounded: Bool {
    weightRoundingLevel > 10 * AttentionSpan.roundingLevel * (singularValues.first ?? 0)
  }

  /// Whether known noise, and not rounding, decides what is of the span.
  var isNoisy: Bool {
    noiseLevel > 10 * AttentionSpan.roundingLevel * (singularValues.first ?? 0)
  }

  /// How far from the span, relative to their length, members may seem to be because of rounding.
  var tolerance: Double {
    isNoisy ? largestTolerance : min(max(30 / gap, 1e-5), largestTolerance)
  }

  /// What no member exceeds: far below the distance of other vectors, which is about √((d - rank) / d).
  var largestTolerance: Double {
    // A member is off by what hides the rest of the spectrum, relative to the weakest direction it needs.
    let share =
      isNoisy ? 0.4 : isRounded || isSummed ? min(max(1.5 / gap, 0.02), 0.4) : 0.02
    return share * (Double(width - rank) / Double(width)).squareRoot()
  }

  /// The span of what a layer reads in attention.
  ///
  /// - Parameter rounding: deviations of the rounding of weights, by parameter.
  /// - Throws: ``AttackError`` when the update lacks the gradients of the layer's projections.
  init(
    _ update: TextUpdate, model: TextModel, layer: Int, rounding: [String: Double] = [:],
    backend: any Backend
  ) throws(AttackError) {
    if let adapters = update.adapters {
      let names = model.names.projections(layer: layer).names
      if let direct = try AttentionSpan(
        reductionsOf: names, update, width: model.configuration.width, layer: layer,
        backend: backend)
      {
        self = direct
        return
      }
      try self.init(
        update, adapters, names, layer: layer, backend: backend)
      return
    }
    try self.init(
      update, model.names.projections(layer: layer), width: model.configuration.width,
      layer: layer, rounding: rounding, backend: backend)
  }

  /// The span of what the layers `source` read, from their gradients.
  ///
  /// - Throws: ``AttackError`` when the update lacks them all.
  init(
    _ update: TextUpdate, _ source: (names: [String], inputsAreRows: Bool), width: Int,
    layer: Int, rounding: [String: Double] = [:], backend: any Backend
  ) throws(AttackError) {
    self.width = width
    isSummed = update.training != nil
    let (names, inputsAreRows) = source
    let used = names.filter { (update.gradients[$0]?.squaredNorm ?? 0) > 0 }
    let gradients = used.compactMap { update.gradients[$0] }
    guard !gradients.isEmpty else {
      throw AttackError(
        "DAGER reads the tokens off the gradients of the attention projections of layer "
          + "\(layer), and the update holds none (\(names[0])); use the attack lamp")
    }
    noiseLevel = AttentionSpan.noiseLevel(
      zip(gradients, used.map { update.noiseDeviations[$0] ?? 0 }), width: width)
    // Steps that are alike err alike, which adds up to more than chance would.
    weightRoundingLevel =
      1.5
      * AttentionSpan.noiseLevel(zip(gradients, used.map { rounding[$0] ?? 0 }), width: width)
    (rank, singularValues, complement) = try AttentionSpan.split(
      gradients, inputsAreRows: inputsAreRows, width: width, layer: layer, noise: noiseLevel,
      floor: weightRoundingLevel, backend: backend)
  }

  /// The largest singular value of noise on stacked gradients, each scaled to norm 1: that of an [m, d]
  /// matrix of numbers of deviation σ is σ (√m + √d) (Marchenko and Pastur 1967).
  private static func noiseLevel(
    _ gradients: some Sequence<(Tensor, Double)>, width: Int
  ) -> Double {
    var square = 0.0
    for (gradient, deviation) in gradients {
      let rows = Double(gradient.shape.elementCount / width)
      let edge = deviation * (rows.squareRoot() + Double(width).squareRoot())
      square += edge * edge / gradient.squaredNorm
    }
    return square.squareRoot()
  }

  /// The span of what a layer reads, as the first layers A of its adapters show it once B is not 0: the
  /// gradient of A is s Bᵀ ∂L/∂W', whose rows are combinations of the inputs themselves.
  ///
  /// - Returns: nil where there are no such gradients, or no more rows than the span has dimensions, so
  ///   that it may be cut short.
  private init?(
    reductionsOf names: [String], _ update: TextUpdate, width: Int, layer: Int,
    backend: any Backend
  ) throws(AttackError) {
    let gradients = names.compactMap { update.reductionGradients[$0] }
      .filter { $0.squaredNorm > 0 }
    guard !gradients.isEmpty else { return nil }
    self.width = width
    (noiseLevel, weightRoundingLevel, isSummed) = (0, 0, false)
    (rank, singularValues, complement) = try AttentionSpan.split(
      gradients, inputsAreRows: false, width: width, layer: layer, backend: backend)
    let rows = gradients.reduce(0) { $0 + $1.shape[0] }
    guard rank < rows, isInformative else { return nil }
  }

  /// The span of what a layer reads, as its adapters show it: the gradient of B is s ∂L/∂W Aᵀ, whose rows
  /// are combinations of A z for the inputs z. With fewer tokens than the adapters' rank these span
  /// less than all, and each adapter checks z by its own A (Petrov et al. 2024, section 5.4).
  private init(
    _ update: TextUpdate, _ adapters: LowRankAdapters, _ names: [String], layer: Int,
    backend: any Backend
  ) throws(AttackError) {
    width = adapters.rank
    (noiseLevel, weightRoundingLevel, isSummed) = (0, 0, false)
    var parts: [(rank: Int, values: [Double], rows: Tensor)] = []
    for name in names {
      guard let gradient = update.adapterGradients[name], gradient.squaredNorm > 0,
        let reduction = adapters.reductions[name]
      else { continue }
      let (rank, values, basis) = try AttentionSpan.split(
        [gradient], inputsAreRows: false, width: adapters.rank, layer: layer, backend: backend)
      parts.append((rank, values, AttentionSpan.product(basis, reduction)))
    }
    // An adapter that saw fewer tokens, such as the queries of a classifier's last layer, would rule
    // out the others.
    let largest = parts.map(\.rank).max() ?? 0
    parts = parts.filter { $0.rank == largest }
    guard let first = parts.first else {
      throw AttackError(
        "DAGER reads the tokens off the gradients of the attention's adapters in layer \(layer), and "
          + "the update holds none (\(names[0]))")
    }
    rank = largest
    // That of the smallest gap decides.
    singularValues =
      parts.map(\.values).min { AttentionSpan.gap($0, largest) < AttentionSpan.gap($1, largest) }
      ?? first.values
    let share = 1 / Double(parts.count).squareRoot()
    let rows = (0..<adapters.rank - largest).flatMap { row in
      parts.flatMap { $0.rows.row(row).map { share * $0 } }
    }
    complement = Tensor(
      [(adapters.rank - largest) * parts.count, first.rows.shape[1]], .f64(rows))
  }

  /// Rows of `basis` [k, rank] by `reduction` [rank, d], which is scaled so that a vector keeps the share
  /// of its length that the rank is of d, on the average.
  private static func product(_ basis: Tensor, _ reduction: Tensor) -> Tensor {
    let (rank, width) = (reduction.shape[0], reduction.shape[1])
    let scale = (Double(width) / max(reduction.squaredNorm, .leastNormalMagnitude)).squareRoot()
    let rows = (0..<rank).map { reduction.row($0) }
    var elements: [Double] = []
    for index in 0..<basis.shape[0] {
      var sum = [Double](repeating: 0, count: width)
      for (factor, row) in zip(basis.row(index), rows) {
        for column in 0..<width { sum[column] += scale * factor * row[column] }
      }
      elements += sum
    }
    return Tensor([basis.shape[0], width], .f64(elements))
  }

  /// Rank, singular values and complement of the space that gradients span.
  private static func split(
    _ gradients: [Tensor], inputsAreRows: Bool, width: Int, layer: Int, noise: Double = 0,
    floor: Double = 0, backend: any Backend
  ) throws(AttackError) -> (rank: Int, values: [Double], complement: Tensor) {
    let gram = try AttentionSpan.gramMatrix(
      gradients, inputsAreRows: inputsAreRows, width: width, backend: backend)
    let matrix = HostBuffer(gram)
    guard let values = backend.linearAlgebra.symmetricEigenvalues(matrix, vectors: true) else {
      throw AttackError("the attention gradients of layer \(layer) are damaged: no eigenvalues")
    }
    let descending = values.reversed().map { max($0, 0).squareRoot() }
    let isNoisy = noise > 10 * roundingLevel * (descending.first ?? 0)
    // A little above its edge, since a sample's largest value scatters.
    let rank =
      isNoisy
      ? descending.prefix { $0 > 1.05 * noise }.count : AttentionSpan.rank(descending, floor: floor)
    let vectors = matrix.pointer(as: Double.self)
    return (
      rank, descending,
      Tensor([width - rank, width], .f64(Array(vectors[0..<(width - rank) * width])))
    )
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
  private static func rank(_ values: [Double], floor: Double) -> Int {
    guard let largest = values.first, largest > 0 else { return 0 }
    let floor = max(roundingLevel * largest, floor)
    var (best, bestRatio) = (values.count, 1.0)
    for index in values.indices where values[index] > floor {
      let next = index + 1 < values.count ? max(values[index + 1], floor) : values[index]
      // A tie goes to the larger rank, which loses no member.
      if values[index] / next >= bestRatio, index + 1 < values.count {
        (best, bestRatio) = (index + 1, values[index] / next)
      }
    }
    // Without a clear fall, all that is above what hides the rest.
    if floor > 10 * roundingLevel * largest, bestRatio < 10 {
      return values.prefix { $0 > floor }.count
    }
    return best
  }
}
