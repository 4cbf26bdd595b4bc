import TensorGraph

/// Choices in turning a model into a program.
public struct ONNXOptions: Hashable, Sendable {
  /// Initialisers to take as parameters although they do not look trainable.
  public var trainable: Set<String> = []
  /// Initialisers to take as buffers although they look trainable.
  public var frozen: Set<String> = []
  /// The outputs wanted, by name; nil for all. Values inside the graph may be named too. What no
  /// wanted output needs is not lowered.
  public var outputs: [String]?
  /// Symbolic extents by name: "batch", "sequence".
  public var dimensions: [String: Int] = [:]
  /// Inputs whose values are known and fixed: they become constants, so that shapes may depend on
  /// them, and are no inputs of the program.
  public var inputValues: [String: Tensor] = [:]

  /// The defaults above.
  public init() {}
}

/// How operators that differ between training and evaluation behave.
public enum ONNXForwardMode: Hashable, Sendable, CaseIterable {
  /// As the file says (its `training_mode` attributes and inputs).
  case asExported
  /// Batch normalisation by the running statistics; dropout passes its input on.
  case evaluation
  /// Batch normalisation by the statistics of the batch. Dropout with a ratio above 0 is refused:
  /// its mask is not known.
  case training
}
