// Tensors and types of ONNX's onnx.proto; see ONNXMessages.swift.

package struct Onnx_TensorProto: ProtobufMessage {
  package enum DataLocation: Int32, Sendable {
    case `default` = 0
    case external = 1
  }

  package var name = ""
  package var dims: [Int64] = []
  package var floatData: [Float] = []
  package var doubleData: [Double] = []
  package var int32Data: [Int32] = []
  package var int64Data: [Int64] = []
  package var uint64Data: [UInt64] = []
  package var externalData: [Onnx_StringStringEntryProto] = []
  package var dataLocation = DataLocation.default
  package var dataType: Int32 = 0
  package private(set) var hasDataType = false
  package var rawData: [UInt8] = []
  package private(set) var hasRawData = false
  package private(set) var hasSegment = false

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&dims)
    case 2: hasDataType = try reader.read(&dataType) || hasDataType
    case 3:
      var segment = Onnx_UnreadProto()
      hasSegment = try reader.read(&segment) || hasSegment
    case 4: try reader.read(&floatData)
    case 5: try reader.read(&int32Data)
    case 7: try reader.read(&int64Data)
    case 8: try reader.read(&name)
    case 9: hasRawData = try reader.read(&rawData) || hasRawData
    case 10: try reader.read(&doubleData)
    case 11: try reader.read(&uint64Data)
    case 13: try reader.read(&externalData)
    case 14:
      var location = dataLocation.rawValue
      try reader.read(&location)
      dataLocation = DataLocation(rawValue: location) ?? dataLocation
    default: break
    }
  }
}

/// A message of which only its being there counts.
package struct Onnx_UnreadProto: ProtobufMessage {
  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) {}
}

package typealias Onnx_SparseTensorProto = Onnx_UnreadProto

package struct Onnx_StringStringEntryProto: ProtobufMessage {
  package var key = ""
  package var value = ""

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&key)
    case 2: try reader.read(&value)
    default: break
    }
  }
}

package struct Onnx_ValueInfoProto: ProtobufMessage {
  package var name = ""
  package var type = Onnx_TypeProto()

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&name)
    case 2: try reader.read(&type)
    default: break
    }
  }
}

/// Only tensors have a type here: sequences, maps and optional values leave it empty.
package struct Onnx_TypeProto: ProtobufMessage {
  package struct Tensor: ProtobufMessage {
    package var elemType: Int32 = 0
    package var shape = Onnx_TensorShapeProto()
    package private(set) var hasShape = false

    package init() {}

    package mutating func take(
      _ field: Int, from reader: inout ProtobufReader
    ) throws(ProtobufError) {
      switch field {
      case 1: try reader.read(&elemType)
      case 2: hasShape = try reader.read(&shape) || hasShape
      default: break
      }
    }
  }

  package var tensorType = Tensor()

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    switch field {
    case 1: try reader.read(&tensorType)
    // The last of several kinds counts.
    case 4, 5, 7, 8, 9: tensorType = Tensor()
    default: break
    }
  }
}

package struct Onnx_TensorShapeProto: ProtobufMessage {
  package struct Dimension: ProtobufMessage {
    package enum Value: Sendable {
      case dimValue(Int64)
      case dimParam(String)
    }

    package var value: Value?

    package init() {}

    package var dimValue: Int64 {
      get { if case .dimValue(let extent) = value { extent } else { 0 } }
      set { value = .dimValue(newValue) }
    }
    package var dimParam: String {
      get { if case .dimParam(let name) = value { name } else { "" } }
      set { value = .dimParam(newValue) }
    }

    package mutating func take(
      _ field: Int, from reader: inout ProtobufReader
    ) throws(ProtobufError) {
      switch field {
      case 1:
        var extent: Int64 = 0
        if try reader.read(&extent) { value = .dimValue(extent) }
      case 2:
        var name = ""
        if try reader.read(&name) { value = .dimParam(name) }
      default: break
      }
    }
  }

  package var dim: [Dimension] = []

  package init() {}

  package mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
  {
    if field == 1 { try reader.read(&dim) }
  }
}
