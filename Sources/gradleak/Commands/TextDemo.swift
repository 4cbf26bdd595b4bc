import ArgumentParser
import Audit

/// Private text from the gradient of the language model that the program carries.
struct TextDemo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Reads twenty bundled sentences back from their gradients.",
    discussion: """
      The model is a BERT of three layers that was trained to fill in masked words; it has seen none \
      of the sentences. A client starts to fine-tune it with a fresh classification head and shares \
      the gradient; the attack sees the model and the gradient alone, and searches (dlg, tag, lamp) \
      are given the number of tokens.

      EXAMPLES
        gradleak demo text
        gradleak demo text --batch-size 2          two sentences to a gradient
        gradleak demo text --attack dlg            the paper's search, step by step
        gradleak demo text --freeze-embeddings     the embeddings' gradients withheld
        gradleak demo text --local-steps 5 --learning-rate 0.01
        gradleak demo text --defence gaussian:1e-6
        gradleak demo text --json --out out/text
      """)

  @OptionGroup var options: TextOptions
  @OptionGroup var training: LocalTrainingOptions
  @OptionGroup var defence: DefenceOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let folder = try BundledText.model(head: try options.chosenHead(), seed: options.seed)
    try options.session(
      on: folder, name: BundledText.name, training: training, defence: defence, output: output
    ).simulate(BundledText.privateTexts, batchSize: options.batchSize)
  }
}
