import Clients

/// Which tensor of a language model a name in a client's file means.
///
/// Undoes what wrappers, Hugging Face's heads and PEFT put around the model's own names: PEFT saves
/// `base_model.model.bert.….query.lora_A.weight`, and its parameters in memory are called
/// `….query.lora_A.default.weight`, `….query.base_layer.weight` and
/// `base_model.model.classifier.modules_to_save.default.weight`.
struct TextTensorName: Hashable {
  enum Part: Hashable {
    /// A parameter itself.
    case own
    /// A of the adapter beside it.
    case reduction
    /// B of the adapter beside it.
    case expansion
    /// A frozen copy that PEFT keeps of what it trains.
    case untrainedCopy
  }

  let part: Part
  /// Of the parameter, or of the adapted weight; not yet checked to be one of a model's.
  let parameter: String

  init(_ name: String) {
    var name = WrapperNames.stripped(name)
    if name.hasPrefix("base_model.model.") { name.removeFirst("base_model.model.".count) }
    var words = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    var part = Part.own
    for (marker, meaning) in [("lora_A", Part.reduction), ("lora_B", .expansion)] {
      guard let place = words.firstIndex(of: marker) else { continue }
      part = meaning
      // The adapter's name stands between the marker and "weight".
      words = words[..<place] + ["weight"]
    }
    if let place = words.firstIndex(of: "modules_to_save") {
      words.removeSubrange(place..<min(place + (words.count > place + 2 ? 2 : 1), words.count))
    }
    if words.contains("original_module") { part = .untrainedCopy }
    words.removeAll { $0 == "base_layer" || $0 == "original_module" }
    self.part = part
    parameter = words.joined(separator: ".")
  }
}

extension TextModel {
  /// The model's parameters by every name that a file may have them under.
  var parametersByFileName: [String: String] {
    var known: [String: String] = [:]
    for spec in parameters {
      for name in fileNames(of: spec.name) { known[name] = known[name] ?? spec.name }
    }
    return known
  }

  /// Whether a name in a file is of something that belongs to the model without being trained by itself:
  /// buffers, and second names of tied weights.
  func isBesideParameters(_ name: String) -> Bool {
    let last = name.split(separator: ".").suffix(2).joined(separator: ".")
    let tied = [
      "lm_head.weight", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
      "vocab_projector.weight",
    ]
    return name.hasSuffix("position_ids") || name.hasSuffix("token_type_ids")
      || last == "attn.bias" || last == "attn.masked_bias"
      || (configuration.tiesEmbeddings && tied.contains(name))
  }
}
