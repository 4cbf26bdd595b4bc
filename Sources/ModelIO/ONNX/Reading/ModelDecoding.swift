import ONNXProtobuf

/// Decodes a model and checks what every later step relies on.
func decodeModel(
  _ bytes: [UInt8], _ limits: ONNXLimits
) throws(ONNXError) -> Onnx_ModelProto {
  guard !bytes.isEmpty else { throw ONNXError(.malformed, "the file is empty; give an ONNX model") }
  guard bytes.count <= limits.maximumFileBytes else {
    throw ONNXError(
      .tooLarge,
      "the model has \(bytes.count) bytes, more than the \(limits.maximumFileBytes) allowed; keep "
        + "its weights in an external data file")
  }
  try checkMessageCount(bytes, limits)
  var model: Onnx_ModelProto
  do {
    model = try Onnx_ModelProto(serializedBytes: bytes)
  } catch {
    throw ONNXError(
      .malformed, "the file is damaged or no ONNX model (\(error)); give a model in ONNX format")
  }
  guard model.hasGraph else {
    throw ONNXError(.malformed, "the file has no graph; give a model in ONNX format")
  }
  guard model.graph.sparseInitializer.isEmpty else {
    throw ONNXError(.unsupported, "sparse initialisers are not supported; store them densely")
  }
  try NameLimits(limit: limits.maximumNameBytes).check(model)
  model.graph.node = try NodeOrder.sorted(model.graph.node)
  for index in model.functions.indices {
    model.functions[index].node = try NodeOrder.sorted(model.functions[index].node)
  }
  return model
}

/// Counts the messages before they are decoded: an empty message takes two bytes in the file and
/// some hundred in memory.
private func checkMessageCount(_ bytes: [UInt8], _ limits: ONNXLimits) throws(ONNXError) {
  let isWithin = bytes.withUnsafeBytes { buffer in
    var scan = WireScan(bytes: buffer, remaining: limits.maximumMessages)
    return scan.countMessages(in: 0..<buffer.count, of: .model, depth: 0)
  }
  guard isWithin else {
    throw ONNXError(
      .tooLarge, "the model has more than the \(limits.maximumMessages) messages allowed")
  }
}

/// A walk over protobuf's wire format that counts repeated messages and strings. Malformed parts are
/// left for the decoder to refuse.
private struct WireScan {
  let bytes: UnsafeRawBufferPointer
  var remaining: Int

  /// The messages that hold others, and which of their fields do.
  enum Message {
    case model, graph, node, attribute, function, other

    func child(field: Int) -> Message {
      switch (self, field) {
      case (.model, 7): .graph
      case (.model, 25): .function
      case (.graph, 1), (.function, 7): .node
      case (.node, 5), (.function, 11): .attribute
      case (.attribute, 6), (.attribute, 11): .graph
      default: .other
      }
    }
  }

  /// - Returns: false when there are more than allowed.
  mutating func countMessages(in range: Range<Int>, of message: Message, depth: Int) -> Bool {
    // The decoder refuses such depths.
    guard depth < ProtobufReader.depthLimit else { return true }
    var position = range.lowerBound
    while position < range.upperBound {
      guard let tag = varint(&position, range.upperBound) else { return true }
      switch tag & 7 {
      case 0:
        guard varint(&position, range.upperBound) != nil else { return true }
      case 1: position += 8
      case 5: position += 4
      case 2:
        guard let length = varint(&position, range.upperBound),
          length <= UInt64(range.upperBound - position)
        else { return true }
        remaining -= 1
        if remaining < 0 { return false }
        let end = position + Int(length)
        let child = message.child(field: Int(tag >> 3))
        if child != .other, !countMessages(in: position..<end, of: child, depth: depth + 1) {
          return false
        }
        // Of the others only value infos and tensors have fields, all bounded by their bytes.
        position = end
      default: return true
      }
    }
    return true
  }

  private func varint(_ position: inout Int, _ end: Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end, shift < 64 {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    return nil
  }
}
