import TensorGraph

/// Texts with their labels, as token numbers: what a client holds, or what an attack found.
public struct TextBatch: Hashable, Sendable {
  /// Special tokens included; texts may differ in length.
  public var tokens: [[Int]]
  /// What the loss compares with.
  public var labels: Labels

  public enum Labels: Hashable, Sendable {
    /// A class for each text.
    case classes([Int])
    /// The texts themselves: every token but the first of its text.
    case nextTokens
    /// For each token the one that the loss asks for there, or nil where it asks for none.
    case masked([[Int?]])
  }

  public init(tokens: [[Int]], labels: Labels) {
    precondition(!tokens.isEmpty, "a batch of no texts")
    self.tokens = tokens
    self.labels = labels
  }

  /// The texts before words of them were masked: those that the loss asks for are private too.
  public var unmasked: [[Int]] {
    guard case .masked(let masked) = labels else { return tokens }
    return zip(tokens, masked).map { zip($0, $1).map { $1 ?? $0 } }
  }

  /// Number of tokens of the longest text.
  public var length: Int { tokens.map(\.count).max() ?? 0 }

  /// Number of tokens of all texts.
  public var tokenCount: Int { tokens.reduce(0) { $0 + $1.count } }

  /// Token numbers, padded at the end: [N, length].
  func paddedTokens(length: Int) -> Tensor {
    Tensor(
      [tokens.count, length],
      .i32(
        tokens.flatMap { text in
          text.map(Int32.init) + [Int32](repeating: 0, count: length - text.count)
        }))
  }

  /// 1 for tokens and 0 for padding: [N, length].
  func mask(length: Int, _ dtype: DType) -> Tensor {
    Tensor(
      [tokens.count, length], dtype,
      tokens.flatMap { text in (0..<length).map { $0 < text.count ? 1.0 : 0.0 } })
  }

  /// Class indices for a model's labelled rows, -100 for none.
  func labelRows(length: Int) -> Tensor {
    let none: Int32 = -100
    let rows: [Int32] =
      switch labels {
      case .classes(let classes):
        classes.map(Int32.init)
      case .nextTokens:
        tokens.flatMap { text in
          (1..<max(length, 1)).map { $0 < text.count ? Int32(text[$0]) : none }
        }
      case .masked(let masked):
        masked.flatMap { text in
          (0..<length).map { $0 < text.count ? text[$0].map(Int32.init) ?? none : none }
        }
      }
    return Tensor([rows.count], .i32(rows))
  }
}

/// A language model with weights: what a server sends to its clients.
public struct WeightedTextModel: Sendable {
  public let model: TextModel
  /// One tensor per parameter, in the model's order.
  public let parameters: [Tensor]

  public init(model: TextModel, parameters: [Tensor]) {
    precondition(
      parameters.map(\.shape) == model.parameters.map(\.shape), "the tensors do not fit the model")
    self.model = model
    self.parameters = parameters
  }

  /// A model with freshly drawn weights.
  public init(untrained model: TextModel, seed: UInt64, dtype: DType = .f32) {
    self.init(
      model: model,
      parameters: model.parameters.map { $0.drawn(seed: seed, dtype) })
  }

  /// A parameter by its name; traps when the model has none so named.
  func parameter(_ name: String) -> Tensor {
    guard let index = model.parameters.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("\(model.name) has no parameter \(name)")
    }
    return parameters[index]
  }
}

extension ParameterSpec {
  /// A tensor drawn from the initialiser, from a stream of this parameter's own.
  func drawn(seed: UInt64, _ dtype: DType) -> Tensor {
    var stream = RandomSource(seed: seed).derive(label: name)
    return initializer.tensor(shape, dtype, from: &stream)
  }
}

/// What a client of a language model shared: gradients by the names of their parameters, or after
/// several local steps the differences of weights, divided by the learning rate. Those of frozen
/// parameters are missing.
public struct TextUpdate: Sendable {
  public let gradients: [String: Tensor]
  /// Number of texts in the private batch.
  public let batchSize: Int
  /// The local steps behind the update; nil for one gradient.
  public let training: LocalTraining?
  /// What the client trained instead of most weights; nil where it trained those.
  public let adapters: LowRankAdapters?
  /// The gradients of adapters' second layers B, [out, rank], by the names of the adapted weights.
  public let adapterGradients: [String: Tensor]
  /// The gradients of adapters' first layers A, [rank, in], by the names of the adapted weights; those of
  /// fresh adapters are 0 and left out.
  public let reductionGradients: [String: Tensor]
  /// Standard deviations of noise on a tensor's numbers that the attacker knows of, from the public form of
  /// defences; none for tensors that are exact. By the names of parameters or adapted weights.
  public let noiseDeviations: [String: Double]
  /// How the rounding of weights shows in differences of them; nil for gradients, and for weights of f64.
  public let rounding: WeightRounding?

  /// - Throws: ``AttackError`` when a tensor is not one of the model's, or there is none.
  public init(
    gradients: [String: Tensor], batchSize: Int, training: LocalTraining? = nil,
    adapters: LowRankAdapters? = nil, adapterGradients: [String: Tensor] = [:],
    reductionGradients: [String: Tensor] = [:], noiseDeviations: [String: Double] = [:],
    rounding: WeightRounding? = nil, model: TextModel
  ) throws(AttackError) {
    precondition(batchSize >= 1, "an update of \(batchSize) texts")
    let specs = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0) })
    for (name, tensor) in gradients.sorted(by: { $0.key < $1.key }) {
      guard let spec = specs[name] else {
        throw AttackError(
          "the update has a tensor \(name), which the model (\(model.name), "
            + "\(model.configuration.head.name) head) has not; check the model and --head")
      }
      guard spec.shape == tensor.shape, tensor.dtype.isFloatingPoint else {
        throw AttackError(
          "the update's tensor \(name) is \(tensor.type) where the model has \(spec.shape); give "
            + "the model that the client trained")
      }
      guard tensor.hasOnlyFiniteElements else {
        throw AttackError("the update's tensor \(name) holds numbers that are not finite")
      }
    }
    guard !(gradients.isEmpty && adapterGradients.isEmpty) else {
      throw AttackError("the update holds no gradients")
    }
    precondition(
      adapters != nil || (adapterGradients.isEmpty && reductionGradients.isEmpty),
      "gradients of no adapters")
    if let adapters {
      try adapters.check(adapterGradients, reductionGradients, specs.mapValues(\.shape))
    }
    self.gradients = gradients
    self.batchSize = batchSize
    self.training = training
    self.adapters = adapters
    self.adapterGradients = adapterGradients
    self.reductionGradients = reductionGradients
    self.noiseDeviations = noiseDeviations
    self.rounding = rounding
  }

  /// The same without the gradients of some parameters, as if those were frozen.
  public func withholding(_ names: Set<String>) -> TextUpdate {
    TextUpdate(self, keeping: gradients.filter { !names.contains($0.key) })
  }

  private init(_ update: TextUpdate, keeping gradients: [String: Tensor]) {
    self.gradients = gradients
    batchSize = update.batchSize
    training = update.training
    adapters = update.adapters
    adapterGradients = update.adapterGradients
    reductionGradients = update.reductionGradients
    noiseDeviations = update.noiseDeviations
    rounding = update.rounding
  }

  /// The squared Euclidean norm over all tensors.
  public var squaredNorm: Double {
    [gradients, adapterGradients, reductionGradients].reduce(0) { sum, tensors in
      tensors.keys.sorted().reduce(sum) { $0 + (tensors[$1]?.squaredNorm ?? 0) }
    }
  }
}

extension Tensor {
  /// The sum of squared elements, in f64 and in order.
  var squaredNorm: Double {
    switch storage {
    case .f32(let elements): elements.reduce(into: 0.0) { $0 += Double($1) * Double($1) }
    case .f64(let elements): elements.reduce(into: 0.0) { $0 += $1 * $1 }
    case .i32, .i64, .bool: doubles.reduce(0) { $0 + $1 * $1 }
    }
  }

  /// The squared Euclidean distance to a tensor of the same shape, in f64.
  func squaredDistance(to other: Tensor) -> Double {
    precondition(shape == other.shape, "\(type) and \(other.type)")
    return zip(doubles, other.doubles).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  var hasOnlyFiniteElements: Bool {
    switch storage {
    case .f32(let elements): elements.allSatisfy(\.isFinite)
    case .f64(let elements): elements.allSatisfy(\.isFinite)
    case .i32, .i64, .bool: true
    }
  }

  /// Row `index` of a matrix, as `Double`s.
  func row(_ index: Int) -> [Double] {
    let width = shape[1]
    let range = index * width..<(index + 1) * width
    switch storage {
    case .f32(let elements): return elements[range].map(Double.init)
    case .f64(let elements): return Array(elements[range])
    case .i32, .i64, .bool: return Array(doubles[range])
    }
  }
}
