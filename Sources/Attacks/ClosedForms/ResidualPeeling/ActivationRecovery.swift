import Clients
import Solvers
import TensorGraph

/// What an activation's value, or, below pooling, the gradient of the layer above it tells of its slope.
extension ResidualPeeling {
  /// What a value, found up to errors, tells of its activation; nil, with the reason, when that is not enough.
  func known(
    _ index: Int, _ found: FoundMap, _ cotangent: Tensor, _ outcome: inout Outcome
  ) throws(GraphError) -> KnownActivation? {
    let inverse = try segments.inverse(of: index)
    if try isRectifier(inverse) {
      let scaled = zip(found.values, found.deviations ?? found.values.map { _ in 1 }).map {
        $1 > 0 ? $0 / $1 : 0
      }
      let test = isNoisy && found.deviations != nil ? ZeroTest(noisy: scaled) : ZeroTest(scaled)
      guard test.isClear else {
        outcome.reason = "its zeros cannot be told"
        return nil
      }
      return KnownActivation(
        found: found.values, isActive: scaled.map(test.isPositive),
        confidence: isNoisy ? scaled.map(test.confidence) : nil, valueCotangent: cotangent)
    }
    let value = Tensor(cotangent.shape, .f64(found.values))
    guard let arguments = try inverse.argument(for: value), arguments.other == nil else {
      outcome.reason = "its activation turns"
      return nil
    }
    return KnownActivation(
      value: value, argument: arguments.argument, isKnown: arguments.weights.map { $0 > 0 },
      valueCotangent: cotangent,
      cotangent: try inverse.argumentCotangent(cotangent, at: arguments.argument))
  }

  private func isRectifier(_ inverse: ElementwiseInverse) throws(GraphError) -> Bool {
    try inverse.agrees(with: { max($0, 0) }, at: [-100, -1, -0.01, 0.01, 1, 100])
  }

  /// The derivative of the last activation, whose value pooling hides, from a convolution whose output goes
  /// to the activation without being mixed.
  func knownBlindly(
    _ index: Int, _ cotangent: Tensor, _ outcome: inout Outcome
  ) throws(GraphError) -> KnownActivation? {
    let inverse = try segments.inverse(of: index)
    let argument = network.activations[index].argument
    guard try isRectifier(inverse) else {
      outcome.reason = "only the slope of a rectifier can be told below pooling"
      return nil
    }
    for contraction in network.contractions
    where network.isUnmixed(argument, from: contraction.output) {
      guard case .contraction(.convolution(let convolution)) = network.graph[contraction.output].op,
        let gradient = update.gradient(of: contraction.parameter),
        convolution.keepsExtent(kernel: gradient.shape)
      else { continue }
      let shape = network.graph[contraction.input].shape
      let whole = try segments.cotangent(
        of: contraction.output, argumentOf: index, cotangent)
      let factors = try BlindFactorization(
        gradient.converted(to: .f64), support: support(of: whole.doubles, shape),
        height: shape[2], width: shape[3], imageCount: update.batchSize,
        tolerance: isNoisy
          ? BlindFactorization.tolerance.single : BlindFactorization.tolerance.double,
        backend: backend)
      if let factors,
        let known = activation(ofSlopes: slopes(of: factors.cotangents, whole.doubles), cotangent)
      {
        return known
      }
      if let slopes = try soughtSlopes(
        index, contraction, convolution, gradient.converted(to: .f64), cotangent, whole)
      {
        return activation(ofSlopes: slopes, cotangent)
      }
      let name = model.parameters[contraction.parameter].name
      outcome.reason =
        factors == nil
        ? "the gradient of \(name) cannot be factored" : "the factors of \(name) are no slopes"
    }
    return nil
  }

  /// What slopes up to errors tell; nil where they are none.
  private func activation(ofSlopes slopes: [Double], _ cotangent: Tensor) -> KnownActivation? {
    let doubts = slopes.map(Self.doubt)
    let doubtful = doubts.count { $0 >= Self.mostDoubt }
    guard doubtful <= (isNoisy ? doubts.count / Self.doubtfulShare : 0) else { return nil }
    return KnownActivation(
      found: nil, isActive: slopes.map { $0 > 0.5 },
      confidence: isNoisy ? doubts.map { $0 > Self.clearSlope ? 0 : .infinity } : nil,
      valueCotangent: cotangent)
  }

  /// Slopes of 0 and 1, image by image, from cotangents up to a scalar each, in no order.
  ///
  /// - Parameter whole: the cotangents, image by image, if all slopes were 1.
  private func slopes(of cotangents: [[Double]], _ whole: [Double]) -> [Double] {
    let count = whole.count / cotangents.count
    func slopes(_ cotangent: [Double], image: Int) -> [Double] {
      let ratios = zip(cotangent, whole[image * count..<(image + 1) * count]).map {
        $1 == 0 ? 0 : $0 / $1
      }
      let scale = ratios.reduce(0) { $0 + $1 * $1 } / ratios.reduce(0, +)
      return ratios.map { $0 / scale }
    }
    let candidates = cotangents.indices.map { image in
      cotangents.map { slopes($0, image: image) }
    }
    let order = minimumCostAssignment(
      candidates.map { $0.map { $0.reduce(0) { $0 + Self.doubt($1) } } })
    return order.enumerated().flatMap { candidates[$0][$1] }
  }

  /// How far a number is from being a rectifier's slope.
  private static func doubt(_ slope: Double) -> Double { min(abs(slope), abs(slope - 1)) }

  /// Positions at which the cotangent of some channel is not 0, as behind a pooling that leaves a rim out.
  private func support(of cotangent: [Double], _ input: Shape) -> [Bool] {
    let positions = input[2] * input[3]
    var support = [Bool](repeating: false, count: positions)
    for (index, element) in cotangent.enumerated() where element != 0 {
      support[index % positions] = true
    }
    return support
  }

  /// Distance from 0 and 1 of slopes that are told.
  private static let mostDoubt = 0.2
  /// One unit in so many may be farther away where numbers have errors: the layer below settles those.
  private static let doubtfulShare = 20
  /// Distance within which one is beyond doubt.
  private static let clearSlope = 0.1
}

extension Convolution {
  /// Whether the output has the input's extent, for an odd square kernel of single steps.
  fileprivate func keepsExtent(kernel: Shape) -> Bool {
    let size = kernel[2]
    return groups == 1 && size == kernel[3] && size % 2 == 1 && size > 1
      && strides == Size2D(1, 1) && dilations == Size2D(1, 1) && padding == Padding2D(size / 2)
  }
}
