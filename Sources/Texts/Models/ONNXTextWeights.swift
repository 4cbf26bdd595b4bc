import Clients
import ModelIO
import TensorGraph

/// The weights of an ONNX file under the names of Hugging Face's `transformers`.
struct ONNXTextWeights {
  let architecture: TextModelConfiguration.Architecture
  private let path: String
  /// Tensors whose names are known, and whether a matrix is the transpose of PyTorch's.
  private var named: [String: (tensor: Tensor, isTransposed: Bool)] = [:]
  /// Matrices without a name, in the order in which the file multiplies with them.
  private var unnamed: [(tensor: Tensor, isTransposed: Bool)] = []
  private let activations: [TextActivation]

  init(_ file: ONNXModel, _ program: ONNXProgram, values: [Tensor]) {
    path = file.path
    let lost = program.anonymousParameters
    let likely = LostNames.likelyNames(in: file.nodes, lost: lost)
    // A bias that several layers share names none of them.
    let counts = Dictionary(grouping: likely.values, by: { $0 }).mapValues(\.count)
    var anonymous: [String: (Tensor, Bool)] = [:]
    for (spec, tensor) in zip(program.parameters, values) {
      let isTransposed = program.transposedParameters.contains(spec.name)
      let name = lost.contains(spec.name) ? likely[spec.name] : spec.name
      if let name, !lost.contains(spec.name) || counts[name] == 1 {
        named[ONNXTextWeights.usual(name)] = (tensor, isTransposed)
      } else if tensor.shape.rank == 2 {
        anonymous[spec.name] = (tensor, isTransposed)
      }
    }
    for name in file.nodes.flatMap(\.inputs) {
      if let entry = anonymous.removeValue(forKey: name) { unnamed.append(entry) }
    }
    let isDistilled = named.keys.contains {
      $0.hasPrefix("transformer.layer.") || $0.hasPrefix("pre_classifier.")
        || $0.hasPrefix("vocab_")
    }
    architecture = named["wpe.weight"] != nil ? .gpt2 : isDistilled ? .distilbert : .bert
    let operators = Set(file.nodes.map(\.operatorName))
    if operators.contains("Erf") || operators.contains("Gelu") {
      activations = [.gelu, .geluNew]
    } else if operators.contains("Relu") {
      activations = [.relu, .geluNew]
    } else {
      activations = [.geluNew, .silu, .tanh, .relu]
    }
    tellOutputFromEmbedding()
  }

  private var embeddingName: String {
    architecture == .gpt2 ? "wte.weight" : "embeddings.word_embeddings.weight"
  }

  private var outputName: String {
    switch architecture {
    case .bert: "cls.predictions.decoder.weight"
    case .distilbert: "vocab_projector.weight"
    case .gpt2: "lm_head.weight"
    }
  }

  /// Where a language model's last layer is its token embedding, one exporter knows that one matrix by the
  /// last layer's name, and the other writes it twice, the second time turned and without a name.
  private mutating func tellOutputFromEmbedding() {
    if named[embeddingName] == nil {
      named[embeddingName] = named.removeValue(forKey: outputName)
    }
    // Named by its bias, which BERT has a level above it.
    for name in ["cls.predictions.weight", outputName] {
      if let entry = named.removeValue(forKey: name) { unnamed.append(entry) }
    }
    guard let embedding = named[embeddingName]?.tensor, embedding.shape.rank == 2 else { return }
    for index in unnamed.indices.reversed() where embedding.shape[0] != embedding.shape[1] {
      let entry = unnamed[index]
      let isTurned = entry.tensor.shape != embedding.shape
      guard entry.tensor.shape.elementCount == embedding.shape.elementCount,
        !isTurned || entry.tensor.shape[1] == embedding.shape[0]
      else { continue }
      unnamed.remove(at: index)
      let tensor = isTurned ? entry.tensor.matrixTransposed : entry.tensor
      if tensor.doubles != embedding.doubles { named[outputName] = (tensor, false) }
    }
  }

  /// Without what wrappers and the part below the head put before it.
  private static func usual(_ name: String) -> String {
    let name = TextTensorName(name).parameter
    for prefix in ["bert.", "distilbert.", "transformer."] where name.hasPrefix(prefix) {
      return String(name.dropFirst(prefix.count))
    }
    return name
  }

  // MARK: - Sizes

  /// What the model may be: sizes from the weights' shapes, the rest in the order of how usual it is.
  ///
  /// - Parameter logits: the shape of the file's output, [N, classes] or [N, L, V].
  func configurations(logits: Shape) throws(ModelError) -> [TextModelConfiguration] {
    let encoder = architecture.encoderNames
    guard
      let words = shape(embeddingName),
      let places = shape(encoder == nil ? "wpe.weight" : "embeddings.position_embeddings.weight"),
      words.rank == 2, places.rank == 2
    else {
      throw ModelError(
        "\(path) has no initialiser named …embeddings.word_embeddings.weight with its "
          + "position_embeddings (BERT, DistilBERT), or …wte.weight with its wpe (GPT-2); models of "
          + "these kinds are read from ONNX")
    }
    guard words[0] > TextProbe.largestToken else {
      throw ModelError("\(path) embeds \(words[0]) tokens, too few for a vocabulary")
    }
    let width = words[1]
    let inner = (encoder?.inner ?? "mlp.c_fc") + ".bias"
    let innerWidth = named.first { $0.key.hasSuffix(inner) }?.value.tensor.shape.elementCount
    let head = try head(logits, vocabulary: words[0])
    let layerWord = (encoder?.layers ?? "h") + "."
    let layers = named.keys.compactMap { name -> Int? in
      guard name.hasPrefix(layerWord) else { return nil }
      return name.dropFirst(layerWord.count).split(separator: ".").first.flatMap { Int($0) }
    }
    // Where names of layers are lost, the number of matrices tells.
    let counted = layers.isEmpty || !unnamed.isEmpty ? matrixLayers : nil
    let layerCount = counted ?? (layers.max() ?? -1) + 1
    guard layerCount >= 1, (1...65536).contains(width) else {
      throw ModelError("\(path) has no layers whose weights can be told apart")
    }
    let usual = [width / 64, 12, 8, 4, 16, 2, 6, 3, 1, 20, 25, 32]
    var heads: [Int] = []
    for count in usual where count >= 1 && width % count == 0 && !heads.contains(count) {
      heads.append(count)
    }
    let epsilons = encoder == nil ? [1e-5, 1e-6, 1e-12] : [1e-12, 1e-5, 1e-6]
    return epsilons.flatMap { epsilon in
      activations.flatMap { activation in
        heads.map { heads in
          TextModelConfiguration(
            architecture: architecture, vocabularySize: words[0], width: width,
            layers: layerCount, heads: heads, innerWidth: innerWidth, positions: places[0],
            segments: shape("embeddings.token_type_embeddings.weight")?[0] ?? 0,
            activation: activation, layerNormEpsilon: epsilon,
            tiesEmbeddings: shape(outputName) == nil, head: head,
            // What transformers gives these models where nothing else is said.
            paddingToken: encoder == nil ? nil : 0)
        }
      }
    }
  }

  private func shape(_ name: String) -> Shape? { named[name]?.tensor.shape }

  /// Layers by the matrices of BERT's: six each, besides the pooler and the head.
  private var matrixLayers: Int? {
    architecture != .gpt2 && unnamed.count >= 6 ? unnamed.count / 6 : nil
  }

  private func head(_ logits: Shape, vocabulary: Int) throws(ModelError) -> TextHead {
    // The score of a GPT-2 has no bias to know it by; it is the only matrix that loses its name.
    if logits.rank == 2, named["classifier.weight"] != nil || architecture == .gpt2 {
      return .classification(classes: logits[1])
    }
    if logits.rank == 3, logits[2] == vocabulary {
      return architecture == .gpt2 ? .languageModel : .maskedLanguageModel
    }
    throw ModelError(
      "\(path): the first output is \(logits); models for the classification of texts (classifier.weight, "
        + "logits [N, classes]) and language models (logits [N, L, \(vocabulary)]) are read from ONNX"
    )
  }

  // MARK: - Weights

  /// A model's parameters, from names where the file has them, else by order; vectors that an
  /// exporter left out because they equal others are zeros for biases and ones for scales.
  func weighted(_ model: TextModel) throws(ModelError) -> WeightedTextModel {
    var rest = unnamed[...]
    var parameters: [Tensor] = []
    for spec in model.parameters {
      let name = ONNXTextWeights.usual(spec.name)
      if let entry = named[name] {
        parameters.append(try fitted(entry, spec, model))
      } else if spec.shape.rank == 2, let entry = rest.popFirst() {
        parameters.append(try fitted(entry, spec, model))
      } else if spec.shape.rank == 1 {
        let isScale = ["LayerNorm.", "layer_norm.", "ln_"].contains { name.contains($0) }
        parameters.append(
          Tensor(spec.shape, .f32, repeating: isScale && name.hasSuffix("weight") ? 1 : 0))
      } else {
        throw ModelError("\(path) has no initialiser for \(spec.name)")
      }
    }
    return WeightedTextModel(model: model, parameters: parameters)
  }

  private func fitted(
    _ entry: (tensor: Tensor, isTransposed: Bool), _ spec: ParameterSpec, _ model: TextModel
  ) throws(ModelError) -> Tensor {
    // GPT-2's own layers are stored as they multiply.
    let isTurned = entry.isTransposed && !model.inputsAreRows(spec.name)
    let turned = isTurned ? entry.tensor.matrixTransposed : entry.tensor
    guard turned.shape == spec.shape else {
      throw ModelError(
        "\(path) has \(turned.shape) for \(spec.name), where a model of these sizes has \(spec.shape)"
      )
    }
    return turned
  }

  /// What a user should know about how names were found.
  func notes(for model: TextModel) -> [String] {
    let guessed = model.parameters.filter { named[ONNXTextWeights.usual($0.name)] == nil }
    let configuration = model.configuration
    var notes = [
      "The file is read as a \(model.name) of \(configuration.layers) layers, \(configuration.width) "
        + "features and \(configuration.heads) heads with \(configuration.activation.rawValue); its "
        + "logits are those that the file computes."
    ]
    if let first = guessed.first {
      notes.append(
        "\(guessed.count) of \(model.parameters.count) parameters have lost their names and were found "
          + "by their order, or are equal to others, such as \(first.name).")
    }
    return notes
  }
}
