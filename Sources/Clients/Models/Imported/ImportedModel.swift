import ModelIO
import TensorGraph

/// A model from an ONNX file, with the file's weights.
public struct ImportedModel: Sendable {
  /// The model with the file's weights.
  public let weighted: WeightedModel
  /// The parameters with what the file tells of their names in training code.
  public let wanted: [WantedTensor]
  /// Names of its activations, for records.
  public let activations: String
  /// The function that the file ends in and the logits go without; nil for none.
  public let ending: LossEnding?
  /// What a user should know: one sentence each.
  public let notes: [Sentence]

  /// Reads `path` and makes the model for the batches asked for.
  ///
  /// - Throws: ``ModelError`` when the file is no model of images that can be run so: what is missing,
  ///   and what to do.
  public init(contentsOf path: String, _ options: ImportOptions = ImportOptions())
    throws(ModelError)
  {
    do throws(ONNXError) {
      try self.init(ONNXModel(contentsOf: path), options)
    } catch {
      throw ModelError(advising: error.sentence)
    }
    do throws(FileError) {
      for (spec, value) in zip(weighted.model.buffers, weighted.buffers)
      where spec.name.hasSuffix("running_mean") || spec.name.hasSuffix("running_var") {
        try WeightCheck.requireFinite(value, named: spec.name, in: path)
      }
    } catch {
      throw ModelError(error.description)
    }
  }

  private init(_ file: ONNXModel, _ options: ImportOptions) throws(ONNXError) {
    let plan = try ImportPlan(file, options)
    let (layout, probe) = (plan.layout, plan.probeBatchSize)
    let model = Model(
      name: plan.name, inputShape: layout.exampleShape, classCount: plan.logits.classCount,
      labelPositions: plan.logits.positions, probeBatchSize: probe
    ) { scope, images in
      plan.forward(scope, images)
    }
    let first = plan.specializations[probe]
    weighted = WeightedModel(
      model: model, parameters: try first?.program.parameterValues(floating: .f64) ?? [],
      buffers: plan.bufferValues)
    wanted = plan.wanted()
    activations = plan.activations
    ending = plan.ending
    notes = plan.notes
  }
}

/// The programs of one file, one for each batch size.
struct ImportPlan: Sendable {
  struct Specialization: Sendable {
    let program: ONNXProgram
    /// For each of the program's buffers its index among all.
    let buffers: [Int]
  }

  let file: ONNXModel
  let name: String
  let layout: FileInputs
  let logits: LogitsShape
  let ending: LossEnding?
  let probeBatchSize: Int
  let mode: ForwardMode
  private(set) var specializations: [Int: Specialization] = [:]
  private var buffers: [ParameterSpec] = []
  private var bufferIndices: [String: Int] = [:]
  private var parameterNames: Set<String> = []
  private(set) var bufferValues: [Tensor] = []
  private(set) var notes: [Sentence] = []

  init(_ file: ONNXModel, _ options: ImportOptions) throws(ONNXError) {
    self.file = file
    mode = options.mode
    let path = file.path
    name = String(path.split(separator: "/").last ?? "model")
    do throws(ModelError) {
      layout = try FileInputs(file, options)
    } catch {
      throw ONNXError(.mismatch, advising: error.sentence)
    }
    let choice = try OutputChoice(file, asked: options.output)
    let attempt = try ImportPlan.firstThatFits(choice.candidates, file, layout, options)
    (logits, ending) = (attempt.logits, attempt.ending.kind)
    probeBatchSize = attempt.probeBatchSize
    notes += choice.notes(taking: attempt.output)
    if let note = attempt.ending.note { notes.append(note) }
    if let note = logits.note { notes.append(note) }
    let probe = attempt.probe
    guard !probe.parameters.isEmpty,
      !probe.parameters.contains(where: { $0.shape.elementCount == 0 })
    else {
      throw ONNXError(
        .unsupported,
        "\(path): the output \(attempt.output.quotedForMessage) depends on no parameters that are "
          + "trained, so that there is no gradient; export the model with its weights")
    }
    notes += probe.warnings.map { Sentence($0) }
    parameterNames = Set(probe.parameters.map(\.name))
    for (size, program) in attempt.programs.sorted(by: { $0.key < $1.key }) {
      try add(program, batchSize: size, like: probe)
    }
  }

  /// The programs for one output.
  private struct Attempt {
    let output: String
    let ending: LogitsEnding
    let programs: [Int: ONNXProgram]
    /// Of the smallest batch.
    let probe: ONNXProgram
    let probeBatchSize: Int
    let logits: LogitsShape
  }

  /// The first of a few candidates that gives logits for each image.
  private static func firstThatFits(
    _ candidates: [String], _ file: ONNXModel, _ layout: FileInputs, _ options: ImportOptions
  ) throws(ONNXError) -> Attempt {
    var failure: ONNXError?
    for output in candidates.prefix(4) {
      do throws(ONNXError) {
        return try attempt(output, file, layout, options)
      } catch {
        failure = failure ?? error
      }
    }
    throw failure ?? ONNXError(.malformed, "\(file.path): the model has no outputs")
  }

  private static func attempt(
    _ output: String, _ file: ONNXModel, _ layout: FileInputs, _ options: ImportOptions
  ) throws(ONNXError) -> Attempt {
    let ending = LogitsEnding(of: file, output: output)
    var choice = ONNXOptions()
    choice.dimensions = options.dimensions
    choice.outputs = [ending.output]
    func specialized(_ size: Int) throws(ONNXError) -> ONNXProgram {
      let program = try file.specialized(
        inputShapes: layout.shapes(batchSize: size), options: choice)
      if options.mode == .training, let problem = program.trainingProblem { throw problem }
      return program
    }
    var programs: [Int: ONNXProgram] = [:]
    for size in options.batchSizes.sorted() { programs[size] = try specialized(size) }
    // Where one image will not do, as in a file that froze its batch size, another number may.
    if programs[1] == nil { programs[1] = try? specialized(1) }
    var shapes: [Int: LogitsShape] = [:]
    for (size, program) in programs {
      shapes[size] = try LogitsShape(
        of: program, batchSize: size, layout: layout, path: file.path)
    }
    guard let size = programs.keys.min(), let probe = programs[size], let logits = shapes[size]
    else {
      throw ONNXError(.mismatch, "\(file.path): there is no batch size to examine the model with")
    }
    return Attempt(
      output: output, ending: ending, programs: programs, probe: probe, probeBatchSize: size,
      logits: logits)
  }

  private mutating func add(
    _ program: ONNXProgram, batchSize: Int, like probe: ONNXProgram
  ) throws(ONNXError) {
    guard program.parameters == probe.parameters else {
      throw ONNXError(
        .unsupported,
        "\(file.path): the model has other parameters for \(batchSize) images than for "
          + "\(probeBatchSize)")
    }
    let values = program.bufferValues(floating: .f64)
    var indices: [Int] = []
    for (spec, value) in zip(program.buffers, values) {
      guard !spec.elementType.isInteger || value.doubles.allSatisfy({ abs($0) <= 0x1p24 }) else {
        throw ONNXError(
          .unsupported,
          "\(file.path): the constant \(spec.name.quotedForMessage) holds integers beyond 2^24")
      }
      indices.append(index(of: spec, value, batchSize: batchSize))
    }
    specializations[batchSize] = Specialization(program: program, buffers: indices)
  }

  /// Where a buffer is kept; those of several batch sizes that are equal are kept once.
  private mutating func index(
    of spec: ONNXTensorSpec, _ value: Tensor, batchSize: Int
  ) -> Int {
    let content = value.converted(to: .f64)
    if let known = bufferIndices[spec.name], bufferValues[known] == content { return known }
    var name = spec.name
    var count = 1
    while bufferIndices[name] != nil || parameterNames.contains(name) {
      name = "\(spec.name), batch \(batchSize)" + (count > 1 ? ", \(count)" : "")
      count += 1
    }
    buffers.append(ParameterSpec(name, spec.shape, .zeros))
    bufferValues.append(content)
    bufferIndices[name] = buffers.count - 1
    return buffers.count - 1
  }

  // MARK: - Running

  /// The logits [N, ..., K] of images [N, C, H, W], whose number must be one of those planned for.
  func forward(_ scope: ForwardScope, _ images: Value) -> Value {
    let batchSize = images.shape[0]
    guard let specialization = specializations[batchSize] else {
      preconditionFailure(
        "\(name) was made for batches of \(specializations.keys.sorted()), not of \(batchSize)")
    }
    let program = specialization.program
    let parameters = program.parameters.map { scope.parameter($0.name, $0.shape, .zeros) }
    // All are read, so that every batch size takes the same list.
    let all = buffers.map { scope.buffer($0.name, $0.shape, .zeros) }
    let own = zip(program.buffers, specialization.buffers).map { spec, index in
      all[index].convert(to: spec.elementType.dtype(floating: images.dtype))
    }
    do {
      let outputs = try outputs(
        of: images, specialization, fixed: parameters + own,
        mode: scope.mode == .training ? .training : .evaluation)
      return logits.logits(of: outputs[0], batchSize: batchSize)
    } catch {
      preconditionFailure("\(name) could be lowered before, and now: \(error.message)")
    }
  }

  private func outputs(
    of examples: Value, _ specialization: Specialization, fixed: [Value], mode: ONNXForwardMode
  ) throws(ONNXError) -> [Value] {
    let program = specialization.program
    func emit(
      _ builder: GraphBuilder, _ inputs: [Value], _ fixed: [Value]
    ) throws(ONNXError) -> [Value] {
      let count = program.parameters.count
      return try program.emit(
        in: builder, inputs: inputs, parameters: Array(fixed.prefix(count)),
        buffers: Array(fixed.dropFirst(count)), mode: mode, floating: examples.dtype)
    }
    switch layout {
    case .pictures(let layout):
      return try emit(examples.builder, [layout.arranged(examples)], fixed)
    case .rows(let rows):
      // Integers, such as where the embedding of each column begins, are no weights.
      let integers = zip(program.buffers, specialization.buffers).enumerated().filter {
        $0.element.0.elementType.isInteger
      }
      let constants = Dictionary(
        uniqueKeysWithValues: integers.map {
          (program.parameters.count + $0.offset, bufferValues[$0.element.1])
        })
      return try rows.outputs(
        of: examples, program, fixed: fixed, constants: constants, emit: emit)
    }
  }

  // MARK: - Describing

  /// The parameters, with names that the exporter lost as far as the file still tells them.
  func wanted() -> [WantedTensor] {
    guard let program = specializations[probeBatchSize]?.program else { return [] }
    let likely = LostNames.likelyNames(in: file.nodes, lost: program.anonymousParameters)
    return program.parameters.map { spec in
      let isAnonymous = program.anonymousParameters.contains(spec.name)
      return WantedTensor(
        spec.name, spec.shape, likelyName: likely[spec.name], isAnonymous: isAnonymous,
        isTransposed: isAnonymous && program.transposedParameters.contains(spec.name),
        isInOrder: !file.separatedInitializers.contains(spec.name))
    }
  }

  /// The activations, the most frequent first.
  var activations: String {
    let known: Set = [
      "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Gelu", "Elu", "Selu", "Softplus", "HardSwish",
      "HardSigmoid", "PRelu", "Erf", "Mish", "Celu", "Clip",
    ]
    let counts = Dictionary(
      grouping: file.nodes.map(\.operatorName).filter(known.contains), by: { $0 }
    ).mapValues(\.count)
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted.isEmpty ? "none" : sorted.map { $0.key.lowercased() }.joined(separator: ", ")
  }
}
