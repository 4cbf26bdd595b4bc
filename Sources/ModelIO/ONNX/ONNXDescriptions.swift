/// An extent in the declared shape of a model's input or output.
public enum ONNXDimension: Hashable, Sendable, CustomStringConvertible {
  case fixed(Int)
  /// An extent that the caller chooses; equal names mean equal extents.
  case symbolic(String)
  case unknown

  public var description: String {
    switch self {
    case .fixed(let extent): String(extent)
    case .symbolic(let name): name
    case .unknown: "?"
    }
  }

  init(_ dimension: TensorShapeProto.Dimension) {
    switch dimension.value {
    // Exporters write -1 and 0 for extents that they do not know.
    case .dimValue(let extent): self = extent >= 1 ? .fixed(Int(extent)) : .unknown
    case .dimParam(let name):
      self = ONNXDimension.isPlaceholder(name) ? .unknown : .symbolic(name)
    case nil: self = .unknown
    }
  }

  /// Whether a name only says that an extent is open: extents of such a name need not be equal.
  private static func isPlaceholder(_ name: String) -> Bool {
    let name = name.lowercased()
    let words: Set = [
      "", "?", "*", "none", "null", "nan", "n/a", "na", "unk", "unknown", "any", "dynamic", "-",
      "_",
    ]
    return words.contains(name) || name.hasPrefix("unk__") || Int(name) != nil
  }
}

/// An input or output as the model declares it.
public struct ONNXValueInfo: Hashable, Sendable {
  public let name: String
  /// Nil when the value is no tensor of a type that gradleak computes.
  public let elementType: ONNXElementType?
  /// Nil when the model does not declare a shape.
  public let dimensions: [ONNXDimension]?

  init(_ info: ValueInfoProto) {
    name = info.name
    let tensor = info.type.tensorType
    elementType = ONNXElementType(rawValue: Int(tensor.elemType))
    dimensions = tensor.hasShape ? tensor.shape.dim.map(ONNXDimension.init) : nil
  }

  /// The declared shape: "[N, 3, 224, 224]", or "of any shape".
  public var shapeDescription: String {
    dimensions.map { "[" + $0.map(\.description).joined(separator: ", ") + "]" } ?? "of any shape"
  }
}

/// A tensor stored in the model.
public struct ONNXInitializer: Hashable, Sendable {
  public let name: String
  /// Nil for types that gradleak does not compute.
  public let elementType: ONNXElementType?
  public let shape: [Int]
  /// The file that holds the elements, relative to the model's folder; nil for the model itself.
  public let externalFile: String?
}

/// One operator of the model's graph, for listings.
public struct ONNXNode: Hashable, Sendable {
  /// May be empty: names are optional in ONNX.
  public let name: String
  /// Empty for the standard operators.
  public let domain: String
  public let operatorName: String
  public let inputs: [String]
  public let outputs: [String]

  init(_ node: NodeProto) {
    name = node.name
    domain = node.domain
    operatorName = node.opType
    inputs = node.input
    outputs = node.output
  }
}
