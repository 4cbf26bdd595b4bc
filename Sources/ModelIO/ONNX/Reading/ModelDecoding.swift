/// Decodes a model and checks what every later step relies on.
func decodeModel(
  _ bytes: [UInt8], _ limits: ONNXLimits
) throws(ONNXError) -> ModelProto {
  guard !bytes.isEmpty else { throw ONNXError(.malformed, "the file is empty; give an ONNX model") }
  guard bytes.count <= limits.maximumFileBytes else {
    throw ONNXError(
      .tooLarge,
      "the model has \(bytes.count) bytes, more than the \(limits.maximumFileBytes) allowed; keep "
        + "its weights in an external data file")
  }
  var model: ModelProto
  do throws(WireError) {
    model = try WireReader.message(bytes, limit: limits.maximumMessages)
  } catch .tooMany {
    throw ONNXError(
      .tooLarge, "the model has more than the \(limits.maximumMessages) messages allowed")
  } catch {
    throw ONNXError(
      .malformed,
      "the file is damaged or no ONNX model (\(error.rawValue)); give a model in ONNX format")
  }
  guard model.hasGraph else {
    throw ONNXError(.malformed, "the file has no graph; give a model in ONNX format")
  }
  guard !model.graph.hasSparseInitializers else {
    throw ONNXError(.unsupported, "sparse initialisers are not supported; store them densely")
  }
  try NameLimits(limit: limits.maximumNameBytes).check(model)
  model.graph.node = try NodeOrder.sorted(model.graph.node)
  for index in model.functions.indices {
    model.functions[index].node = try NodeOrder.sorted(model.functions[index].node)
  }
  return model
}
