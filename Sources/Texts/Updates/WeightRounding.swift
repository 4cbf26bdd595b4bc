import TensorGraph

/// What f32 weights do to their own differences.
///
/// A step writes w - ηg, rounded to the nearest f32 number: half an ulp of the weight off at most. Divided by
/// the learning rate η, that is an error of up to ulp / 2η in each number of the update for each step: none of
/// the client's doing, and known from the weights that the server sent.
package struct WeightRounding: Sendable, Equatable {
  package let learningRate: Double
  /// Steps, each of which rounds once.
  package let steps: Int

  package init(learningRate: Double, steps: Int) {
    self.learningRate = learningRate
    self.steps = steps
  }

  /// The deviation of the errors of a tensor's numbers, in units of the gradient: that of numbers spread
  /// evenly over an ulp, 1/√12, from steps that err independently.
  func deviation(of weights: Tensor) -> Double {
    let squares = weights.floats.reduce(into: 0.0) { sum, weight in
      let ulp = Double(weight.ulp)
      sum += ulp * ulp
    }
    let mean = squares / Double(max(weights.shape.elementCount, 1))
    return (mean * Double(steps) / 12).squareRoot() / learningRate
  }

  /// The squared distance between an update and the shared one that rounding cannot explain: each number is
  /// granted the most that the rounding of its weight may have made of it.
  ///
  /// - Parameter weights: as they were before the client's steps.
  func unexplainedSquaredDistance(_ found: Tensor, _ shared: Tensor, weights: Tensor) -> Double {
    precondition(
      found.shape == shared.shape && found.shape == weights.shape, "\(found.type), \(shared.type)")
    let factor = Double(steps) / (2 * learningRate)
    let rate = Float(learningRate)
    func sum<Found: BinaryFloatingPoint, Shared: BinaryFloatingPoint>(
      _ found: [Found], _ shared: [Shared], _ weights: [Float]
    ) -> Double {
      var sum = 0.0
      for index in found.indices {
        let distance = abs(Double(found[index]) - Double(shared[index]))
        guard distance > 0 else { continue }
        let before = weights[index]
        let after = before - rate * Float(shared[index])
        let granted = factor * Double(max(abs(before), abs(after)).ulp)
        if distance > granted { sum += (distance - granted) * (distance - granted) }
      }
      return sum
    }
    let weights = weights.floats
    switch (found.storage, shared.storage) {
    case (.f32(let found), .f32(let shared)): return sum(found, shared, weights)
    case (.f64(let found), .f32(let shared)): return sum(found, shared, weights)
    case (.f32(let found), .f64(let shared)): return sum(found, shared, weights)
    default: return sum(found.doubles, shared.doubles, weights)
    }
  }
}

extension Tensor {
  /// The elements as `Float`s.
  fileprivate var floats: [Float] {
    if case .f32(let elements) = storage { return elements }
    return doubles.map { Float($0) }
  }
}

/// How far the update of some texts is from the shared one.
struct UpdateDeviation {
  /// The squared distance, relative to the squared norm of what was shared.
  let relative: Double
  /// The same without what the rounding of weights explains; equal to it where nothing was rounded.
  let unexplained: Double

  /// Whether nothing but rounding is left.
  var isExplained: Bool { unexplained <= TextAttackResult.certainDistance }
}
