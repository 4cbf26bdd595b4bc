import Clients
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds which tokens stand together in a text of an encoder, by least squares.
///
/// The first layer's attention output of token i in head h is oₕ = Σⱼ xⱼ eᵢⱼ vⱼ / Σⱼ xⱼ eᵢⱼ over the tokens
/// of its text, where e and v follow from tokens and positions, and x is 1 for the tokens of the text and
/// 0 for others. The gradient of the layer that reads the outputs tells their span (as ``AttentionSpan``
/// does of attention inputs), so that o must have no part in its complement C. With numbers x instead of
/// choices that is a smooth system C o(x) = 0 with more equations than unknowns while twice the number of
/// tokens is below the number of features, and is solved by Gauss-Newton steps from equal shares.
struct ContextRelaxation {
  /// A token at a position.
  struct Unit: Hashable {
    let position: Int
    let token: Int
  }

  let units: [Unit]
  private let queries: [[Double]]
  private let keys: [[Double]]
  /// For each unit and head, one after the other, the projection of the head's value on the complement.
  private let projectedValues: [[Double]]
  /// Directions of the complement.
  private let directions: Int
  private let heads: Int
  private let width: Int
  /// Positions that every text has.
  private let commonLength: Int
  private let algebra: any LinearAlgebra

  private static let iterations = 80

  /// - Throws: ``AttackError`` when the update lacks the gradient, or the backend cannot run the model.
  init(
    _ sets: SpanSets, ending: [Int], update: TextUpdate, rounding: [String: Double],
    weights: ParameterBuffers, backend: any Backend
  ) throws(AttackError) {
    commonLength =
      ending.last.flatMap { last in sets.tokens.firstIndex { $0.contains(last) } } ?? 1
    let model = weights.model
    width = model.configuration.width
    heads = model.configuration.heads
    algebra = backend.linearAlgebra
    let units = sets.tokens.enumerated().flatMap { position, tokens in
      tokens.map { Unit(position: position, token: $0) }
    }
    self.units = units
    let span = try AttentionSpan(
      update, model.names.attentionOutput(layer: 0), width: width, layer: 0, rounding: rounding,
      backend: backend)
    let projections = try ContextRelaxation.projections(units, weights, backend: backend)
    (queries, keys) = (projections[0], projections[1])
    directions = span.complement.shape[0]
    let basis = (0..<directions).map { span.complement.row($0) }
    let (heads, headWidth) = (heads, width / heads)
    projectedValues = projections[2].map { value in
      (0..<heads).flatMap { head in
        basis.map { direction in
          (head * headWidth..<(head + 1) * headWidth).reduce(0) { $0 + direction[$1] * value[$1] }
        }
      }
    }
  }

  private static func projections(
    _ units: [Unit], _ weights: ParameterBuffers, backend: any Backend
  ) throws(AttackError) -> [[[Double]]] {
    let model = weights.model
    let (names, width) = (model.names, model.configuration.width)
    let words = weights.tensor(names.tokenEmbedding)
    let places = weights.tensor(names.positionEmbedding)
    let shape: Shape = [units.count, width]
    let builder = GraphBuilder()
    let inputs = [
      builder.input("token embeddings", shape, .f64), builder.input("positions", shape, .f64),
    ]
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: .f64, values: nil, role: .fixed)
    let outputs = TextForwardPass(
      model.configuration, ForwardScope(context: context, path: "")
    ).firstProjections(tokenRows: inputs[0], positionRows: inputs[1])
    let tensors =
      [
        Tensor(shape, .f64(units.flatMap { words.row($0.token) })),
        Tensor(shape, .f64(units.flatMap { places.row($0.position) })),
      ] + context.parameters.map { weights.tensor($0.name).converted(to: .f64) }
    do {
      return try backend.evaluate(builder.build(outputs: outputs), tensors).map { tensor in
        units.indices.map { tensor.row($0) }
      }
    } catch {
      throw AttackError("the first layer cannot be run: \(error.message)", .backendFailed)
    }
  }

  /// Whether there are far more equations than unknowns.
  var isOverdetermined: Bool { 2 * units.count <= directions }

  /// How much each unit belongs to the text of unit `anchor`: near 1 or 0 where the gradient tells.
  ///
  /// - Parameter isBounded: whether shares are kept within 0...1 with a sum of 1 at each position, which
  ///   many candidates need; without bounds the way to a solution is less often barred.
  func shares(anchor: Int, isBounded: Bool) -> [Double] {
    let range = isBounded ? 0.0...1.0 : -0.5...1.5
    let sumWeight = isBounded ? 1.0 : 0
    let free = units.indices.filter { units[$0].position != units[anchor].position }
    let perPosition = Dictionary(grouping: free) { units[$0].position }.mapValues(\.count)
    var shares = units.indices.map { index -> Double in
      index == anchor ? 1 : 1 / Double(perPosition[units[index].position] ?? .max)
    }
    for index in units.indices where index != anchor && !free.contains(index) { shares[index] = 0 }
    let weights = attention(of: anchor)
    var mixture = Mixture(shares, weights, self)
    var value = squares(mixture, shares, sumWeight)
    let start = value
    var damping = 1e-3
    for iteration in 0..<ContextRelaxation.iterations where value > 1e-18 && damping < 1e8 {
      // A right text is reached in few steps.
      if iteration == (isBounded ? 50 : 20), value > 1e-2 * start { break }
      let columns = free.map { extended(mixture.column($0, weights, self), $0, sumWeight) }
      let residual = mixture.residual + surpluses(shares, sumWeight)
      // A share of 0 that would fall further stays where it is.
      let active = free.indices.filter {
        !isBounded || shares[free[$0]] > 1e-9
          || SpanCoefficients.product(columns[$0], residual) < 0
      }
      guard let step = dampedStep(active.map { columns[$0] }, residual, damping: damping) else {
        damping *= 10
        continue
      }
      var trial = shares
      for (index, change) in zip(active.map { free[$0] }, step) {
        trial[index] = min(max(trial[index] - change, range.lowerBound), range.upperBound)
      }
      let next = Mixture(trial, weights, self)
      let nextValue = squares(next, trial, sumWeight)
      if next.totals.allSatisfy({ $0 > 0 }), nextValue < value {
        let ratio = nextValue / value
        (shares, mixture, value) = (trial, next, nextValue)
        damping = max(damping / 10, 1e-12)
        if ratio > 0.9999 { break }
      } else {
        damping *= 10
      }
    }
    return shares
  }

  /// The attention output of the anchor for given shares, projected on the complement.
  private struct Mixture {
    /// The parts of the heads, one after the other.
    private var parts: [Double]
    /// Each head's sum of weights.
    private(set) var totals: [Double]
    /// The sum of the parts.
    private(set) var residual: [Double]

    init(_ shares: [Double], _ weights: [[Double]], _ system: ContextRelaxation) {
      let (heads, count) = (system.heads, system.directions)
      parts = [Double](repeating: 0, count: heads * count)
      totals = [Double](repeating: 0, count: heads)
      residual = [Double](repeating: 0, count: count)
      for (unit, share) in shares.enumerated() where share != 0 {
        let values = system.projectedValues[unit]
        for head in 0..<heads {
          let weight = share * weights[head][unit]
          totals[head] += weight
          for index in head * count..<(head + 1) * count { parts[index] += weight * values[index] }
        }
      }
      for head in 0..<heads {
        for index in 0..<count {
          parts[head * count + index] /= totals[head]
          residual[index] += parts[head * count + index]
        }
      }
    }

    /// The derivative of the residual with respect to a unit's share.
    func column(_ unit: Int, _ weights: [[Double]], _ system: ContextRelaxation) -> [Double] {
      let count = system.directions
      var result = [Double](repeating: 0, count: count)
      let values = system.projectedValues[unit]
      for head in totals.indices {
        let factor = weights[head][unit] / totals[head]
        for index in 0..<count {
          result[index] += factor * (values[head * count + index] - parts[head * count + index])
        }
      }
      return result
    }
  }

  /// By how much the shares at each position that all texts reach exceed 1.
  private func surpluses(_ shares: [Double], _ weight: Double) -> [Double] {
    var sums = [Double](repeating: -1, count: commonLength)
    for (unit, share) in zip(units, shares) where unit.position < commonLength {
      sums[unit.position] += share
    }
    return sums.map { weight * $0 }
  }

  private func squares(_ mixture: Mixture, _ shares: [Double], _ weight: Double) -> Double {
    let surpluses = surpluses(shares, weight)
    return SpanCoefficients.product(mixture.residual, mixture.residual)
      + SpanCoefficients.product(surpluses, surpluses)
  }

  /// A column with the derivatives of the surpluses.
  private func extended(_ column: [Double], _ unit: Int, _ weight: Double) -> [Double] {
    var sums = [Double](repeating: 0, count: commonLength)
    if units[unit].position < commonLength { sums[units[unit].position] = weight }
    return column + sums
  }

  /// exp(qᵢ·kⱼ / √width of a head) for each head and unit j, up to a factor for each head.
  private func attention(of anchor: Int) -> [[Double]] {
    let headWidth = width / heads
    return (0..<heads).map { head in
      let range = head * headWidth..<(head + 1) * headWidth
      let scores = keys.map { key in
        range.reduce(0) { $0 + queries[anchor][$1] * key[$1] } / Double(headWidth).squareRoot()
      }
      let largest = scores.max() ?? 0
      return scores.map { exp($0 - largest) }
    }
  }

  /// The step of Levenberg and Marquardt: damping in proportion to the diagonal.
  private func dampedStep(
    _ columns: [[Double]], _ residual: [Double], damping: Double
  ) -> [Double]? {
    let count = columns.count
    var gram = [Double](repeating: 0, count: count * count)
    for row in 0..<count {
      for column in row..<count {
        gram[row * count + column] = SpanCoefficients.product(columns[row], columns[column])
      }
      gram[row * count + row] *= 1 + damping
      gram[row * count + row] += 1e-24
    }
    let right = columns.map { SpanCoefficients.product($0, residual) }
    guard let step = algebra.solvePositiveDefinite(gram, right) else { return nil }
    return step.allSatisfy(\.isFinite) ? step : nil
  }
}
