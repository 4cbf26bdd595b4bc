struct TensorProto: WireMessage {
  enum DataLocation {
    case `default`
    case external
  }

  var name = ""
  var dims: [Int64] = []
  var dataType: Int32 = 0
  var hasDataType = false
  var hasSegment = false
  var floatData: [Float] = []
  var int32Data: [Int32] = []
  var int64Data: [Int64] = []
  var doubleData: [Double] = []
  var uint64Data: [UInt64] = []
  var rawData: [UInt8] = []
  var hasRawData = false
  var externalData: [StringStringEntryProto] = []
  var dataLocation = DataLocation.default

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: try reader.append(integers: value, to: &dims)
    case 2:
      hasDataType = true
      dataType = Int32(truncatingIfNeeded: try reader.integer(value))
    case 3: hasSegment = true
    case 4: try reader.append(floats: value, to: &floatData)
    case 5: try reader.append(integers: value, to: &int32Data)
    case 7: try reader.append(integers: value, to: &int64Data)
    case 8: name = try reader.text(value)
    case 9:
      hasRawData = true
      rawData = try reader.bytes(value)
    case 10: try reader.append(doubles: value, to: &doubleData)
    case 11: try reader.append(integers: value, to: &uint64Data)
    case 13: try reader.append(value, to: &externalData)
    case 14: dataLocation = try reader.integer(value) == 1 ? .external : .default
    default: break
    }
  }
}

struct StringStringEntryProto: WireMessage {
  var key = ""
  var value = ""

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: key = try reader.text(value)
    case 2: self.value = try reader.text(value)
    default: break
    }
  }
}

struct ValueInfoProto: WireMessage {
  var name = ""
  var type = TypeProto()

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    switch field {
    case 1: name = try reader.text(value)
    case 2: try reader.merge(value, into: &type)
    default: break
    }
  }
}

/// Of a value: a tensor's is read, those of lists and maps are not.
struct TypeProto: WireMessage {
  struct Tensor: WireMessage {
    var elemType: Int32 = 0
    var shape = TensorShapeProto()
    var hasShape = false

    mutating func take(
      _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
    ) throws(WireError) {
      switch field {
      case 1: elemType = Int32(truncatingIfNeeded: try reader.integer(value))
      case 2:
        hasShape = true
        try reader.merge(value, into: &shape)
      default: break
      }
    }
  }

  var tensorType = Tensor()

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    if field == 1 { try reader.merge(value, into: &tensorType) }
  }
}

struct TensorShapeProto: WireMessage {
  struct Dimension: WireMessage {
    enum Value {
      case dimValue(Int64)
      case dimParam(String)
    }

    /// Nil where nothing is known of it.
    var value: Value?

    mutating func take(
      _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
    ) throws(WireError) {
      switch field {
      case 1: self.value = .dimValue(try reader.integer(value))
      case 2: self.value = .dimParam(try reader.text(value))
      default: break
      }
    }
  }

  var dim: [Dimension] = []

  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError) {
    if field == 1 { try reader.append(value, to: &dim) }
  }
}
