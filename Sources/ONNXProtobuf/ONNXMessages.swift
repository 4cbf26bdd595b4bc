// The messages of ONNX's onnx.proto (<https://onnx.ai/onnx/repo-docs/IR.html>), with the fields that a model's
// computation is made of and under the names that the format gives them. The rest is skipped: documentation,
// metadata, training, devices, sparse tensors' contents.

package struct Onnx_ModelProto: ProtobufMessage {
  package var irVersion: Int64 = 0
  package var producerName = ""
  package var producerVersion = ""
  package var graph = Onnx_GraphProto()
  package private(set) var hasGraph = false
  package var opsetImport: [Onnx_OperatorSetIdProto] = []
  package var functions: [Onnx_FunctionProto] = []

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&irVersion)
    case 2: try reader.read(&producerName)
    case 3: try reader.read(&producerVersion)
    case 7: hasGraph = try reader.read(&graph) || hasGraph
    case 8: try reader.read(&opsetImport)
    case 25: try reader.read(&functions)
    default: break
    }
  }
}

package struct Onnx_OperatorSetIdProto: ProtobufMessage {
  package var domain = ""
  package var version: Int64 = 0

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&domain)
    case 2: try reader.read(&version)
    default: break
    }
  }
}

package struct Onnx_FunctionProto: ProtobufMessage {
  package var name = ""
  package var domain = ""
  package var overload = ""
  package var input: [String] = []
  package var output: [String] = []
  package var attribute: [String] = []
  package var attributeProto: [Onnx_AttributeProto] = []
  package var node: [Onnx_NodeProto] = []
  package var opsetImport: [Onnx_OperatorSetIdProto] = []

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&name)
    case 4: try reader.read(&input)
    case 5: try reader.read(&output)
    case 6: try reader.read(&attribute)
    case 7: try reader.read(&node)
    case 9: try reader.read(&opsetImport)
    case 10: try reader.read(&domain)
    case 11: try reader.read(&attributeProto)
    case 13: try reader.read(&overload)
    default: break
    }
  }
}

package struct Onnx_GraphProto: ProtobufMessage {
  package var node: [Onnx_NodeProto] = []
  package var initializer: [Onnx_TensorProto] = []
  package var sparseInitializer: [Onnx_SparseTensorProto] = []
  package var input: [Onnx_ValueInfoProto] = []
  package var output: [Onnx_ValueInfoProto] = []

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&node)
    case 5: try reader.read(&initializer)
    case 11: try reader.read(&input)
    case 12: try reader.read(&output)
    case 15: try reader.read(&sparseInitializer)
    default: break
    }
  }
}

package struct Onnx_NodeProto: ProtobufMessage {
  package var name = ""
  package var opType = ""
  package var domain = ""
  package var overload = ""
  package var input: [String] = []
  package var output: [String] = []
  package var attribute: [Onnx_AttributeProto] = []

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&input)
    case 2: try reader.read(&output)
    case 3: try reader.read(&name)
    case 4: try reader.read(&opType)
    case 5: try reader.read(&attribute)
    case 7: try reader.read(&domain)
    case 8: try reader.read(&overload)
    default: break
    }
  }
}

package struct Onnx_AttributeProto: ProtobufMessage {
  package var name = ""
  package var refAttrName = ""
  package var f: Float = 0
  package var i: Int64 = 0
  package var floats: [Float] = []
  package var ints: [Int64] = []
  package var graphs: [Onnx_GraphProto] = []
  package var s: [UInt8] = []
  private var storedTensor: Indirect<Onnx_TensorProto>?
  private var storedGraph: Indirect<Onnx_GraphProto>?

  /// A value of its own place in memory, as most attributes have none.
  private final class Indirect<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) {
      self.value = value
    }
  }

  package init() {}

  package var t: Onnx_TensorProto {
    get { storedTensor?.value ?? Onnx_TensorProto() }
    set { storedTensor = Indirect(newValue) }
  }
  package var hasG: Bool { storedGraph != nil }
  package var g: Onnx_GraphProto {
    get { storedGraph?.value ?? Onnx_GraphProto() }
    set { storedGraph = Indirect(newValue) }
  }

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&name)
    case 2: try reader.read(&f)
    case 3: try reader.read(&i)
    case 4: try reader.read(&s)
    case 5:
      var tensor = t
      if try reader.read(&tensor) { t = tensor }
    case 6:
      var graph = g
      if try reader.read(&graph) { g = graph }
    case 7: try reader.read(&floats)
    case 8: try reader.read(&ints)
    case 11: try reader.read(&graphs)
    case 21: try reader.read(&refAttrName)
    default: break
    }
  }
}
