import Clients
import TensorGraph
import Texts

/// Texts: what language models are trained on.
struct TextData: DataKind {
  let descriptor = DataKindDescriptor(
    name: .texts, singular: "text", plural: "texts", fullRule: "every token at its place",
    recognisableRule: "half of the words, or three quarters of the telling words in no order",
    score: "ROUGE-1",
    usualModel: BundledText.modelName,
    // As many as the search of Zhu et al. 2019 takes here.
    leastIterations: TextAttackKind.dlg.usualIterations)

  func check(_ experiment: Experiment) throws(ExperimentError) {
    let (model, data) = (experiment.model, experiment.data)
    for (place, isGiven) in [
      ("model.activation", model.activation != nil), ("model.width", model.width != nil),
      ("model.depth", model.depth != nil), ("model.pooling", model.pooling != nil),
      ("model.size", model.size != nil), ("model.inputShape", model.inputShape != nil),
      ("model.extents", model.extents != nil), ("model.output", model.output != nil),
      ("model.mean", model.mean != nil),
      ("model.deviation", model.deviation != nil), ("data.turns", data.turns != nil),
      ("data.update.seen", data.update?.seen != nil),
      ("data.readAs", data.readAs != .pillow), ("loss", experiment.loss != LossChoice()),
      ("mode", experiment.mode != .evaluation), ("start", experiment.start != nil),
      ("attack.plan", experiment.attack.plan != nil),
    ] where isGiven {
      throw ExperimentError(place, "is for models of images; leave it out")
    }
    try checkFile(model)
    let attack = TextAttackKind(rawValue: experiment.attack.attack.rawValue)
    if experiment.prior != nil, attack != .lamp, attack != .automatic {
      throw ExperimentError("prior", "is asked by lamp alone; use it with the attack lamp or auto")
    }
    if model.adapter != nil, experiment.client.adapterRank != nil {
      throw ExperimentError(
        "client.adapterRank", "makes fresh adapters beside those of the server; leave one out")
    }
    if data.update != nil, experiment.client.adapterRank != nil {
      throw ExperimentError(
        "client.adapterRank", "is of a simulated client, and an update comes from a real one")
    }
  }

  private func checkFile(_ model: ModelChoice) throws(ExperimentError) {
    if model.isTextFile != (model.tokenizer != nil) {
      throw ExperimentError(
        "model.tokenizer",
        model.isTextFile
          ? "is missing: an ONNX file needs the tokenizer of its model; give its folder"
          : "is for ONNX files, and a folder has its own; leave it out")
    }
    if model.isTextFile, model.head != nil || model.classes != nil {
      throw ExperimentError(
        model.head == nil ? "model.classes" : "model.head",
        "is that of the ONNX file; leave it out")
    }
    if let classes = model.classes, !(1...100_000).contains(classes) {
      throw ExperimentError("model.classes", "is \(classes); give a number from 1 to 100000")
    }
    _ = try model.textHead()
  }

  func runner(
    for experiment: Experiment, batchSizes: Set<Int>, backend: any Backend
  ) throws -> any ExperimentRunner {
    try TextRunner(
      experiment.model, adapterRank: experiment.client.adapterRank, prior: experiment.prior,
      seed: experiment.attack.seed, backend: backend)
  }
}

extension ModelChoice {
  /// Whether a language model is a file rather than a folder.
  public var isTextFile: Bool { name.lowercased().hasSuffix(".onnx") }

  /// What a language model ends in; nil for what its folder says.
  ///
  /// - Throws: ``ExperimentError`` for another word, with the nearest right spelling.
  func textHead() throws(ExperimentError) -> TextHead? {
    switch head {
    case nil: return classes.map { TextHead.classification(classes: $0) }
    case "classification": return .classification(classes: classes ?? 2)
    case "mlm": return .maskedLanguageModel
    case "lm": return .languageModel
    case .some(let word):
      let hint =
        nearestSpelling(to: word, in: ["classification", "mlm", "lm"])
        .map { "; did you mean \($0)?" } ?? ""
      throw ExperimentError(
        "model.head", "is \(word.quotedForMessage)\(hint); give classification, mlm or lm")
    }
  }
}
