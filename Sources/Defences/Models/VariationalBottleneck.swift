import Clients
import Solvers
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Puts a variational bottleneck of this size before the last layer, and trains it too.
struct VariationalBottleneck: ModelDefence {
  static let descriptor = DefenceDescriptor(
    name: "precode",
    parameters: [DefenceDescriptor.Parameter("size", 1...4096, isWhole: true, fallback: 256)],
    summary:
      "puts a random layer of so many numbers, a variational bottleneck, before the last layer",
    source: "Scheliga, Mäder, Seeland 2022, WACV, section 3 (PRECODE)",
    answer: DefenceDescriptor.Answer(
      "of one image reads the layer's inputs and its noise off its own gradient, which "
        + "leaves nothing random (Geiping et al. 2020, Proposition 3.1)", readsNoise: true),
    strength: DefenceDescriptor.Strength("numbers in the bottleneck", isStrongerWhenSmaller: true),
    needs: DefenceNeeds(oneStepOnly: "PRECODE draws new noise in each step", lastLayer: true),
    priced: [VariationalBottleneck(size: 256)],
    make: { VariationalBottleneck(size: Int($0[0])) })

  let size: Int
  var values: [Double] { [Double(size)] }

  func conflict(with other: any Defence) -> String? {
    guard other.needs.singleExamples != nil else { return nil }
    return "\(other.name) of a model with \(name)'s noise is not simulated; leave one of them out"
  }

  func check(_ model: Model) throws(AttackError) {
    guard model.probeBatchSize == 1, model.bottleneck == nil else {
      throw AttackError(
        "\(name) goes into models that take any batch and have no such layer yet, and \(model.name) "
          + "is none; use another defence")
    }
  }

  func extend(
    _ model: WeightedModel, batchSize: Int, seed: UInt64
  ) throws(AttackError) -> WeightedModel {
    try model.withVariationalBottleneck(size: size, batchSize: batchSize, seed: seed)
  }

  func drawingNoise(
    for model: WeightedModel, using source: inout RandomSource
  ) -> WeightedModel {
    model.replacingNoise { source.normal() }
  }
}

/// PRECODE (Scheliga, Mäder, Seeland 2022, "PRECODE - a generic model extension to prevent deep gradient
/// leakage", WACV, section 3): a random layer before the last one.
extension Model {
  /// What the penalty on the code is multiplied with (section 4.1).
  private static let penaltyWeight = 1e-3

  /// The same model with a variational bottleneck before its last layer, whose F inputs h become
  /// W₂ z + b₂ with z = μ + exp(½ λ) ε, (μ, λ) = W₁ h + b₁ and ε normal; the loss grows by 1e-3 times the
  /// divergence of N(μ, exp(λ)) from N(0, 1).
  ///
  /// It keeps its name, so that commands and tables find the model. The noise ε is a buffer
  /// `precode.noise`, which makes the model one for batches of `batchSize`.
  ///
  /// - Parameter size: of z, at least 1; 256 in the paper.
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer whose input is
  ///   known, takes another batch size only, or has such a layer already.
  package func withVariationalBottleneck(
    size: Int, batchSize: Int = 1
  ) throws(AttackError) -> Model {
    precondition(size >= 1, "a bottleneck of \(size) numbers")
    try VariationalBottleneck(size: size).checkFit(self)
    guard let classifier else { return self }
    let base = withoutNormalization
    let result = Model(
      name: name, inputShape: inputShape, classCount: classCount, probeBatchSize: batchSize
    ) { scope, input in
      let values = base.parameters.map { scope.parameter($0.name, $0.shape, $0.initializer) }
      let buffers = base.buffers.map { scope.buffer($0.name, $0.shape, $0.initializer) }
      let trace = base.trace(input, parameters: values, buffers: buffers, mode: scope.mode)
      guard let features = trace.features else {
        preconditionFailure("\(base.name) does not say what its last layer reads")
      }
      scope.context.batchNormLayers += trace.batchNorms
      let decoded = scope["precode"].variationalBottleneck(
        features, size: size, penaltyWeight: Model.penaltyWeight)
      let bias = classifier.bias.map { values[$0] }
      let weight = values[classifier.weight]
      return decoded.linear(
        weight: classifier.isTransposed ? weight.transpose([1, 0]) : weight, bias: bias)
    }
    return normalization.map(result.normalizing) ?? result
  }
}

extension ForwardScope {
  /// [N, F] -> [N, F], through a random code of `size` numbers.
  fileprivate func variationalBottleneck(
    _ features: Value, size: Int, penaltyWeight: Double
  ) -> Value {
    let (batchSize, count) = (features.shape[0], features.shape[1])
    let encoding = self["encoder"].linear(features, to: 2 * size)
    let noise = buffer("noise", [batchSize, size], .normal(standardDeviation: 1))
    let mean = encoding.slice(axis: 1, 0..<size)
    let logVariance = encoding.slice(axis: 1, size..<2 * size)
    let code = mean + (logVariance * 0.5).exp() * noise
    let divergence = (logVariance.exp() + mean.squared() - logVariance - 1).sum()
    context.bottleneck = ForwardContext.Bottleneck(
      path: path, encoding: encoding,
      penalty: divergence * (0.5 * penaltyWeight / Double(batchSize)))
    return self["decoder"].linear(code, to: count)
  }
}

extension WeightedModel {
  /// This model with a fresh variational bottleneck; see
  /// ``Model/withVariationalBottleneck(size:batchSize:)``. Its noise is no client's.
  ///
  /// - Parameter seed: of the bottleneck's weights, which the server draws and sends.
  package func withVariationalBottleneck(
    size: Int, batchSize: Int = 1, seed: UInt64
  ) throws(AttackError) -> WeightedModel {
    let extended = try model.withVariationalBottleneck(size: size, batchSize: batchSize)
    let own = Dictionary(
      uniqueKeysWithValues: zip(
        (model.parameters + model.buffers).map(\.name), parameters + buffers))
    return WeightedModel(
      model: extended,
      parameters: extended.initialParameters(seed: seed, dtype: .f64).map {
        own[$0.name] ?? $0.tensor
      },
      buffers: extended.initialBuffers(dtype: .f64).map { own[$0.name] ?? $0.tensor })
  }

  /// This model with other noise in its bottleneck, or without one as it is.
  ///
  /// - Parameter number: called for each number of it in turn.
  func replacingNoise(_ number: () -> Double) -> WeightedModel {
    guard let bottleneck = model.bottleneck else { return self }
    let shape = model.buffers[bottleneck.noise].shape
    var buffers = buffers
    buffers[bottleneck.noise] = Tensor(shape, .f64((0..<shape.elementCount).map { _ in number() }))
    return WeightedModel(model: model, parameters: parameters, buffers: buffers)
  }

  /// This model without noise in its bottleneck, as one that is used and not trained.
  package var withoutNoise: WeightedModel { replacingNoise { 0 } }

  /// This model with the noise that a client of one example drew, as its update tells it; unchanged
  /// where it does not.
  ///
  /// Both layers of the bottleneck are fully connected with a bias, so that each one's gradient hands
  /// over its input (Geiping et al. 2020, Proposition 3.1), whatever the noise: of the encoder h, thus μ
  /// and λ, and of the decoder z. Then ε = (z - μ) exp(-½ λ). With it nothing about the model is random
  /// any more.
  package func readingNoise(of update: SharedUpdate) -> WeightedModel {
    guard update.batchSize == 1, update.training == nil, let bottleneck = model.bottleneck,
      let features = ClassifierGradient(update, model, layer: bottleneck.encoder).features,
      let code = ClassifierGradient(update, model, layer: bottleneck.decoder).features
    else { return self }
    let encoding = outputs(of: bottleneck.encoder, reading: features)
    let size = code.count
    let noise = (0..<size).map { (code[$0] - encoding[$0]) * exp(-encoding[size + $0] / 2) }
    guard noise.allSatisfy(\.isFinite) else { return self }
    // Noise or rounding of the update must not put it where no client draws.
    var numbers = noise.map { min(max($0, -6), 6) }.makeIterator()
    return replacingNoise { numbers.next() ?? 0 }
  }
}
