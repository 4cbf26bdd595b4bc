import TensorGraph

/// The shapes of a program's inputs: as the caller gives them, else as the model declares them.
struct InputBinding {
  private(set) var specs: [ONNXTensorSpec] = []
  private(set) var constants: [String: HostTensor] = [:]
  private(set) var batchOverride: ONNXPlan.BatchOverride?

  init(
    _ inputs: [ONNXValueInfo], _ shapes: [String: [Int]], _ options: ONNXOptions
  ) throws(ONNXError) {
    if let stranger = shapes.keys.sorted().first(where: { name in
      !inputs.contains { $0.name == name }
    }) {
      let known = inputs.map { $0.name.quotedForMessage }.joined(separator: ", ")
      throw ONNXError(
        .mismatch,
        "the model has no input \(stranger.quotedForMessage); give shapes for \(known)")
    }
    let named = try InputBinding.namedExtents(inputs, shapes, options)
    for input in inputs {
      guard let type = input.elementType else {
        throw ONNXError(
          .unsupported,
          "the input \(input.name.quotedForMessage) is no tensor of numbers that gradleak computes")
      }
      if let value = options.inputValues[input.name] {
        guard type.isFloatingPoint == value.dtype.isFloatingPoint else {
          throw ONNXError(
            .mismatch,
            "the input \(input.name.quotedForMessage) is \(type), not \(value.dtype)")
        }
        constants[input.name] = HostTensor(value, type)
        continue
      }
      let shape = try InputBinding.shape(of: input, shapes[input.name], named)
      specs.append(
        ONNXTensorSpec(name: input.name, shape: try Shape(checking: shape), elementType: type))
      if case .fixed(let declared)? = input.dimensions?.first, let actual = shape.first,
        declared != actual, declared > 0
      {
        batchOverride = ONNXPlan.BatchOverride(declared: declared, actual: actual)
      }
    }
  }

  /// Symbolic extents that a given shape or the options fix.
  private static func namedExtents(
    _ inputs: [ONNXValueInfo], _ shapes: [String: [Int]], _ options: ONNXOptions
  ) throws(ONNXError) -> [String: Int] {
    var extents = options.dimensions
    for input in inputs {
      guard let given = shapes[input.name], let dimensions = input.dimensions,
        given.count == dimensions.count
      else { continue }
      for case (.symbolic(let name), let extent) in zip(dimensions, given) {
        if let known = extents[name], known != extent {
          throw ONNXError(
            .mismatch,
            "the extent \(name.quotedForMessage) cannot be both \(known) and \(extent); give equal "
              + "extents")
        }
        extents[name] = extent
      }
    }
    return extents
  }

  private static func shape(
    of input: ONNXValueInfo, _ given: [Int]?, _ named: [String: Int]
  ) throws(ONNXError) -> [Int] {
    let name = input.name.quotedForMessage
    if let given {
      guard input.dimensions.map({ $0.count == given.count }) ?? true else {
        throw ONNXError(
          .mismatch,
          "the shape \(given) has \(given.count) axes, but the input \(name) is "
            + "\(input.shapeDescription)")
      }
      return given
    }
    guard let dimensions = input.dimensions else {
      throw ONNXError(.mismatch, "the model does not say the shape of its input \(name); give it")
    }
    return dimensions.map { dimension in
      switch dimension {
      case .fixed(let extent): extent
      case .symbolic(let name): named[name] ?? 1
      case .unknown: 1
      }
    }
  }
}
