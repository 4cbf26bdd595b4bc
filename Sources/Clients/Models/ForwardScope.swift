import TensorGraph

/// Whether a model computes as in training or as in evaluation.
public enum ForwardMode: String, Hashable, Sendable, CaseIterable, Codable {
  /// Batch normalisation uses running statistics.
  case evaluation
  /// Batch normalisation uses the statistics of the batch.
  case training
}

/// What a forward pass reads parameters from: a place in the tree of a model's layers.
///
/// A forward pass declares each parameter where it reads it, so that names, shapes, initialisers and
/// computation are written once. `scope["layer1.0"]["conv1"]` reads `layer1.0.conv1.weight`.
public struct ForwardScope {
  package let context: ForwardContext
  /// Name of this place, without a trailing dot; empty at the root.
  public let path: String

  package init(context: ForwardContext, path: String) {
    self.context = context
    self.path = path
  }

  /// How batch norm computes.
  public var mode: ForwardMode { context.mode }

  /// The place `name` below this one.
  public subscript(name: String) -> ForwardScope {
    ForwardScope(context: context, path: qualified(name))
  }

  /// The trained parameter `name` of this place.
  public func parameter(_ name: String, _ shape: Shape, _ initializer: Initializer) -> Value {
    context.read(ParameterSpec(qualified(name), shape, initializer), .parameter)
  }

  /// The untrained tensor `name` of this place, such as running statistics.
  public func buffer(_ name: String, _ shape: Shape, _ initializer: Initializer) -> Value {
    context.read(ParameterSpec(qualified(name), shape, initializer), .buffer)
  }

  private func qualified(_ name: String) -> String {
    path.isEmpty ? name : path + "." + name
  }
}

/// One run of a forward pass: binds names to values, or, in the run that finds out what a model
/// reads, declares an input for each.
package final class ForwardContext {
  enum Kind {
    case parameter
    case buffer
  }

  /// A batch normalisation: what it normalises [N, C, ...], and its running statistics [C].
  package struct BatchNormLayer {
    package let input: Value
    package let running: (mean: Value, variance: Value)
  }

  /// A random layer, by the path of its parameters: what is computed before its noise [N, 2 size], and
  /// what it adds to the loss, a scalar.
  package struct Bottleneck {
    let path: String
    package let encoding: Value
    let penalty: Value

    package init(path: String, encoding: Value, penalty: Value) {
      self.path = path
      self.encoding = encoding
      self.penalty = penalty
    }
  }

  let mode: ForwardMode
  private let dtype: DType
  private let builder: GraphBuilder
  private var values: [String: Value]
  private let declares: Bool
  /// Of the inputs that are declared.
  private let role: InputRole
  package private(set) var parameters: [ParameterSpec] = []
  private(set) var buffers: [ParameterSpec] = []
  package var batchNormLayers: [BatchNormLayer] = []
  package var bottleneck: Bottleneck?

  /// A run with `values` for every name, or, without them, one that declares inputs.
  package init(
    mode: ForwardMode, builder: GraphBuilder, dtype: DType, values: [String: Value]?,
    role: InputRole = .varying
  ) {
    self.mode = mode
    self.role = role
    self.builder = builder
    self.dtype = dtype
    self.values = values ?? [:]
    self.declares = values == nil
  }

  /// The input or given value that stands for a parameter or buffer, once it was read.
  package func value(of name: String) -> Value? { values[name] }

  func read(_ spec: ParameterSpec, _ kind: Kind) -> Value {
    if let value = values[spec.name] {
      precondition(
        value.shape == spec.shape,
        "parameter \(spec.name) is read as \(spec.shape) but is \(value.shape)")
      return value
    }
    precondition(declares, "the forward pass reads \(spec.name), which its first run did not")
    let value = builder.input(spec.name, spec.shape, dtype, role: role)
    values[spec.name] = value
    switch kind {
    case .parameter: parameters.append(spec)
    case .buffer: buffers.append(spec)
    }
    return value
  }
}
