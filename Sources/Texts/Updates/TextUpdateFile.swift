import Clients
import ModelIO
import TensorGraph

/// How a file becomes the update of a language model's client.
package struct TextUpdateReading: Sendable {
  package var kind: UpdateKind
  /// Of plain gradient descent; needed for a difference without `training`.
  package var learningRate: Double?
  /// Steps between the weights whose difference it is; nil for one on the whole batch.
  package var training: LocalTraining?
  /// The weights before, in the model's order, which weights become a difference by; nil where there are none.
  package var startingWeights: [Tensor]?
  package var batchSize: Int
  /// What the client trained instead of most weights; nil where it trained those.
  package var adapters: LowRankAdapters?
  package var renamings: [TensorRenaming]
  /// Variance of the noise that the client is known to have added to each number of the file; 0 for none.
  package var noiseVariance: Double
  /// The weights before, by the names of their parameters, where decay of them is taken off a difference.
  package var decaying: [String: Tensor] = [:]

  package init(
    kind: UpdateKind = .gradient, learningRate: Double? = nil, training: LocalTraining? = nil,
    startingWeights: [Tensor]? = nil, batchSize: Int, adapters: LowRankAdapters? = nil,
    renamings: [TensorRenaming] = [],
    noiseVariance: Double = 0
  ) {
    self.kind = kind
    self.learningRate = learningRate
    self.training = training
    self.startingWeights = startingWeights
    self.batchSize = batchSize
    self.adapters = adapters
    self.renamings = renamings
    self.noiseVariance = noiseVariance
  }
}

/// What a client of a language model shared, in a file of tensors, matched to the model's parameters.
package struct TextUpdateFile: Sendable {
  package let update: TextUpdate
  /// How the file was understood, as far as that was not plain. One sentence each.
  package let notes: [Sentence]

  /// Reads `path` for `model`. Parameters whose tensors are missing are taken to be frozen.
  ///
  /// - Throws: ``FileError`` when the file cannot be read or names a tensor twice, ``AttackError`` when
  ///   it does not fit the model, its adapters, or what is said of the client's training.
  package init(
    contentsOf path: String, for model: TextModel, _ reading: TextUpdateReading
  ) throws {
    let file = try TensorFile(contentsOf: path)
    let listed = try TextUpdateFile.listed(file, model, reading)
    let factor = try reading.gradientFactor(of: model)
    let known = model.parametersByFileName
    var parts: [TextTensorName.Part: [String: Tensor]] = [:]
    var (renamed, unused): ([(file: String, own: String)], [String]) = ([], [])
    for fileName in file.names {
      let rule =
        listed[fileName] ?? reading.renamings.lazy.compactMap { $0.applied(to: fileName) }.first
      // A name that is the model's as it stands is not taken apart.
      let name = TextTensorName(rule ?? fileName)
      let parameter = known[rule ?? fileName] ?? known[name.parameter]
      if name.part == .untrainedCopy
        || (parameter == nil && model.isBesideParameters(name.parameter))
      {
        unused.append(fileName)
        continue
      }
      guard let parameter else {
        throw AttackError(advising: TextUpdateFile.strange(fileName, name, model))
      }
      if fileName != parameter, name.part == .own { renamed.append((fileName, parameter)) }
      let tensor = try reading.difference(
        try file.tensor(named: fileName), of: parameter, model)
      var gradient = factor == 1 ? tensor : tensor.multiplied(by: factor)
      if name.part == .own, let training = reading.training,
        let before = reading.decaying[parameter]
      {
        gradient = training.takingOffDecay(gradient, weights: before)
      }
      guard parts[name.part, default: [:]].updateValue(gradient, forKey: parameter) == nil else {
        throw FileError(
          path: path,
          problem: "\(fileName.quotedForMessage) is not the only tensor for \(parameter)",
          advising: "save each gradient once, or tell them apart with \(.renaming, "OLD=NEW")")
      }
    }
    let (reductions, expansions) = (parts[.reduction] ?? [:], parts[.expansion] ?? [:])
    try reading.checkAdapters(reductions, expansions, path: path)
    // A of fresh adapters has a gradient of zeros, which tells nothing.
    let isFresh = reading.adapters?.expansions.isEmpty ?? true
    let noisy = reading.noiseVariance > 0 ? known.values.map { ($0, reading.noiseVariance) } : []
    update = try TextUpdate(
      gradients: parts[.own] ?? [:], batchSize: reading.batchSize,
      training: reading.training.flatMap { $0.isJointGradient(of: model) ? nil : $0 },
      adapters: reading.adapters, adapterGradients: expansions,
      reductionGradients: isFresh ? [:] : reductions,
      noiseDeviations: Dictionary(
        noisy.map { ($0, abs(factor) * $1.squareRoot()) }, uniquingKeysWith: { first, _ in first }),
      rounding: file.names.contains { file.type(of: $0)?.dtype != .f64 } ? reading.rounding : nil,
      model: model)
    notes =
      [file.note].compactMap(\.self)
      + TextUpdateFile.notes(update, renamed: renamed, unused: unused, model)
  }

  /// The parameters of a list without names, by the names that the file numbers it with; empty for others.
  private static func listed(
    _ file: TensorFile, _ model: TextModel, _ reading: TextUpdateReading
  ) throws(FileError) -> [String: String] {
    let matching = TensorMatching(
      model.parameters.map { WantedTensor($0.name, $0.shape) }, in: file.shapes,
      renamings: reading.renamings)
    try matching.checkList(of: file.path, for: model.name)
    var listed: [String: String] = [:]
    for match in matching.matches where match.reason == .position && !match.isTransposed {
      listed[match.fileName] = model.parameters[match.wanted].name
    }
    return listed
  }

  /// Why a tensor cannot be used.
  private static func strange(
    _ fileName: String, _ name: TextTensorName, _ model: TextModel
  ) -> Sentence {
    let near = nearestSpelling(to: name.parameter, in: model.parameters.map(\.name))
    let remedy: Sentence =
      if let near {
        """
        if it is \(near), say so with \
        \(.renaming, "'\(fileName.escapingControlCharacters)=\(near)'")
        """
      } else {
        "say which it is with \(.renaming, "OLD=NEW")"
      }
    return """
      the update has a tensor \(fileName.quotedForMessage), which the model (\(model.name), \
      \(model.configuration.head.name) head) has not; check the model and \(.head), or \(remedy)
      """
  }

  private static func notes(
    _ update: TextUpdate, renamed: [(file: String, own: String)], unused: [String],
    _ model: TextModel
  ) -> [Sentence] {
    var notes: [Sentence] = []
    if let first = renamed.first {
      notes.append(
        """
        \(renamed.count) of the file's tensors go by another name, such as \
        \(first.file.quotedForMessage) for \(first.own); mend it with \(.renaming) where that is wrong.
        """)
    }
    if !unused.isEmpty {
      notes.append(
        """
        \(unused.count) tensors are buffers, second names of tied weights or frozen copies, and are \
        not used, such as \(unused[0].quotedForMessage).
        """)
    }
    let missing = model.parameters.map(\.name).filter { update.gradients[$0] == nil }
    if update.adapters == nil, let first = missing.first {
      notes.append(
        """
        \(missing.count) of \(model.parameters.count) parameters are not in the file and are taken as \
        frozen, such as \(first).
        """)
    }
    return notes
  }
}

extension TextUpdateReading {
  /// A tensor of the file as the client's change where the file holds weights.
  fileprivate func difference(
    _ tensor: Tensor, of parameter: String, _ model: TextModel
  ) throws(AttackError) -> Tensor {
    guard kind == .weights else { return tensor }
    guard let index = model.parameters.firstIndex(where: { $0.name == parameter }),
      let start = startingWeights?[index], start.shape == tensor.shape,
      tensor.dtype.isFloatingPoint, adapters == nil
    else {
      throw AttackError(
        adapters == nil
          ? "the update's \(parameter) is \(tensor.type), and the model's has another shape"
          : "weights before and after are followed where all of them are trained; give the gradient of adapters"
      )
    }
    return tensor.difference(from: start)
  }

  /// What the file's tensors are multiplied with to give a gradient.
  fileprivate func gradientFactor(of model: TextModel) throws(AttackError) -> Double {
    let steps = training.flatMap { $0.isJointGradient(of: model) ? nil : $0 }
    if let steps, adapters != nil {
      throw AttackError(
        advising: """
          \(steps) of adapters are not followed; give the gradient of one step, or leave out \
          \(.adapter) where all weights were trained
          """)
    }
    return try UpdateFile.gradientFactor(
      UpdateReading(
        kind: kind, learningRate: learningRate, training: training, batchSize: batchSize))
  }

  /// How the rounding of f32 weights shows in what was read; nil for gradients.
  fileprivate var rounding: WeightRounding? {
    guard kind.isOfWeights, let rate = training?.learningRate ?? learningRate else { return nil }
    return WeightRounding(learningRate: rate, steps: training?.stepsPerClient ?? 1)
  }

  /// Refuses a file that has other adapters than the server sent.
  fileprivate func checkAdapters(
    _ reductions: [String: Tensor], _ expansions: [String: Tensor], path: String
  ) throws(AttackError) {
    guard adapters != nil else {
      guard let name = (Array(expansions.keys) + Array(reductions.keys)).min() else { return }
      throw AttackError(
        advising: """
          \(path) holds gradients of LoRA adapters (beside \(name)); give the adapters that the client \
          got, a folder that PEFT's save_pretrained wrote, with \(.adapter)
          """)
    }
    guard !expansions.isEmpty else {
      throw AttackError(
        advising: """
          \(path) holds no gradient of the adapters' second layers (…lora_B.weight), which tells the \
          texts; save those of every trained parameter, or leave out \(.adapter)
          """)
    }
  }
}

extension LowRankAdapters {
  /// Refuses gradients that are not of these adapters.
  func check(
    _ expansionGradients: [String: Tensor], _ reductionGradients: [String: Tensor],
    _ shapes: [String: Shape]
  ) throws(AttackError) {
    for (layer, gradients) in [("lora_B", expansionGradients), ("lora_A", reductionGradients)] {
      for (name, tensor) in gradients.sorted(by: { $0.key < $1.key }) {
        guard let reduction = reductions[name], let outputs = outputs(name, shapes) else {
          throw AttackError(
            "the update has a gradient of \(TextTensorName.adapter(layer, of: name)), and the adapters "
              + "have none beside \(name); give the adapters that the client trained")
        }
        let wanted: Shape = layer == "lora_A" ? reduction.shape : [outputs, rank]
        guard tensor.shape == wanted, tensor.dtype.isFloatingPoint else {
          throw AttackError(
            "the update's \(TextTensorName.adapter(layer, of: name)) is \(tensor.type) where adapters "
              + "of rank \(rank) have \(wanted); give the adapters that the client trained")
        }
        guard tensor.hasOnlyFiniteElements else {
          throw AttackError(
            "the update's \(TextTensorName.adapter(layer, of: name)) holds numbers that are not finite"
          )
        }
      }
    }
  }

  /// Outputs of an adapted weight.
  private func outputs(_ name: String, _ shapes: [String: Shape]) -> Int? {
    guard let reduction = reductions[name], let shape = shapes[name] else { return nil }
    return shape.elementCount / reduction.shape[1]
  }
}

extension TextUpdate {
  /// Writes what the client shares under the names of PyTorch and PEFT: gradients, or after several local
  /// steps the differences of weights, after minus before.
  ///
  /// - Parameter weights: before the steps, by their names, where they decay apart from their gradients.
  /// - Throws: ``FileError`` when the path cannot be written.
  package func write(to path: String, weights: [String: Tensor] = [:]) throws(FileError) {
    let factor = training.map { -$0.learningRate } ?? 1
    var tensors = gradients
    if let training {
      tensors = Dictionary(
        uniqueKeysWithValues: gradients.map { name, tensor in
          (name, weights[name].map { training.addingDecay(tensor, weights: $0) } ?? tensor)
        })
    }
    for (name, tensor) in adapterGradients {
      tensors[TextTensorName.adapter("lora_B", of: name)] = tensor
    }
    for (name, tensor) in reductionGradients {
      tensors[TextTensorName.adapter("lora_A", of: name)] = tensor
    }
    if factor != 1 {
      tensors = tensors.mapValues { Tensor($0.shape, $0.dtype, $0.doubles.map { $0 * factor }) }
    }
    try Safetensors.write(
      tensors, metadata: ["batch_size": "\(batchSize)"], to: path, isPrivate: true)
  }
}
