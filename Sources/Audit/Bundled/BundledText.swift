import Texts

/// A small encoder and private sentences to try attacks on, carried inside the program.
///
/// Made by `scripts/sources/tiny-text-model.py` from sentences in the public domain; a classification
/// head is not among the weights, as at the start of a fine-tuning.
public enum BundledText {
  /// What experiments call the model.
  public static let modelName = "tiny-bert"
  /// How messages and records name the model.
  public static let name = "the bundled tiny BERT"

  /// Texts that the model was not trained on.
  public static let privateTexts = String(
    decoding: bundledFile("tiny-text-model/private-texts.txt"), as: UTF8.self
  ).split(separator: "\n").map(String.init)

  /// The model and its tokenizer.
  ///
  /// - Parameters:
  ///   - head: classification into two classes by default.
  ///   - seed: of the fresh head.
  /// - Throws: ``ModelError`` when the model cannot have that head.
  package static func model(head: TextHead? = nil, seed: UInt64) throws -> TextModelFolder {
    try TextModelFolder(
      configuration: bundledFile("tiny-text-model/config.json"),
      tokenizer: bundledFile("tiny-text-model/tokenizer.json"),
      weights: bundledFile("tiny-text-model/model.safetensors"), path: name, head: head, seed: seed)
  }
}
