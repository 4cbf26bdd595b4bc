import ModelIO
import TensorGraph

extension WeightedModel {
  /// A model with the weights of a safetensors file, such as a saved `state_dict`, whose names may have
  /// what wrappers add to them.
  ///
  /// - Throws: `FileError` when the file is malformed, or lacks a parameter or buffer of the model, or
  ///   one has another shape or is not finite.
  public init(
    contentsOf path: String, for model: Model, renamings: [TensorRenaming] = []
  ) throws(FileError) {
    let file = try SafetensorsFile(contentsOf: path)
    let specs = model.parameters + model.buffers
    let matching = TensorMatching(
      specs.map { WantedTensor($0.name, $0.shape) },
      in: file.names.map { ($0, file.type(of: $0)?.shape ?? []) }, renamings: renamings)
    if let wrong = matching.wrongShapes.first {
      throw FileError(
        path: path,
        problem: "tensor \(wrong.fileName.quotedForMessage) has the shape \(wrong.shape), and "
          + "\(specs[wrong.wanted].name) of \(model.name) is \(specs[wrong.wanted].shape)",
        remedy: "choose the width, classes and input size that the weights were made for")
    }
    if let absent = matching.missing.first {
      let name = specs[absent].name
      let near = nearestSpelling(to: name, in: matching.extras)
        .map { " (\($0.quotedForMessage) is nearest)" }
      throw FileError(
        path: path,
        problem: "there is no tensor for \(matching.missing.count) of the \(specs.count) of "
          + "\(model.name), the first being \(name)\(near ?? "")",
        advising: """
          give this model's weights, or tell how names differ with \(.renaming, "OLD=NEW")
          """)
    }
    var tensors: [Tensor] = []
    for match in matching.matches {
      let tensor = try file.tensor(named: match.fileName)
      guard tensor.dtype.isFloatingPoint else {
        throw FileError(
          path: path,
          problem: "tensor \(match.fileName.quotedForMessage) does not hold floating-point numbers",
          remedy: "give trained weights in f16, bf16, f32 or f64")
      }
      try WeightCheck.requireFinite(tensor, named: match.fileName, in: path)
      tensors.append(match.isTransposed ? tensor.matrixTransposed : tensor)
    }
    self.init(
      model: model, parameters: Array(tensors[..<model.parameters.count]),
      buffers: Array(tensors[model.parameters.count...]))
  }
}
