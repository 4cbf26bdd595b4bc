import ModelIO
import TensorGraph

extension WeightedModel {
  /// A model with the weights of a file of tensors, such as a saved `state_dict`; see `WeightsFile`.
  ///
  /// - Throws: `FileError` as that.
  public init(
    contentsOf path: String, for model: Model, renamings: [TensorRenaming] = []
  ) throws(FileError) {
    self = try WeightsFile(contentsOf: path, for: model, renamings: renamings).weighted
  }
}

/// The weights of a model in a file of tensors, such as a saved `state_dict`.
package struct WeightsFile: Sendable {
  package let weighted: WeightedModel
  /// Where the tensors were found in the file, and how a list was understood; empty where that is plain.
  package let notes: [Sentence]
  /// Names of the model's tensors in the order of the file, which is training code's; empty where the file does not
  /// tell it.
  package let order: [String]

  /// Reads `path` for `model`. Names may have what wrappers add to them.
  ///
  /// - Parameter wanted: the parameters with what is known of their names in training code; nil for
  ///   just their names.
  /// - Throws: `FileError` when the file is malformed, or lacks a parameter or buffer of the model, or
  ///   one has another shape or is not finite.
  package init(
    contentsOf path: String, for model: Model, wanted: [WantedTensor]? = nil,
    renamings: [TensorRenaming] = []
  ) throws(FileError) {
    let file = try TensorFile(contentsOf: path)
    let specs = model.parameters + model.buffers
    let parameters = wanted ?? model.parameters.map { WantedTensor($0.name, $0.shape) }
    let matching = TensorMatching(
      parameters + model.buffers.map { WantedTensor($0.name, $0.shape, isBuffer: true) },
      in: file.shapes, renamings: renamings)
    if let wrong = matching.wrongShapes.first {
      throw FileError(
        path: path,
        problem: "tensor \(wrong.fileName.quotedForMessage) has the shape \(wrong.shape), and "
          + "\(specs[wrong.wanted].name) of \(model.name) is \(specs[wrong.wanted].shape)",
        remedy: "choose the width, classes and input size that the weights were made for")
    }
    try matching.checkList(of: path, for: model.name)
    // Batch normalisation that an export has folded away: the model's weights are others than the file's.
    if wanted != nil,
      let folded = matching.extras.first(where: { $0.hasSuffix(".running_var") })
    {
      throw FileError(
        path: path,
        problem:
          "it has \(folded.quotedForMessage), and \(model.name) has no such batch normalisation left",
        remedy:
          "export the model with training=torch.onnx.TrainingMode.PRESERVE and do_constant_folding=False"
      )
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
    weighted = WeightedModel(
      model: model, parameters: Array(tensors[..<model.parameters.count]),
      buffers: Array(tensors[model.parameters.count...]))
    let names = Dictionary(
      uniqueKeysWithValues: matching.matches.map { ($0.fileName, specs[$0.wanted].name) })
    order = file.keepsOrder ? file.names.compactMap { names[$0] } : []
    let isList = matching.matches.contains { $0.reason == .position }
    notes = [file.note].compactMap(\.self) + (isList ? matching.explanations : [])
  }
}
