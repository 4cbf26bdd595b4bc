import TensorGraph

/// The equations of a layer y = op(a, W) below an activation that turns, for its input a.
///
/// A value h of the activation has two arguments y₁ and y₂, and cotangents c₁ and c₂ of y there. Between
/// the two, both are linear in one number t, or, t being eliminated, the cotangent is linear in the
/// argument itself: c(y) = c₁ + (y - y₁) (c₂ - c₁) / (y₂ - y₁). With it the weight's gradient
/// op'(a, c(op(a, W))) is quadratic in a, and where it and the values of the other elements
/// suffice, a solution has every y at y₁ or y₂ without being told so.
final class BranchResiduals: ResidualSquares {
  private let smoothness: ValueHandle

  /// - Parameters:
  ///   - op: the layer; `isInputFirst` tells which of its operands is a.
  ///   - state: of y, with its branches; both are beside each other in `branches`.
  ///   - scale: what the weight's gradient is multiplied with, so that its equations weigh as those of
  ///     the values.
  ///   - isImage: whether a holds pixels in 0...1.
  init(
    _ op: Op, inputShape: Shape, isInputFirst: Bool, weight: Tensor, gradient: Tensor,
    _ branches: Branches, scale: Double, isImage: Bool, backend: any Backend
  ) throws(GraphError) {
    let builder = GraphBuilder()
    var fixed: [(input: Value, buffer: HostBuffer)] = []
    func fixedInput(_ name: String, _ tensor: Tensor) -> Value {
      let value = builder.input(name, tensor.shape, .f64, role: .fixed)
      fixed.append((value, HostBuffer(tensor.converted(to: .f64))))
      return value
    }
    let a = builder.input("input", inputShape, .f64, role: .varying)
    let w = fixedInput("weight", weight)
    let y = try builder.add(op, isInputFirst ? [a, w] : [w, a])
    func elements(_ name: String, _ numbers: [Double]) -> Value {
      fixedInput(name, Tensor(y.shape, .f64(numbers)))
    }
    let cotangent =
      elements("cotangent at 0", branches.cotangentAtZero)
      + elements("cotangent's slope", branches.cotangentSlopes) * y
    let g = y.pullback(cotangent, to: [w])[0]
    let bounds = elements("weights of bounds", branches.boundWeights)
    let smoothness = fixedInput("smoothness", Tensor([], .f64, repeating: 0))
    var residuals = [
      (y - elements("value", branches.values)) * elements("weights", branches.weights),
      (g - fixedInput("gradient", gradient)) * scale,
      (elements("lower", branches.lower) - y).relu() * bounds,
      (y - elements("upper", branches.upper)).relu() * bounds,
    ]
    if isImage {
      residuals += [(-a).relu(), (a - 1).relu()].map { $0 * BranchResiduals.pixelBound }
      residuals += a.neighbourDifferences.map {
        $0 * smoothness.broadcast(to: $0.shape, axes: [])
      }
    }
    self.smoothness = smoothness.handle
    try super.init(residuals, of: a, fixed: fixed, backend: backend)
  }

  /// Weight of a pixel beyond 0...1.
  private static let pixelBound = 1.0

  /// Weight of neighbours' differences, where a is an image.
  func setSmoothness(_ weight: Double) {
    set(smoothness, to: weight)
  }
}
