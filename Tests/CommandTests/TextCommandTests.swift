import Foundation
import TestSupport
import Testing

@testable import Leakage

/// A folder with a small model, its weights and its tokenizer.
private func modelFolder(vocabulary: Int) throws -> TestFolder {
  let folder = TestFolder()
  let configuration = """
    {"model_type": "gpt2", "vocab_size": \(vocabulary), "n_embd": 32, "n_layer": 2, "n_head": 2,
     "n_positions": 24, "architectures": ["GPT2LMHeadModel"], "initializer_range": 0.2}
    """
  folder.file("config.json", Array(configuration.utf8))
  folder.file("tokenizer.json", bytes(of: fixtures + "/tokenizers/byte-level/tokenizer.json"))
  let model = try TextModel(TextModelConfiguration(contentsOf: folder("config.json")))
  let weighted = WeightedTextModel(untrained: model, seed: 0)
  let tensors = Dictionary(
    uniqueKeysWithValues: zip(model.parameters.map(\.name), weighted.parameters))
  try TextUpdate(gradients: tensors, batchSize: 1, model: model).write(
    to: folder("model.safetensors"))
  return folder
}

@Suite struct TextCommandTests {
  @Test func readsTextBack() throws {
    let folder = try modelFolder(vocabulary: 700)
    let run = try BuiltTool.run(
      [
        "text", "--model", folder.path, "--text", "the lazy dog", "--text", "they're late",
        "--batch-size", "2", "--json", "--quiet",
      ], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    let records = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    let texts = try #require(records.first?["texts"] as? [[String: Any]])
    #expect(texts.map { $0["recovered"] as? String } == ["the lazy dog", "they're late"])
    #expect(records.first?["isCertain"] as? Bool == true)
  }

  @Test func refusesBadInput() throws {
    let folder = try modelFolder(vocabulary: 700)
    let small = try modelFolder(vocabulary: 17)
    folder.file("latin1.txt", [0x63, 0x61, 0x66, 0xE9, 0x0A])
    folder.file("empty.txt", [])
    folder.file("broken.safetensors", [1, 2, 3])
    let cases: [([String], String)] = [
      (["--model", small.path, "--text", "a"], "700 tokens, and the model embeds 17"),
      (["--model", folder.path], "one of the three"),
      (["--model", folder("nowhere"), "--text", "a"], "no such file"),
      (["--model", folder.path, "--file", folder("latin1.txt")], "not UTF-8"),
      (["--model", folder.path, "--file", folder("empty.txt")], "no line with text"),
      (["--model", folder.path, "--text", ""], "at least one token"),
      (["--model", folder.path, "--text", "a", "--head", "mlm"], "no masked-token head"),
      (["--model", folder.path, "--text", "a", "--head", "x"], "--head is"),
      (["--model", folder.path, "--update", folder("broken.safetensors")], "safetensors"),
      (["--model", folder.path, "--text", "a", "--batch-size", "0"], "--batch-size is 0"),
    ]
    for (arguments, words) in cases {
      let run = try BuiltTool.run(["text"] + arguments, in: folder.path)
      #expect(run.status == 2, "\(arguments)")
      #expect(run.errors.contains(words), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty)
    }
  }
}
