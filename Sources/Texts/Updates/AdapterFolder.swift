import Clients
import ModelIO
import TensorGraph

/// Adapters in a folder as Hugging Face's PEFT saves them, `adapter_config.json` and
/// `adapter_model.safetensors` or `adapter_model.bin`, on the model that they belong to: what a server sends to clients that
/// train adapters.
package struct AdapterFolder: Sendable {
  /// The model with adapters added to its weights, and with the classification layer that was saved beside
  /// them.
  package let weighted: WeightedTextModel
  package let adapters: LowRankAdapters

  /// - Throws: ``FileError`` when a file is missing or damaged, ``ModelError`` when the adapters are of
  ///   another kind or do not fit the model.
  package init(_ path: String, for base: WeightedTextModel) throws {
    let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    let (rank, scale) = try AdapterFolder.settings(folder + "/adapter_config.json")
    let names = ["/adapter_model.safetensors", "/adapter_model.bin"]
    let name = names.first { InputFile.exists(folder + $0) } ?? names[0]
    let file = try TensorFile(contentsOf: folder + name)
    let known = base.model.parametersByFileName
    let shapes = Dictionary(
      uniqueKeysWithValues: base.model.parameters.map { ($0.name, $0.shape) })
    var parts: [TextTensorName.Part: [String: Tensor]] = [:]
    for fileName in file.names {
      let name = TextTensorName(fileName)
      guard name.part != .untrainedCopy else { continue }
      guard let parameter = known[name.parameter], let shape = shapes[parameter] else {
        throw ModelError(
          advising: """
            \(file.path) has \(fileName.quotedForMessage), which belongs to no parameter of the model \
            (\(base.model.name), \(base.model.configuration.head.name) head); give the adapters \
            of this model, or choose \(.head) and \(.classes) as they were trained
            """)
      }
      let wanted = base.model.adapterShape(name.part, of: parameter, shape, rank: rank)
      let type = file.type(of: fileName)
      guard let wanted, type?.shape == wanted, type?.dtype.isFloatingPoint == true else {
        throw ModelError(
          "\(file.path) has \(fileName.quotedForMessage) as \(type.map { "\($0)" } ?? "nothing") "
            + "where adapters of rank \(rank) on this model have "
            + "\(wanted.map { "\($0)" } ?? "none: only matrices are adapted")")
      }
      let tensor = try file.tensor(named: fileName)
      try WeightCheck.requireFinite(tensor, named: fileName, in: file.path)
      guard parts[name.part, default: [:]].updateValue(tensor, forKey: parameter) == nil else {
        throw ModelError("\(file.path) has \(parameter) twice; give one adapter")
      }
    }
    let (reductions, expansions) = (parts[.reduction] ?? [:], parts[.expansion] ?? [:])
    guard !reductions.isEmpty, reductions.keys.sorted() == expansions.keys.sorted() else {
      throw ModelError(
        "\(file.path) does not hold a lora_A and a lora_B for each adapted weight; give a folder that "
          + "PEFT's save_pretrained wrote for LoRA")
    }
    let adapters = LowRankAdapters(
      rank: rank, scale: scale, reductions: reductions, expansions: expansions)
    let own = parts[.own] ?? [:]
    weighted = WeightedTextModel(
      model: base.model,
      parameters: zip(base.model.parameters, base.parameters).map { spec, tensor in
        own[spec.name]?.converted(to: tensor.dtype)
          ?? adapters.merged(
            spec.name, into: tensor, inputsAreRows: base.model.inputsAreRows(spec.name))
      })
    self.adapters = adapters
  }

  /// Rank and scale of `adapter_config.json`.
  private static func settings(_ path: String) throws -> (rank: Int, scale: Double) {
    let bytes = try InputFile.bytes(at: path, expected: "an adapter_config.json", limit: 16 << 20)
    let json = try JSONValue(parsing: bytes, path: path)
    guard json["peft_type"]?.string ?? "LORA" == "LORA", json["use_dora"]?.bool != true else {
      throw ModelError("\(path) describes another adapter than LoRA; only LoRA is supported")
    }
    for pattern in ["rank_pattern", "alpha_pattern"]
    where json[pattern]?.members?.isEmpty == false {
      throw ModelError("\(path) sets \(pattern); adapters of one rank and one alpha are supported")
    }
    guard json["bias"]?.string ?? "none" == "none" else {
      throw ModelError("\(path) trains biases beside the adapters, which is not supported")
    }
    guard let rank = json["r"]?.integer, (1...65536).contains(rank),
      let alpha = json["lora_alpha"]?.number ?? json["r"]?.number, alpha.isFinite, alpha != 0
    else {
      throw ModelError(
        "\(path) has no rank r from 1 to 65536 and no number lora_alpha; give the file that PEFT wrote"
      )
    }
    let isRootScaled = json["use_rslora"]?.bool ?? false
    return (rank, alpha / (isRootScaled ? Double(rank).squareRoot() : Double(rank)))
  }
}

extension TextModel {
  /// The shape of a tensor of an adapter beside a parameter; nil when there can be none.
  func adapterShape(
    _ part: TextTensorName.Part, of parameter: String, _ shape: Shape, rank: Int
  ) -> Shape? {
    if part == .own { return shape }
    let isTable = parameter == names.tokenEmbedding || parameter == names.positionEmbedding
    guard shape.rank == 2, !isTable, parameter != names.segmentEmbedding else { return nil }
    let areRows = inputsAreRows(parameter)
    let (inputs, outputs) = areRows ? (shape[0], shape[1]) : (shape[1], shape[0])
    return part == .reduction ? [rank, inputs] : [outputs, rank]
  }
}

extension LowRankAdapters {
  /// Writes the adapters as PEFT does, so that an attack on a captured update can be given them.
  ///
  /// - Parameter head: the parameters that are trained besides, by name.
  /// - Throws: ``FileError`` when the folder cannot be written.
  package func write(
    to folder: StagedFolder, for weighted: WeightedTextModel
  ) throws(FileError) {
    let shapes = Dictionary(
      uniqueKeysWithValues: weighted.model.parameters.map { ($0.name, $0.shape) })
    var tensors: [String: Tensor] = [:]
    for (name, reduction) in reductions {
      let outputs =
        shapes[name].flatMap {
          weighted.model.adapterShape(.expansion, of: name, $0, rank: rank)
        }?[0] ?? 0
      tensors[TextTensorName.adapter("lora_A", of: name)] = reduction
      tensors[TextTensorName.adapter("lora_B", of: name)] =
        expansions[name] ?? Tensor([outputs, rank], .f32, repeating: 0)
    }
    for (spec, tensor) in zip(weighted.model.parameters, weighted.parameters)
    where weighted.model.isTrainedBesideAdapters(spec.name) && reductions[spec.name] == nil {
      tensors["base_model.model." + spec.name] = tensor
    }
    let areRows = reductions.keys.contains { weighted.model.inputsAreRows($0) }
    let targets = Set(
      reductions.keys.compactMap { $0.split(separator: ".").dropLast().last.map(String.init) })
    let list = targets.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
    let settings = """
      {
        "bias": "none",
        "fan_in_fan_out": \(areRows),
        "lora_alpha": \(scale * Double(rank)),
        "peft_type": "LORA",
        "r": \(rank),
        "target_modules": [\(list)],
        "task_type": "SEQ_CLS"
      }

      """
    try Safetensors.write(
      tensors, to: folder.path(of: "adapter_model.safetensors"), isPrivate: true)
    try AtomicFile.write(Array(settings.utf8), to: folder.path(of: "adapter_config.json"))
  }
}

extension TextTensorName {
  /// PEFT's name of a layer of the adapter beside a weight.
  static func adapter(_ layer: String, of weight: String) -> String {
    "base_model.model." + weight.dropLast("weight".count) + layer + ".weight"
  }
}
