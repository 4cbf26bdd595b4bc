import Clients
import TensorGraph

/// Computes gradients of a language model for batches of one size and length, compiled once.
///
/// Not synchronised: one thread at a time.
package final class TextEvaluator {
  private let model: TextModel
  private let graph: TextGradientGraph
  private let function: CompiledFunction
  private let dtype: DType
  private let batchSize: Int
  private let length: Int
  private let hasSegments: Bool
  private let weights: ParameterBuffers

  /// - Parameter hasSegments: whether texts have tokens of other segments than the first.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  init(
    _ weights: ParameterBuffers, batchSize: Int, length: Int, hasSegments: Bool = false,
    backend: any Backend
  ) throws(AttackError) {
    self.hasSegments = hasSegments
    self.weights = weights
    model = weights.model
    dtype = weights.dtype
    self.batchSize = batchSize
    self.length = length
    graph = TextGradientGraph(
      model, batchSize: batchSize, length: length, hasSegments: hasSegments, dtype: dtype)
    let (graph, name) = (graph, model.name)
    function = try AttackError.naming(name, "run") { () throws(GraphError) in
      try CompiledFunction(graph.function, on: backend)
    }
    weightsHaveChanged()
  }

  /// Those of the gradients, in order.
  var parameters: [ParameterSpec] { model.parameters }

  /// Whether it can evaluate batches like this one.
  func fits(_ batch: TextBatch) -> Bool {
    batch.tokens.count == batchSize && batch.length <= length && batch.hasSegments == hasSegments
  }

  private func run(_ batch: TextBatch) throws(AttackError) {
    precondition(
      fits(batch),
      "a batch of \(batch.tokens.count) x \(batch.length) for \(batchSize) x \(length)")
    function.input(graph.tokens).write(batch.paddedTokens(length: length))
    function.input(graph.mask).write(batch.mask(length: length, dtype))
    function.input(graph.labels).write(batch.labelTensor(length: length, dtype))
    if let segments = graph.segments {
      function.input(segments).write(batch.paddedSegments(length: length))
    }
    try AttackError.naming(model.name, "run") { () throws(GraphError) in try function.run() }
  }

  /// The loss, logits and gradients of a batch.
  func evaluate(
    _ batch: TextBatch
  ) throws(AttackError) -> (loss: Double, logits: Tensor, gradients: [Tensor]) {
    try run(batch)
    return (
      function.read(graph.loss).scalarValue, function.read(graph.logits),
      graph.gradients.map(function.read)
    )
  }

  /// Tells that weights were written to since they were bound: what follows from fixed inputs alone is
  /// computed once for each binding.
  func weightsHaveChanged() {
    for (spec, input) in zip(model.parameters, graph.parameters) {
      function.bind(input, to: weights.buffer(spec.name))
    }
  }

  /// The gradient of parameter `index` in the latest run.
  func gradient(_ index: Int) -> Tensor { function.read(graph.gradients[index]) }

  /// The squared distance between the gradients of a batch and those that an update holds, relative to
  /// the update's squared norm: 0 for the batch that the update came from, up to rounding.
  func relativeDistance(
    of batch: TextBatch, to update: TextUpdate, norm: Double
  ) throws(AttackError) -> Double {
    try run(batch)
    var sum = 0.0
    for (spec, gradient) in zip(model.parameters, graph.gradients) {
      guard let target = update.gradients[spec.name] else { continue }
      sum += function.output(gradient).squaredDistance(to: target)
    }
    if let adapters = update.adapters {
      for (index, spec) in model.parameters.enumerated() {
        let targets = (update.adapterGradients[spec.name], update.reductionGradients[spec.name])
        guard targets.0 != nil || targets.1 != nil else { continue }
        let (own, areRows) = (gradient(index), model.inputsAreRows(spec.name))
        if let target = targets.0 {
          sum += adapters.gradient(spec.name, of: own, inputsAreRows: areRows)
            .squaredDistance(to: target)
        }
        if let target = targets.1 {
          let found = adapters.reductionGradient(spec.name, of: own, inputsAreRows: areRows)
          sum += found?.squaredDistance(to: target) ?? target.squaredNorm
        }
      }
    }
    return sum / max(norm, .leastNormalMagnitude)
  }
}

/// The weights of a language model in memory that compiled graphs share.
final class ParameterBuffers {
  let model: TextModel
  let dtype: DType
  private var buffers: [String: HostBuffer] = [:]
  private let weighted: WeightedTextModel

  init(_ weighted: WeightedTextModel, dtype: DType) {
    model = weighted.model
    self.weighted = weighted
    self.dtype = dtype
  }

  /// The buffer of a parameter, filled when it is first asked for.
  func buffer(_ name: String) -> HostBuffer {
    if let buffer = buffers[name] { return buffer }
    let buffer = HostBuffer(weighted.parameter(name).converted(to: dtype))
    buffers[name] = buffer
    return buffer
  }

  func tensor(_ name: String) -> Tensor { weighted.parameter(name) }

  /// The parameter in the precision that is computed in.
  func converted(_ name: String) -> Tensor { weighted.parameter(name).converted(to: dtype) }

  /// Binds the inputs that a forward pass has declared for the parameters that it reads.
  func bind(_ context: ForwardContext, in function: CompiledFunction) {
    for spec in context.parameters {
      if let input = context.value(of: spec.name) {
        function.bind(input.handle, to: buffer(spec.name))
      }
    }
  }

  /// The same weights in memory of their own.
  func copy() -> ParameterBuffers { ParameterBuffers(weighted, dtype: dtype) }
}

extension HostBuffer {
  /// The squared distance to a tensor of the same shape, in f64.
  fileprivate func squaredDistance(to tensor: Tensor) -> Double {
    precondition(type.shape == tensor.shape, "\(type) and \(tensor.type)")
    func sum<Left: BinaryFloatingPoint, Right: BinaryFloatingPoint>(
      _ left: UnsafeMutableBufferPointer<Left>, _ right: [Right]
    ) -> Double {
      var sum = 0.0
      for index in right.indices {
        let difference = Double(left[index]) - Double(right[index])
        sum += difference * difference
      }
      return sum
    }
    switch (type.dtype, tensor.storage) {
    case (.f32, .f32(let elements)): return sum(pointer(as: Float.self), elements)
    case (.f32, .f64(let elements)): return sum(pointer(as: Float.self), elements)
    case (.f64, .f32(let elements)): return sum(pointer(as: Double.self), elements)
    case (.f64, .f64(let elements)): return sum(pointer(as: Double.self), elements)
    default: preconditionFailure("\(type) and \(tensor.type) are not gradients")
    }
  }
}

extension WeightedTextModel {
  /// The loss, logits and parameter gradients of a batch.
  ///
  /// - Throws: ``AttackError`` when the batch does not fit the model or the backend cannot run it.
  package func gradient(
    of batch: TextBatch, dtype: DType = .f32, backend: any Backend
  ) throws(AttackError) -> (loss: Double, logits: Tensor, gradients: [Tensor]) {
    try model.check(batch)
    let evaluator = try TextEvaluator(
      ParameterBuffers(self, dtype: dtype), batchSize: batch.tokens.count, length: batch.length,
      hasSegments: batch.hasSegments, backend: backend)
    return try evaluator.evaluate(batch)
  }

  /// The gradient that a client with this private batch shares.
  ///
  /// - Throws: ``AttackError`` when the batch does not fit the model or the backend cannot run it.
  package func share(
    _ batch: TextBatch, dtype: DType = .f32, backend: any Backend
  ) throws(AttackError) -> TextUpdate {
    let gradients = try gradient(of: batch, dtype: dtype, backend: backend).gradients
    return try TextUpdate(
      gradients: Dictionary(uniqueKeysWithValues: zip(model.parameters.map(\.name), gradients)),
      batchSize: batch.tokens.count, model: model)
  }
}

extension TextModel {
  /// Refuses a batch whose numbers the model does not have.
  func check(_ batch: TextBatch) throws(AttackError) {
    for text in batch.tokens {
      guard !text.isEmpty, text.count <= configuration.positions else {
        throw AttackError(
          "a text of \(text.count) tokens does not fit a model of \(configuration.positions) "
            + "positions; give texts of 1 to \(configuration.positions) tokens")
      }
      guard let wrong = text.first(where: { !(0..<configuration.vocabularySize).contains($0) })
      else { continue }
      throw AttackError(
        "token \(wrong) is beyond the model's \(configuration.vocabularySize) token embeddings; "
          + "give the tokenizer of this model")
    }
    for layout in batch.layouts {
      guard let segments = layout.segments else { continue }
      let known = 0..<max(configuration.segments, 1)
      guard let wrong = segments.first(where: { !known.contains($0) }) else { continue }
      throw AttackError("segment \(wrong) is none of the model's \(configuration.segments)")
    }
    switch (batch.labels, configuration.head) {
    case (.values(let labels), .classification(let classes)) where effectiveLoss.comparesNumbers:
      guard labels.count == batch.tokens.count,
        labels.allSatisfy({ $0.count == classes && $0.allSatisfy(\.isFinite) })
      else {
        throw AttackError(
          "the labels \(labels) do not fit \(batch.tokens.count) texts with \(classes) numbers each"
        )
      }
    case (.classes(let labels), .classification(let classes))
    where !effectiveLoss.comparesNumbers:
      guard labels.count == batch.tokens.count,
        labels.allSatisfy({ (0..<classes).contains($0) })
      else {
        throw AttackError(
          "the labels \(labels) do not fit \(batch.tokens.count) texts in \(classes) classes")
      }
    case (.nextTokens, .languageModel), (.masked, .maskedLanguageModel): break
    case (.someNextTokens(let counts), .languageModel)
    where counts.map(\.count) == batch.tokens.map(\.count): break
    case (.nextTokens, _), (.masked, _), (.classes, _), (.values, _), (.someNextTokens, _):
      throw AttackError(
        "the batch's labels are not those of a \(configuration.head.name) head and its loss")
    }
  }
}
