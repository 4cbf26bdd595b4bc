import ModelIO
import TensorGraph

/// What a client's file holds.
public enum UpdateKind: String, Hashable, Sendable, CaseIterable, Codable {
  case gradient
  /// Weights after the client's local steps minus those before.
  case difference
  /// Weights after the client's local steps; those before, which the model has, are subtracted.
  case weights

  /// Whether a difference of weights comes of it.
  public var isOfWeights: Bool {
    switch self {
    case .gradient: false
    case .difference, .weights: true
    }
  }
}

/// How a file becomes an update.
public struct UpdateReading: Sendable {
  /// Gradient, difference of weights, or weights.
  public var kind: UpdateKind
  /// Of plain gradient descent; needed for a difference without `training`.
  public var learningRate: Double?
  /// Steps between the weights whose difference it is; nil for one on the whole batch.
  public var training: LocalTraining?
  /// The weights before, in the model's order: a difference carries their rounding, and weights become one by
  /// them. Nil when that is not to be reckoned with.
  public var startingWeights: [Tensor]?
  /// Number of examples in the private batch.
  public var batchSize: Int
  /// The loss whose gradient it is.
  public var loss: ClientLoss
  /// How names in the file differ from the model's.
  public var renamings: [TensorRenaming]
  /// Names of the model's tensors in training code's order, for lists without names; empty where only the model's
  /// own is known.
  package var order: [String] = []

  /// A gradient, unless something else is said.
  public init(
    kind: UpdateKind = .gradient, learningRate: Double? = nil,
    training: LocalTraining? = nil, startingWeights: [Tensor]? = nil, batchSize: Int,
    loss: ClientLoss = .meanCrossEntropy, renamings: [TensorRenaming] = []
  ) {
    self.kind = kind
    self.learningRate = learningRate
    self.training = training
    self.startingWeights = startingWeights
    self.batchSize = batchSize
    self.loss = loss
    self.renamings = renamings
  }
}

/// A gradient or weight difference in a file of tensors, matched to a model's parameters.
public struct UpdateFile: Sendable {
  /// Of the file.
  public let path: String
  /// Which tensor of the file belongs to which parameter.
  public let matching: TensorMatching
  /// What was read.
  public package(set) var update: SharedUpdate
  /// What a user should know: what is missing, what is left over, what is all zeros. One sentence each.
  public let notes: [Sentence]

  /// Reads `path` for the parameters of `model`.
  ///
  /// - Parameter wanted: the parameters with what is known of their names in training code; nil for
  ///   just their names.
  /// - Throws: `FileError` when the file is malformed, a tensor does not fit its parameter, is not of
  ///   floating-point type or not finite, or nothing matches; ``AttackError`` for a difference that no
  ///   gradient follows from.
  public init(
    contentsOf path: String, for model: Model, wanted: [WantedTensor]? = nil,
    _ reading: UpdateReading
  ) throws {
    let file = try TensorFile(contentsOf: path)
    let wanted = wanted ?? model.parameters.map { WantedTensor($0.name, $0.shape) }
    precondition(
      wanted.map(\.shape) == model.parameters.map(\.shape), "other parameters are wanted")
    precondition(
      reading.kind != .weights || reading.startingWeights != nil, "weights need those before")
    try reading.loss.check(classCount: model.classCount)
    let factor = try UpdateFile.gradientFactor(reading)
    matching = TensorMatching(
      wanted, in: file.shapes, renamings: reading.renamings,
      buffers: model.buffers.map { WantedTensor($0.name, $0.shape, isBuffer: true) },
      order: reading.order)
    try UpdateFile.check(matching, file, model)
    var gradients = model.parameters.map { Tensor($0.shape, .f32, repeating: 0) }
    var silent: [String] = []
    var rounding = [Double](repeating: 0, count: gradients.count)
    for match in matching.matches {
      let stored = try UpdateFile.finiteTensor(match.fileName, in: file)
      var turned = match.isTransposed ? stored.matrixTransposed : stored
      if reading.kind == .weights, let start = reading.startingWeights {
        turned = turned.difference(from: start[match.wanted])
      }
      let traces = NumberTraces(turned)
      if traces.zeroCount == traces.count { silent.append(match.fileName) }
      let shared = factor * traces.norm
      rounding[match.wanted] += shared * shared * traces.format.relativeRounding
      if reading.kind.isOfWeights, let start = reading.startingWeights {
        // Each step rounds the weights that it leaves.
        let steps = Double(reading.training?.stepsPerClient ?? 1)
        rounding[match.wanted] +=
          factor * factor * steps
          * WeightGrid.roundingEnergy(of: turned, weights: start[match.wanted])
      }
      let gradient = factor == 1 ? turned : turned.multiplied(by: factor)
      gradients[match.wanted] =
        try reading.takingOffDecay(gradient, parameter: match.wanted)
    }
    guard silent.count < matching.matches.count else {
      if reading.kind == .weights {
        throw FileError(
          path: path, problem: "its weights are those before, number by number",
          advising: "give the global weights with \(.before) and the client's with \(.after)")
      }
      throw FileError(
        path: path,
        problem: "every tensor that belongs to the model is all zeros, so it carries nothing",
        advising: EmptyUpdate.causes(model, reading.loss))
    }
    let square = gradients.reduce(0) { sum, tensor in
      sum + tensor.doubles.reduce(0) { $0 + $1 * $1 }
    }
    update = SharedUpdate(
      gradients: gradients, batchSize: reading.batchSize, loss: reading.loss,
      training: reading.training, sharedParameters: matching.matches.map(\.wanted),
      relativeRounding: rounding.reduce(0, +) / max(square, .leastNormalMagnitude),
      roundingEnergies: rounding, origin: reading.origin
    ).statingUnstatedRounding(model)
    self.path = path
    notes =
      [file.note].compactMap(\.self)
      + UpdateFile.notes(matching, silent: silent, buffers: model.buffers.map(\.name))
  }

  /// What the file's tensors are multiplied with to give a gradient.
  package static func gradientFactor(_ reading: UpdateReading) throws(AttackError) -> Double {
    switch reading.kind {
    case .gradient:
      if let training = reading.training, !training.isOneStep {
        throw AttackError(
          advising: """
            \(training) give a difference of weights, no gradient; use \(.updateKind, "difference")
            """)
      }
      return 1
    case .difference, .weights:
      guard let rate = reading.training?.learningRate ?? reading.learningRate, rate > 0,
        rate.isFinite
      else {
        throw AttackError(
          advising: """
            a difference of weights is -learning rate times the gradient; give the learning rate, a \
            number above 0, with \(.learningRate)
            """)
      }
      return -1 / rate
    }
  }

  private static func check(
    _ matching: TensorMatching, _ file: TensorFile, _ model: Model
  ) throws(FileError) {
    if let wrong = matching.wrongShapes.first {
      throw FileError(
        path: file.path,
        problem: "tensor \(wrong.fileName.quotedForMessage) has the shape \(wrong.shape), and "
          + "\(matching.wanted[wrong.wanted].name) of \(model.name) is "
          + "\(matching.wanted[wrong.wanted].shape)",
        advising: """
          give the update of this very model (its width, classes and input size must be those \
          that the client trained), or match it otherwise with \(.renaming)
          """)
    }
    guard !file.names.isEmpty else {
      throw FileError(
        path: file.path, problem: "it holds no tensors",
        remedy: "save the gradients of the parameters, by their names, after backward()")
    }
    try matching.checkList(of: file.path, for: model.name)
    guard matching.matches.isEmpty else { return }
    let wanted = matching.wanted.prefix(3).map(\.name.quotedForMessage).joined(separator: ", ")
    let found = file.names.prefix(3).map(\.quotedForMessage).joined(separator: ", ")
    throw FileError(
      path: file.path,
      problem:
        "none of its \(file.names.count) tensors (\(found), ...) is named like a parameter of "
        + "\(model.name) (\(wanted), ...)",
      advising: """
        give the update of this model, or tell how names differ with \(.renaming, "OLD=NEW")
        """)
  }

  private static func finiteTensor(
    _ name: String, in file: TensorFile
  ) throws(FileError) -> Tensor {
    guard file.type(of: name)?.dtype.isFloatingPoint == true else {
      throw FileError(
        path: file.path,
        problem:
          "tensor \(name.quotedForMessage) holds \(file.storedType(of: name)?.rawValue ?? "?") "
          + "numbers, and a gradient is made of floating-point ones",
        remedy: "save it before it is quantised, or scaled back")
    }
    let tensor = try file.tensor(named: name)
    let broken = tensor.doubles.count { !$0.isFinite }
    guard broken == 0 else {
      throw FileError(
        path: file.path,
        problem: "\(broken) of the \(tensor.shape.elementCount) numbers of tensor "
          + "\(name.quotedForMessage) are not finite",
        remedy: "share a step whose loss did not overflow (mixed precision scales losses up)")
    }
    return tensor
  }

  private static func notes(
    _ matching: TensorMatching, silent: [String], buffers: [String]
  ) -> [Sentence] {
    var notes: [Sentence] = []
    let (missing, extras) = (matching.missing, matching.extras)
    if !missing.isEmpty {
      let names = missing.map { matching.wanted[$0].name }
      var hint: Sentence = ""
      if let first = names.first, let near = nearestSpelling(to: first, in: extras) {
        let rule = "'\(near)=\(first)'".escapingControlCharacters
        hint = """
           If \(near.quotedForMessage) is \(first.quotedForMessage), say so with \(.renaming, rule).
          """
      }
      notes.append(
        """
        \(missing.count) of \(matching.wanted.count) parameters are not in the file and are left out \
        of the attack: \(listed(names)).\(hint)
        """)
    }
    // What a list has besides parameters are buffers, or it would not fit.
    let isList = matching.matches.contains { $0.reason == .position }
    let statistics = extras.filter {
      isList || buffers.contains(WrapperNames.stripped($0)) || $0.hasSuffix("num_batches_tracked")
        || $0.hasSuffix("running_mean") || $0.hasSuffix("running_var")
    }
    let strangers = extras.filter { !statistics.contains($0) }
    if !statistics.isEmpty {
      notes.append(
        """
        \(statistics.count) tensors are statistics, not parameters, and have no gradient: \
        \(listed(statistics)).
        """)
    }
    if !strangers.isEmpty {
      notes.append(
        """
        \(strangers.count) tensors of the file belong to no parameter and are not used: \
        \(listed(strangers)).
        """)
    }
    if !silent.isEmpty {
      notes.append(
        """
        \(silent.count) tensors are all zeros (a frozen or inactive layer, or gradients that were \
        dropped): \(listed(silent)).
        """)
    }
    return notes
  }

  private static func listed(_ names: [String]) -> String {
    names.prefix(4).map { String($0.prefix(60)).escapingControlCharacters }.joined(separator: ", ")
      + (names.count > 4 ? ", ..." : "")
  }
}

extension UpdateReading {
  /// An update of a parameter without what decoupled decay took off its weights.
  ///
  /// - Throws: ``AttackError`` where the weights are not known.
  fileprivate func takingOffDecay(
    _ update: Tensor, parameter: Int
  ) throws(AttackError) -> Tensor {
    guard let training, training.rule.optimizer.isDecayDecoupled else { return update }
    guard let startingWeights else {
      throw AttackError(
        advising:
          "the decay of \(training.rule.optimizer) is that of the weights; give them with \(.weights)"
      )
    }
    return training.takingOffDecay(update, weights: startingWeights[parameter])
  }

  /// What the update is known by.
  var origin: SharedUpdate.Origin {
    switch kind {
    case .gradient: .gradient
    case .difference, .weights:
      .difference(learningRate: training?.learningRate ?? learningRate ?? 1)
    }
  }
}
