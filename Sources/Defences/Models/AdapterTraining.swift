import Clients
import ModelIO
import TensorGraph

/// Trains low-rank adapters of this rank instead of the weights.
struct AdapterTraining: ModelDefence {
  static let descriptor = DefenceDescriptor(
    name: "lora", parameters: [DefenceDescriptor.Parameter("rank", 1...4096, isWhole: true)],
    summary: "trains and shares low-rank adapters of the weights, nothing else",
    source: "Hu et al. 2021, arXiv 2106.09685, section 4.1",
    answer: DefenceDescriptor.Answer("matches the adapters' gradient, through the adapted model"),
    strength: DefenceDescriptor.Strength("rank of the adapters", isStrongerWhenSmaller: true),
    strengths: DefenceDescriptor.Strengths(
      [64, 16, 4, 1].map { AdapterTraining(rank: $0) }, effort: .deficient),
    needs: DefenceNeeds(
      imagesOnly:
        "it adapts models of images here; for a language model write \(.adapterRank, "RANK")"),
    priced: [AdapterTraining(rank: 4)],
    make: { AdapterTraining(rank: Int($0[0])) })

  let rank: Int
  var values: [Double] { [Double(rank)] }

  func conflict(with other: any Defence) -> String? {
    if other.needs.representation {
      return
        "\(other.name) hides columns of the last weight's gradient, which a client of \(name) does not share; "
        + "leave one of them out"
    }
    guard other.stage == .model, other.name != name else { return nil }
    return
      "\(name) trains nothing but adapters, and \(other.name) a layer of its own; leave one of them out"
  }

  func check(_ model: Model) throws(AttackError) {
    guard model.parameters.contains(where: { $0.shape.rank >= 2 }) else {
      throw AttackError(
        "\(name) adapts weights of two or more axes, and \(model.name) has none; use another defence"
      )
    }
  }

  func extend(
    _ model: WeightedModel, batchSize: Int, seed: UInt64
  ) throws(AttackError) -> WeightedModel {
    try checkFit(model.model)
    return model.withAdapters(rank: rank, seed: seed)
  }
}

extension Model {
  /// The same model with low-rank adapters (LoRA: Hu et al. 2021, arXiv 2106.09685, section 4.1): each
  /// weight W of two or more axes, seen as a matrix [out, in], becomes W + B A with B [out, r] and A
  /// [r, in]. Only A and B are parameters; all that was one is a buffer.
  ///
  /// It keeps its name, so that commands and tables find the model. A starts as PyTorch's layers do, B at 0, so that the model computes what it did.
  ///
  /// - Parameter rank: at least 1; lowered to a weight's smaller side.
  package func withAdapters(rank: Int) -> Model {
    precondition(rank >= 1, "adapters of rank \(rank)")
    let base = self
    let result = Model(
      name: name, inputShape: inputShape, classCount: classCount, labelPositions: labelPositions,
      probeBatchSize: probeBatchSize
    ) { scope, input in
      let frozen = base.parameters.map { scope.buffer($0.name, $0.shape, $0.initializer) }
      let buffers = base.buffers.map { scope.buffer($0.name, $0.shape, $0.initializer) }
      let weights = zip(base.parameters, frozen).map { spec, weight in
        guard let sides = AdapterSides(spec.shape, rank: rank) else { return weight }
        let down = scope.parameter(
          spec.name + ".lora_A", [sides.rank, sides.inputs], .kaimingUniform(fanIn: sides.inputs))
        let up = scope.parameter(spec.name + ".lora_B", [sides.outputs, sides.rank], .zeros)
        return weight + up.matmul(down).reshape(to: spec.shape)
      }
      return base.withoutNormalization.forward(
        input, parameters: weights, buffers: buffers, mode: scope.mode)
    }
    return normalization.map(result.normalizing) ?? result
  }
}

/// The sides of a weight's adapters.
private struct AdapterSides {
  let outputs: Int
  let inputs: Int
  let rank: Int

  /// Nil for tensors that have no adapter: biases and the like.
  init?(_ shape: Shape, rank: Int) {
    guard shape.rank >= 2, shape.elementCount > 0 else { return nil }
    outputs = shape[0]
    inputs = shape.elementCount / shape[0]
    self.rank = min(rank, outputs, inputs)
  }
}

extension WeightedModel {
  /// This model with its weights frozen and fresh adapters of this rank; see
  /// ``Model/withAdapters(rank:)``.
  ///
  /// - Parameter seed: of the adapters, which the server draws and sends.
  package func withAdapters(rank: Int, seed: UInt64) -> WeightedModel {
    let adapted = model.withAdapters(rank: rank)
    return WeightedModel(
      model: adapted,
      parameters: adapted.initialParameters(seed: seed, dtype: .f64).map(\.tensor),
      buffers: parameters + buffers)
  }
}
