// The messages of an ONNX file, by their names in `onnx.proto` of the ONNX project (version 1.23), with the fields
// that are used here; <https://onnx.ai/onnx/repo-docs/IR.html> says what they mean.

struct ModelProto: WireMessage {
  var irVersion: Int64 = 0
  var producerName = ""
  var producerVersion = ""
  var opsetImport: [OperatorSetIdProto] = []
  var graph = GraphProto()
  var hasGraph = false
  var functions: [FunctionProto] = []

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: irVersion = try reader.integer(value)
    case 2: producerName = try reader.text(value)
    case 3: producerVersion = try reader.text(value)
    case 7:
      hasGraph = true
      try reader.merge(value, into: &graph)
    case 8: try reader.append(value, to: &opsetImport)
    case 25: try reader.append(value, to: &functions)
    default: break
    }
  }
}

struct OperatorSetIdProto: WireMessage {
  var domain = ""
  var version: Int64 = 0

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: domain = try reader.text(value)
    case 2: version = try reader.integer(value)
    default: break
    }
  }
}

struct FunctionProto: WireMessage {
  var name = ""
  var domain = ""
  var overload = ""
  var input: [String] = []
  var output: [String] = []
  /// Names of attributes without a default.
  var attribute: [String] = []
  /// Attributes with their defaults.
  var attributeProto: [AttributeProto] = []
  var node: [NodeProto] = []
  var opsetImport: [OperatorSetIdProto] = []

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: name = try reader.text(value)
    case 4: input.append(try reader.text(value))
    case 5: output.append(try reader.text(value))
    case 6: attribute.append(try reader.text(value))
    case 7: try reader.append(value, to: &node)
    case 9: try reader.append(value, to: &opsetImport)
    case 10: domain = try reader.text(value)
    case 11: try reader.append(value, to: &attributeProto)
    case 13: overload = try reader.text(value)
    default: break
    }
  }
}

struct GraphProto: WireMessage {
  var node: [NodeProto] = []
  var initializer: [TensorProto] = []
  var hasSparseInitializers = false
  var input: [ValueInfoProto] = []
  var output: [ValueInfoProto] = []

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: try reader.append(value, to: &node)
    case 5: try reader.append(value, to: &initializer)
    case 11: try reader.append(value, to: &input)
    case 12: try reader.append(value, to: &output)
    case 15: hasSparseInitializers = true
    default: break
    }
  }
}

struct NodeProto: WireMessage {
  var name = ""
  var opType = ""
  var domain = ""
  var overload = ""
  var input: [String] = []
  var output: [String] = []
  var attribute: [AttributeProto] = []

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: input.append(try reader.text(value))
    case 2: output.append(try reader.text(value))
    case 3: name = try reader.text(value)
    case 4: opType = try reader.text(value)
    case 5: try reader.append(value, to: &attribute)
    case 7: domain = try reader.text(value)
    case 8: overload = try reader.text(value)
    default: break
    }
  }
}

struct AttributeProto: WireMessage {
  var name = ""
  /// The attribute of the function around it that gives it its value; empty for none.
  var refAttrName = ""
  var f: Float = 0
  var i: Int64 = 0
  var s: [UInt8] = []
  var floats: [Float] = []
  var ints: [Int64] = []
  var graphs: [GraphProto] = []
  // One at most, and seldom: an attribute should not be of their size.
  private var tensor: [TensorProto] = []
  private var graph: [GraphProto] = []

  init() {}

  var t: TensorProto { tensor.first ?? TensorProto() }
  var g: GraphProto { graph.first ?? GraphProto() }
  var hasG: Bool { !graph.isEmpty }

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: name = try reader.text(value)
    case 2: f = try reader.float(value)
    case 3: i = try reader.integer(value)
    case 4: s = try reader.bytes(value)
    case 5:
      if tensor.isEmpty { tensor = [TensorProto()] }
      try reader.merge(value, into: &tensor[0])
    case 6:
      if graph.isEmpty { graph = [GraphProto()] }
      try reader.merge(value, into: &graph[0])
    case 7: try reader.append(floats: value, to: &floats)
    case 8: try reader.append(integers: value, to: &ints)
    case 11: try reader.append(value, to: &graphs)
    case 21: refAttrName = try reader.text(value)
    default: break
    }
  }
}
