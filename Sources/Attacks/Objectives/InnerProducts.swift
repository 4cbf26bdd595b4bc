import TensorGraph

/// Inner products of a dummy batch's gradients and the shared ones, as of two long vectors.
struct InnerProducts {
  /// ⟨G', G⟩.
  let mixed: Value
  /// ‖G'‖².
  let left: Value
  /// ‖G‖².
  let right: Value
  /// Whether any of the gradients is never computed as such; see ``FactoredGradient``.
  let areFactored: Bool

  /// The lists hold the tensors in the same order, and must not be empty.
  init(_ gradients: [Value], _ targets: [Value]) {
    func sum(_ terms: [Value]) -> Value { terms.dropFirst().reduce(terms[0], +) }
    let factored = gradients.map { FactoredGradient($0) }
    areFactored = factored.contains { $0 != nil }
    mixed = sum(
      gradients.indices.map { index in
        factored[index]?.product(with: targets[index])
          ?? (gradients[index] * targets[index]).sum()
      })
    left = sum(
      gradients.indices.map { factored[$0]?.squaredNorm ?? gradients[$0].squared().sum() })
    right = sum(targets.map { $0.squared().sum() })
  }

  /// The cosine of the angle; 0 for a vector of zeros, as all-dead ReLU units give.
  ///
  /// 1e-24 keeps the derivative of the root finite in f32, and is far below any gradient's square.
  var cosine: Value { mixed * (left + 1e-24).rsqrt() * (right + 1e-24).rsqrt() }

  /// ‖G' - G‖² from the products. It is right to the rounding of ‖G‖², and so says little about
  /// distances far below that.
  var squaredDistance: Value { (left - 2 * mixed + right).maximum(0) }
}
