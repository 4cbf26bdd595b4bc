import Clients
import Solvers
import TensorGraph

/// One image of a vision transformer whose first attention reads its patches; see `April`.
public struct AprilAttack: ClosedFormAttack {
  /// `april`.
  public let descriptor = AttackDescriptor(
    name: .april, summary: "closed form for a transformer that reads its patches directly",
    paper: "Lu et al. 2022, arXiv 2112.14087", needs: AttackNeed.gradient,
    category: .informedEavesdropper, searches: false)

  /// The attack; it has no options.
  public init() {}

  /// The patches from the position embedding's gradient.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    try problem.requireEveryGradient("APRIL")
    let result = try April(problem.weighted, backend: problem.backend).reconstruct(problem.update)
    return ClosedFormSolution(images: result.image, labels: [result.label])
  }
}

/// APRIL (Lu et al. 2022, arXiv 2112.14087, section 4): the input of a vision transformer whose first
/// attention reads the embedded patches directly, in closed form.
///
/// Let z [T, D] be patches plus positions. The position embedding's gradient is ∂ℓ/∂z =: A. Queries, keys
/// and values are linear in z, and so Aᵀ z = Wᵀ ∂ℓ/∂W for the three weights together: a linear system for
/// z. From z the positions are subtracted, and the patch embedding is undone. One image; no search.
package struct April: Sendable {
  package struct Result: Sendable {
    /// [1, C, H, W] in f64.
    package let image: Tensor
    package let label: Int
    /// Largest by smallest singular value of A: what noise in the gradient is multiplied with.
    package let condition: Double
  }

  private let weighted: WeightedModel
  private let algebra: any LinearAlgebra
  private let positions: Int
  private let attention: Int
  private let patchWeight: Int
  private let patchBias: Int

  /// - Throws: ``AttackError`` when the model is no such transformer.
  package init(_ weighted: WeightedModel, backend: any Backend) throws(AttackError) {
    let model = weighted.model
    func index(_ name: String) throws(AttackError) -> Int {
      guard let index = model.parameters.firstIndex(where: { $0.name == name }) else {
        throw AttackError(
          "APRIL needs a vision transformer, and \(model.name) has no parameter \(name); use "
            + "the model vit-april")
      }
      return index
    }
    positions = try index("pos_embed")
    attention = try index("blocks.0.attn.qkv.weight")
    patchWeight = try index("patch_embed.proj.weight")
    patchBias = try index("patch_embed.proj.bias")
    guard April.readsEmbeddingDirectly(model, positions: positions, attention: attention) else {
      throw AttackError(
        "the first attention of \(model.name) reads its input through a normalisation or beside a "
          + "skip connection, so the position embedding's gradient is not that of the attention's "
          + "input alone; use the model vit-april, or the attack auto")
    }
    self.weighted = weighted
    algebra = backend.linearAlgebra
  }

  /// - Throws: ``AttackError`` when the update comes from several images or the system is singular.
  package func reconstruct(_ update: SharedUpdate) throws(AttackError) -> Result {
    try update.requireOneGradient("APRIL")
    let label = try LabelRecovery.singleLabel(of: update, model: weighted.model)
    let gradient = update.gradients[positions]
    let (tokens, features) = (gradient.shape[1], gradient.shape[2])
    let weight = weighted.parameters[attention].doubles
    let weightGradient = update.gradients[attention].doubles
    let right = product(
      transposed(weight, rows: 3 * features, columns: features), weightGradient,
      rows: features, inner: 3 * features, columns: features)
    // Aᵀ z = b, by the pseudo-inverse of Aᵀ.
    let a = transposed(gradient.doubles, rows: tokens, columns: features)
    let (z, condition) = try leastSquares(
      a, rows: features, columns: tokens, right, targets: features,
      "the position embedding's gradient")
    let image = try pixels(of: z, tokens: tokens, features: features)
    return Result(image: image, label: label, condition: condition)
  }

  /// Undoes positions and patch embedding.
  private func pixels(
    of z: [Double], tokens: Int, features: Int
  ) throws(AttackError) -> Tensor {
    let shape = weighted.parameters[patchWeight].shape
    let (channels, size) = (shape[1], shape[2])
    let patchSize = channels * size * size
    let inputShape = weighted.model.inputShape
    let (height, width) = (inputShape[1], inputShape[2])
    let (rows, columns) = (height / size, width / size)
    let position = weighted.parameters[positions].doubles
    let bias = weighted.parameters[patchBias].doubles
    // Columns are patches; the class token comes first.
    var embedded = [Double](repeating: 0, count: features * rows * columns)
    for patch in 0..<rows * columns {
      for feature in 0..<features {
        let index = (patch + 1) * features + feature
        embedded[feature * rows * columns + patch] = z[index] - position[index] - bias[feature]
      }
    }
    let (patches, _) = try leastSquares(
      weighted.parameters[patchWeight].doubles, rows: features, columns: patchSize, embedded,
      targets: rows * columns, "the patch embedding")
    var image = [Double](repeating: 0, count: channels * height * width)
    for channel in 0..<channels {
      for y in 0..<height {
        for x in 0..<width {
          let patch = y / size * columns + x / size
          let entry = (channel * size + y % size) * size + x % size
          image[(channel * height + y) * width + x] = patches[entry * rows * columns + patch]
        }
      }
    }
    return Tensor(Shape([1] + inputShape.dimensions), .f64(image))
  }

  /// The x of least squares |A x - b| for A [rows, columns] and b [rows, targets], all row major.
  private func leastSquares(
    _ a: [Double], rows: Int, columns: Int, _ b: [Double], targets: Int, _ what: String
  ) throws(AttackError) -> (x: [Double], condition: Double) {
    let matrix = HostBuffer(Tensor([rows, columns], .f64(a)))
    guard rows >= columns, let svd = algebra.singularValueDecomposition(matrix),
      let largest = svd.values.first, let smallest = svd.values.last, smallest > 1e-14 * largest
    else {
      throw AttackError(
        "\(what) gives too few independent equations (\(rows) for \(columns) unknowns), so APRIL "
          + "cannot solve for its input; use a wider model, or the attack auto")
    }
    var middle = product(
      transposed(svd.left, rows: rows, columns: columns), b, rows: columns, inner: rows,
      columns: targets)
    for row in 0..<columns {
      for column in 0..<targets { middle[row * targets + column] /= svd.values[row] }
    }
    let x = product(
      transposed(svd.right, rows: columns, columns: columns), middle, rows: columns,
      inner: columns, columns: targets)
    return (x, largest / smallest)
  }

  private func product(
    _ a: [Double], _ b: [Double], rows: Int, inner: Int, columns: Int
  ) -> [Double] {
    var result = [Double](repeating: 0, count: rows * columns)
    result.withUnsafeMutableBufferPointer { result in
      b.withUnsafeBufferPointer { b in
        for row in 0..<rows {
          let target = MutableVector(rebasing: result[row * columns..<(row + 1) * columns])
          for index in 0..<inner {
            addScaled(
              a[row * inner + index],
              Vector(rebasing: b[index * columns..<(index + 1) * columns]), to: target)
          }
        }
      }
    }
    return result
  }

  private func transposed(_ a: [Double], rows: Int, columns: Int) -> [Double] {
    (0..<columns).flatMap { column in (0..<rows).map { a[$0 * columns + column] } }
  }

  /// Whether the sum with the positions reaches nothing but the product with the attention's weight.
  private static func readsEmbeddingDirectly(
    _ model: Model, positions: Int, attention: Int
  ) -> Bool {
    let builder = GraphBuilder()
    let parameters = model.parameters.map { builder.input($0.name, $0.shape, .f64) }
    let buffers = model.buffers.map { builder.input($0.name, $0.shape, .f64) }
    let data = builder.input("data", Shape([1] + model.inputShape.dimensions), .f64)
    let graph = builder.build(
      outputs: [model.forward(data, parameters: parameters, buffers: buffers)])
    func inputIndex(_ id: NodeID) -> Int? {
      guard case .input(let index, _) = graph[id].op else { return nil }
      return index
    }
    var embedding: Set<Int> = []
    for (index, node) in graph.nodes.enumerated() {
      if embedding.isEmpty {
        if node.operands.contains(where: { inputIndex($0) == positions }) {
          embedding.insert(index)
        }
        continue
      }
      guard node.operands.contains(where: { embedding.contains($0.index) }) else { continue }
      switch node.op {
      case .structural(.reshape):
        embedding.insert(index)
      case .contraction(.matmul)
      where node.operands.contains(where: { inputIndex($0) == attention }):
        continue
      case .input, .constant, .iota, .elementwise, .reduction, .contraction, .structural,
        .indexing:
        return false
      }
    }
    return !embedding.isEmpty
  }
}
