import ONNXProtobuf

/// Which floating-point initialisers training changes: see ``ONNXProgram``.
struct InitializerRoles {
  private(set) var parameters: Set<String> = []

  /// Inputs that hold weights and biases, by operator.
  private static let weightInputs: [String: Set<Int>] = [
    "Conv": [1, 2], "ConvTranspose": [1, 2], "Gemm": [0, 1, 2], "MatMul": [0, 1],
    "FusedMatMul": [0, 1], "BatchNormalization": [1, 2], "LayerNormalization": [1, 2],
    "GroupNormalization": [1, 2], "InstanceNormalization": [1, 2], "RMSNormalization": [1],
    "SimplifiedLayerNormalization": [1], "PRelu": [1], "Gather": [0], "Einsum": [0, 1, 2],
    "LSTM": [1, 2, 3, 7], "GRU": [1, 2, 3], "RNN": [1, 2, 3],
  ]

  /// Inputs that are settings of an operator, and must be known before the graph runs.
  private static let settingInputs: [String: Set<Int>] = [
    "Dropout": [1, 2], "Resize": [1, 2], "Upsample": [1], "Range": [0, 1, 2], "OneHot": [1],
    "Clip": [1, 2], "Pad": [2],
  ]

  /// Operators that pass a weight on.
  private static let passing: Set<String> = [
    "Identity", "Transpose", "Reshape", "Cast", "Squeeze", "Unsqueeze", "CastLike", "Flatten",
  ]

  init(_ graph: Onnx_GraphProto, nodes: [Int], _ options: ONNXOptions) {
    let floating = Set(
      graph.initializer.filter {
        ONNXElementType(rawValue: Int($0.dataType))?.isFloatingPoint ?? false
      }.map(\.name))
    var origins: [String: String] = Dictionary(
      floating.map { ($0, $0) }, uniquingKeysWith: { first, _ in first })
    var weights: Set<String> = []
    var untrained: Set<String> = []
    var used: Set<String> = []
    for index in nodes {
      let node = graph.node[index]
      for (position, name) in node.input.enumerated() {
        guard let origin = origins[name] else { continue }
        used.insert(origin)
        let isWeight = InitializerRoles.weightInputs[node.opType]?.contains(position) ?? false
        if isWeight { weights.insert(origin) }
        let isSetting = InitializerRoles.settingInputs[node.opType]?.contains(position) ?? false
        let isStatistic = node.opType == "BatchNormalization" && position >= 3
        if isSetting || isStatistic { untrained.insert(origin) }
      }
      if InitializerRoles.passing.contains(node.opType), let name = node.input.first,
        let origin = origins[name], let output = node.output.first
      {
        origins[output] = origin
      }
      // Branches take names from around them.
      for name in node.attribute.flatMap({ $0.g.node.flatMap(\.input) }) {
        if let origin = origins[name] { used.insert(origin) }
      }
    }
    for output in graph.output { if let origin = origins[output.name] { used.insert(origin) } }
    parameters = used.filter { name in
      if options.trainable.contains(name) { return true }
      if options.frozen.contains(name) || untrained.contains(name) { return false }
      if InitializerRoles.isUsualBuffer(name) { return false }
      return weights.contains(name) || !InitializerRoles.isMadeByExporter(name)
    }
  }

  /// Whether the last part of the name is one that PyTorch's modules give to buffers.
  static func isUsualBuffer(_ name: String) -> Bool {
    let last = name.split(separator: ".").last.map(String.init) ?? name
    let names: Set = [
      "running_mean", "running_var", "num_batches_tracked", "position_ids", "token_type_ids",
      "relative_position_index", "relative_coords_table", "attn_mask", "attention_mask", "inv_freq",
      "original_inv_freq", "cos_cached", "sin_cached", "masked_bias", "causal_mask", "mask",
    ]
    return names.contains(last)
  }

  /// Whether an exporter made the name up: `onnx::Conv_123`, `val_4`, `/layer/Constant_output_0`,
  /// `_inlfunc_…`, `123`, `lifted_tensor_0`, `scalar_tensor_default`, ….
  static func isMadeByExporter(_ name: String) -> Bool {
    if name.contains("::") || name.hasPrefix("/") || name.contains("Constant") { return true }
    if name.contains("lifted_tensor") || name.hasPrefix("_inlfunc") { return true }
    if name.hasPrefix("scalar_tensor") || name.hasPrefix("c_lifted") { return true }
    let digits = name.hasPrefix("val_") ? name.dropFirst(4) : name[...]
    return !digits.isEmpty && digits.allSatisfy { $0.isNumber || $0 == "_" }
  }
}
