import ArgumentParser
import Audit
import CPUBackend
import Foundation
import Leakage
import ModelIO

extension TextAttackKind: ExpressibleByArgument {
  public static let allValueDescriptions = [
    "auto": "the surest that applies",
    "embedding": "closed form from embedding gradients, for one text",
    "dager": "exact, through the span of attention gradients",
    "bag": "which tokens the batch holds, in no order",
    "dlg": "dummy embeddings, L2 distance of gradients",
    "tag": "the same with an L1 term",
    "lamp": "cosine distance, embedding lengths, discrete moves",
  ]
}

/// Private text from the gradient of a language model.
struct TextCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Reads private text back from the gradient of a language model.",
    discussion: """
      The model is a folder as Hugging Face's transformers saves it: config.json, model.safetensors, \
      and tokenizer.json or vocab.txt; BERT- and GPT-2-type models. With --text or --file a client is \
      simulated; --update attacks gradients that were captured, one tensor for each parameter.

      EXAMPLES
        gradleak text --model minilm --text "my password is tangerine"
        gradleak text --model minilm --file lines.txt --batch-size 4 --json
        gradleak text --model minilm --file lines.txt --freeze-embeddings
        gradleak text --model minilm --file lines.txt --defence gaussian:1e-8
        gradleak text --model minilm --file lines.txt --local-steps 5 --learning-rate 1e-2
        gradleak text --model gpt2 --text "call me back" --lora 64
        gradleak text --model gpt2 --update g.safetensors --batch-size 2
      """)

  @Option(help: ArgumentHelp("Folder of the model.", valueName: "folder"))
  var model: String

  @Option(help: ArgumentHelp("A private text; may be repeated.", valueName: "text"))
  var text: [String] = []

  @Option(help: ArgumentHelp("Private texts, one a line.", valueName: "file"))
  var file: String?

  @Option(help: ArgumentHelp("Captured gradients to attack: safetensors.", valueName: "file"))
  var update: String?

  @OptionGroup var options: TextOptions
  @OptionGroup var training: LocalTrainingOptions
  @OptionGroup var defence: DefenceOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    let sources = [!text.isEmpty, file != nil, update != nil].count { $0 }
    guard sources == 1 else {
      throw ValidationError(
        "Give the private texts with --text or --file, or a captured update with --update; one of "
          + "the three.")
    }
    if update != nil, training.isGiven || options.adapterRank != nil || !defence.defences.isEmpty {
      throw ValidationError(
        "--local-steps, --epochs, --lora and --defence simulate a client; --update takes the plain "
          + "gradients of the model's weights.")
    }
  }

  func run() throws {
    let texts = try privateTexts()
    let folder = try TextModelFolder(
      model, head: try options.chosenHead(), seed: options.seed)
    let session = try options.session(
      on: folder, name: model, training: training, defence: defence, output: output)
    if let update {
      try session.attack(path: update, batchSize: options.batchSize)
    } else {
      try session.simulate(texts, batchSize: options.batchSize)
    }
  }

  private func privateTexts() throws -> [String] {
    guard let file else { return text }
    let bytes = try InputFile.bytes(
      at: file, expected: "a text file with one text a line", limit: 64 << 20)
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
