import TensorGraph

/// Undoes what PyTorch's TorchScript exporter does to equal tensors: it stores one of them, and makes
/// the others from it by `Identity` nodes that bear their names. Tensors filled with one number
/// (fresh biases and scales) are equal by chance, and parameters of their own; equal tensors
/// of any other content are taken for one that the layers share.
struct EqualInitializers {
  /// Elements that may be added.
  private var remainingElements: Int
  private let external: ExternalData

  init(_ limits: ONNXLimits, _ external: ExternalData) {
    remainingElements = limits.maximumConstantElements
    self.external = external
  }

  /// Replaces such nodes of `graph` by initialisers of their own, at the end of the list.
  ///
  /// - Returns: their names.
  mutating func separate(in graph: inout GraphProto) -> Set<String> {
    var candidates: Set<Int> = []
    var directlyUsed: Set<String> = []
    for (index, node) in graph.node.enumerated() {
      if EqualInitializers.isNamedCopy(node) {
        candidates.insert(index)
      } else {
        directlyUsed.formUnion(node.input)
      }
    }
    guard !candidates.isEmpty else { return [] }
    var tensors: [String: Int] = [:]
    for (index, tensor) in graph.initializer.enumerated() where tensors[tensor.name] == nil {
      tensors[tensor.name] = index
    }
    var isFill: [Int: Bool] = [:]
    var separated: Set<Int> = []
    var names: Set<String> = []
    for index in candidates.sorted() {
      let (source, name) = (graph.node[index].input[0], graph.node[index].output[0])
      guard directlyUsed.contains(source), tensors[name] == nil, let position = tensors[source]
      else { continue }
      var tensor = graph.initializer[position]
      let fill = isFill[position] ?? self.isFill(tensor)
      isFill[position] = fill
      guard fill, take(tensor) else { continue }
      tensor.name = name
      tensors[name] = graph.initializer.count
      graph.initializer.append(tensor)
      separated.insert(index)
      names.insert(name)
    }
    if !separated.isEmpty {
      graph.node = graph.node.enumerated().filter { !separated.contains($0.offset) }.map(\.element)
    }
    return names
  }

  private static func isNamedCopy(_ node: NodeProto) -> Bool {
    node.opType == "Identity" && node.domain.isEmpty && node.input.count == 1
      && node.output.count == 1 && !node.output[0].isEmpty
      && !InitializerRoles.isMadeByExporter(node.output[0])
  }

  private mutating func take(_ tensor: TensorProto) -> Bool {
    guard let shape = try? Shape(checking: tensor.dims.map { Int($0) }),
      shape.elementCount <= remainingElements
    else { return false }
    remainingElements -= shape.elementCount
    return true
  }

  /// Whether a floating-point tensor holds one number only; not when it is malformed.
  private func isFill(_ tensor: TensorProto) -> Bool {
    guard let type = ONNXElementType(rawValue: Int(tensor.dataType)), type.isFloatingPoint else {
      return false
    }
    if tensor.hasRawData, tensor.dataLocation != .external {
      return tensor.rawData.withUnsafeBytes { bytes in
        let width = type.byteCount
        return bytes.count >= width
          && bytes.dropFirst(width).elementsEqual(bytes.dropLast(width))
      }
    }
    guard let values = try? HostTensor(tensor, external).doubles, let first = values.first else {
      return false
    }
    return values.allSatisfy { $0 == first }
  }
}
