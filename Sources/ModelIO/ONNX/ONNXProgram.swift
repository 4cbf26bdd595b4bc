import TensorGraph

/// A tensor that a program takes besides the data: a parameter, or a buffer.
public struct ONNXTensorSpec: Hashable, Sendable {
  /// The initialiser's name in the file; buffers that were computed are called "constant_N".
  public let name: String
  public let shape: Shape
  public let elementType: ONNXElementType

  /// The type in a graph whose floating-point numbers are `floating`.
  public func type(floating: DType) -> TensorType {
    TensorType(shape, elementType.dtype(floating: floating))
  }
}

/// A model of fixed shapes, checked operator by operator, that builds graphs.
///
/// Its tensors come in three groups, each bound by the caller:
/// - ``inputs``: the data.
/// - ``parameters``: floating-point initialisers that training changes. Names and shapes are the
///   file's. A floating-point initialiser is a parameter unless it is a statistic of a batch
///   normalisation, is named like one of PyTorch's usual buffers (`running_mean`,
///   `position_ids`, `inv_freq`, ...), or was named by the exporter (`onnx::Mul_12`, `val_3`, ...)
///   and no layer takes it as a weight or bias. ``ONNXOptions`` overrules.
/// - ``buffers``: all other tensors that a graph needs: running statistics under their file names,
///   and constants that are not simple enough to be built from scalars.
public struct ONNXProgram: Sendable {
  public let model: ONNXModel
  public let options: ONNXOptions
  public let inputs: [ONNXTensorSpec]
  public let parameters: [ONNXTensorSpec]
  public let buffers: [ONNXTensorSpec]
  public let outputs: [ONNXTensorSpec]
  /// What the user should know: "dropout is left out", in the order of the nodes.
  public let warnings: [String]
  /// Why the model cannot be lowered in training mode; nil when it can.
  public let trainingProblem: ONNXError?
  /// Names of parameters that the exporter made up, so that the training code's names are lost:
  /// match them by shape.
  public let anonymousParameters: Set<String>
  /// Parameters that linear layers multiply from the right as they are stored: [in, out] where
  /// PyTorch's `Linear.weight` is [out, in]. With a lost name, PyTorch's tensor is the transpose.
  public let transposedParameters: Set<String>

  let bufferContents: [HostTensor]
  let plan: ONNXPlan

  init(
    model: ONNXModel, inputShapes: [String: [Int]], options: ONNXOptions
  ) throws(ONNXError) {
    let plan = try ONNXPlan(model: model, inputShapes: inputShapes, options: options)
    let trial = try plan.tryOut()
    self.model = model
    self.options = options
    self.plan = plan
    inputs = plan.inputs
    parameters = plan.parameters
    buffers = trial.buffers
    bufferContents = trial.bufferContents
    outputs = trial.outputs
    warnings = trial.warnings
    trainingProblem = trial.trainingProblem
    anonymousParameters = plan.anonymousParameters
    transposedParameters = trial.transposedParameters
  }

  /// The parameters' values in the file, rounded to `floating`.
  ///
  /// - Throws: ``ONNXError`` when external data is missing or does not fit, or a weight is not finite.
  public func parameterValues(floating: DType = .f32) throws(ONNXError) -> [Tensor] {
    var values: [Tensor] = []
    for parameter in parameters {
      let value = try plan.initializer(named: parameter.name).tensor(floating: floating)
      if let problem = WeightCheck.problem(of: value, named: parameter.name) {
        throw ONNXError(.malformed, "\(model.path): \(problem); \(WeightCheck.remedy)")
      }
      values.append(value)
    }
    return values
  }

  /// The buffers' values in the file.
  public func bufferValues(floating: DType = .f32) -> [Tensor] {
    bufferContents.map { $0.tensor(floating: floating) }
  }

  /// Builds the model's computation; may be called many times, with one builder or several.
  ///
  /// - Parameters:
  ///   - builder: where the values live.
  ///   - inputs, parameters, buffers: one value for each of the program's, of its type.
  ///   - mode: how batch normalisation and dropout behave.
  ///   - floating: `f32` or `f64`, the type of all floating-point numbers.
  /// - Returns: the values of ``outputs``.
  /// - Throws: ``ONNXError`` when the model cannot be lowered in this mode. A value of a wrong type
  ///   is a programmer's error and traps.
  public func emit(
    in builder: GraphBuilder, inputs: [Value], parameters: [Value], buffers: [Value],
    mode: ONNXForwardMode = .asExported, floating: DType = .f32
  ) throws(ONNXError) -> [Value] {
    precondition(floating.isFloatingPoint, "\(floating) is no floating-point type")
    func check(_ values: [Value], _ specs: [ONNXTensorSpec], _ what: String) {
      precondition(
        values.map(\.type) == specs.map { $0.type(floating: floating) },
        "\(what) \(values.map(\.type)) do not fit \(specs)")
    }
    check(inputs, self.inputs, "inputs")
    check(parameters, self.parameters, "parameters")
    check(buffers, self.buffers, "buffers")
    if mode == .training, let trainingProblem { throw trainingProblem }
    do throws(ONNXError) {
      return try plan.emit(
        in: builder, inputs: inputs, parameters: parameters,
        buffers: BufferTable(contents: bufferContents, specs: self.buffers, values: buffers),
        mode: mode, floating: floating)
    } catch {
      throw error.located(model.path)
    }
  }

  /// The whole model as a graph: inputs, then parameters (fixed), then buffers (fixed).
  ///
  /// - Throws: ``ONNXError`` as ``emit(in:inputs:parameters:buffers:mode:floating:)``.
  public func graph(
    mode: ONNXForwardMode = .asExported, floating: DType = .f32
  ) throws(ONNXError) -> Graph {
    let builder = GraphBuilder()
    func declare(_ specs: [ONNXTensorSpec], _ role: InputRole) -> [Value] {
      specs.map { spec in
        let type = spec.type(floating: floating)
        return builder.input(spec.name, type.shape, type.dtype, role: role)
      }
    }
    let inputValues = declare(inputs, .varying)
    let parameterValues = declare(parameters, .fixed)
    let bufferValues = declare(buffers, .fixed)
    let results = try emit(
      in: builder, inputs: inputValues, parameters: parameterValues, buffers: bufferValues,
      mode: mode, floating: floating)
    return builder.build(outputs: results)
  }
}
