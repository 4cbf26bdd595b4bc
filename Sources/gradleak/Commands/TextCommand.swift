import ArgumentParser
import Attacks
import Audit
import Clients
import Foundation
import ModelIO
import Texts

extension TextAttackKind: ExpressibleByArgument {
  public static var allValueDescriptions: [String: String] { AttackCatalog.texts.summaries }
}

/// Private text from the gradient of a language model.
struct TextCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Reads private text back from the gradient of a language model.",
    discussion: """
      The model is a folder as Hugging Face's transformers saves it: config.json, model.safetensors, \
      and tokenizer.json or vocab.txt; BERT- and GPT-2-type models. Or it is such a model as torch.onnx.export \
      wrote it, with --tokenizer. With --text or --file a client is \
      simulated; --update attacks what a client shared: gradients, one tensor for each parameter, \
      differences of weights after local steps, or gradients of LoRA adapters, which --adapter names.

      EXAMPLES
        gradleak text --model minilm --text "my password is tangerine"
        gradleak text --model minilm --file lines.txt --batch-size 4 --json
        gradleak text --model minilm --file lines.txt --freeze-embeddings
        gradleak text --model minilm --file lines.txt --defence gaussian:1e-8
        gradleak text --model minilm --file lines.txt --local-steps 5 --learning-rate 1e-2
        gradleak text --model gpt2 --text "call me back" --lora 64
        gradleak text --model gpt2 --update g.safetensors --batch-size 2
        gradleak text --model minilm --update d.safetensors --update-kind difference \
          --local-steps 5 --learning-rate 1e-2
        gradleak text --model m.onnx --tokenizer minilm --update g.safetensors
        gradleak text --model minilm --adapter peft --update g.safetensors
        gradleak text --model minilm --text "call me back" --lora 16 --save-adapter peft \
          --save-update g.safetensors
      """)

  @Option(help: ArgumentHelp("Folder of the model, or an ONNX file.", valueName: "folder"))
  var model: String

  @Option(
    help: ArgumentHelp(
      "For an ONNX file: folder with tokenizer.json or vocab.txt.", valueName: "folder"))
  var tokenizer: String?

  @Option(help: ArgumentHelp("A private text; may be repeated.", valueName: "text"))
  var text: [String] = []

  @Option(help: ArgumentHelp("Private texts, one a line.", valueName: "file"))
  var file: String?

  @OptionGroup var update: UpdateOptions

  @Option(
    help: ArgumentHelp(
      "LoRA adapters that the client got, as PEFT saves them: a folder with adapter_config.json and "
        + "adapter_model.safetensors.", valueName: "folder"))
  var adapter: String?

  @Option(
    help: ArgumentHelp(
      "Tells which tensor of --update is which of the model, by name or by beginning; may be repeated.",
      valueName: "old=new"))
  var rename: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Variance of the noise that the client of --update is known to have added to each number.",
      valueName: "variance"))
  var noise: Double?

  @Option(
    help: ArgumentHelp("Writes what the simulated client shares: safetensors.", valueName: "file"))
  var saveUpdate: String?

  @Option(
    help: ArgumentHelp("Writes the fresh adapters of --lora as PEFT does.", valueName: "folder"))
  var saveAdapter: String?

  @OptionGroup var options: TextOptions
  @OptionGroup var training: LocalTrainingOptions
  @OptionGroup var defence: DefenceOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    let sources = [!text.isEmpty, file != nil, update.update != nil].count { $0 }
    guard sources == 1 else {
      throw ValidationError(
        "Give the private texts with --text or --file, or a captured update with --update; one of "
          + "the three.")
    }
    if isFile != (tokenizer != nil) {
      throw ValidationError(
        "An ONNX file needs the tokenizer of its model, and a folder has its own; give --tokenizer "
          + "with a --model that ends in .onnx.")
    }
    if isFile, options.head != nil || options.classes != nil {
      throw ValidationError("--head and --classes are those of the ONNX file; leave them out.")
    }
    let isCaptured = update.update != nil
    if isCaptured, options.adapterRank != nil || !defence.defences.isEmpty || saveUpdate != nil {
      throw ValidationError(
        "--lora, --defence and --save-update simulate a client, and --update comes from a real one; "
          + "leave them out (adapters of a real client go with --adapter).")
    }
    if !isCaptured, update.updateKind != .gradient || !rename.isEmpty {
      throw ValidationError("--update-kind and --rename tell how to read --update; give that too.")
    }
    if let noise, !(noise > 0 && noise.isFinite) || !isCaptured {
      throw ValidationError(
        "--noise is the variance of known noise on --update, a number above 0; a simulated client's "
          + "goes with --defence.")
    }
    if adapter != nil, options.adapterRank != nil {
      throw ValidationError("--lora makes fresh adapters beside those of --adapter; leave one out.")
    }
    if saveAdapter != nil, options.adapterRank == nil {
      throw ValidationError("--save-adapter writes the adapters of --lora; give its rank too.")
    }
  }

  func run() throws {
    let texts = try privateTexts()
    if saveUpdate != nil, texts.count > options.batchSize {
      throw ValidationError(
        "--save-update writes one update, and \(texts.count) texts in batches of "
          + "\(options.batchSize) make several; give --batch-size \(texts.count).")
    }
    let base = try folder()
    let trained = try adapter.map { try AdapterFolder($0, for: base.weighted) }
    var session = try options.session(
      on: trained.map { base.replacing($0.weighted) } ?? base, name: model, training: training,
      defence: defence, output: output)
    if let trained { session.client.adapters = trained.adapters }
    if let path = update.update {
      try session.attack(path: path, try reading(trained?.adapters))
    } else {
      if let saveAdapter {
        try OutputFolder(saveAdapter, setsOthersAside: output.force).replace { staged in
          try session.client.adapters?.write(to: staged, for: base.weighted)
        }
      }
      try session.simulate(texts, batchSize: options.batchSize, savingTo: saveUpdate)
    }
  }

  private var isFile: Bool { model.lowercased().hasSuffix(".onnx") }

  private func folder() throws -> TextModelFolder {
    guard isFile, let tokenizer else {
      return try TextModelFolder(model, head: try options.chosenHead(), seed: options.seed)
    }
    let imported = try ImportedTextModel(
      contentsOf: model, backend: output.backend)
    for note in imported.notes where !output.quiet { Terminal.printNote(note) }
    return try TextModelFolder(imported.weighted, tokenizerOf: tokenizer)
  }

  private func reading(_ adapters: LowRankAdapters?) throws -> TextUpdateReading {
    TextUpdateReading(
      kind: update.updateKind, learningRate: training.learningRate,
      training: try training.training(exampleCount: options.batchSize),
      batchSize: options.batchSize, adapters: adapters,
      renamings: try rename.map { try TensorRenaming(parsing: $0) }, noiseVariance: noise ?? 0)
  }

  private func privateTexts() throws -> [String] {
    guard let file else { return text }
    let bytes = try InputFile.bytes(
      at: file, expected: "a text file with one text a line", limit: 64 << 20)
    try WantedFile.text.refuseOthers(bytes, path: file)
    guard let content = String(validating: bytes, as: UTF8.self) else {
      throw FileError(
        path: file, problem: "the file is not UTF-8 text", remedy: "save it as UTF-8")
    }
    let lines = content.split(whereSeparator: \.isNewline).map(String.init)
      .filter { !$0.allSatisfy(\.isWhitespace) }
    guard !lines.isEmpty else {
      throw FileError(
        path: file, problem: "the file has no line with text", remedy: "write one text a line")
    }
    return lines
  }
}
