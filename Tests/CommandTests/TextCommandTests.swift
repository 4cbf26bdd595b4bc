import Audit
import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Texts

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

/// Changes the tensors in the model's file.
private func rewriteWeights(
  _ folder: TestFolder, _ change: (inout [String: Tensor]) -> Void
) throws {
  let path = folder("model.safetensors")
  var tensors = try SafetensorsFile(bytes: bytes(of: path), path: path).tensors()
  change(&tensors)
  try Safetensors.write(tensors, to: path)
}

/// Puts the model's tensors into two files and an index.
private func shardWeights(_ folder: TestFolder) throws {
  let path = folder("model.safetensors")
  let tensors = try SafetensorsFile(bytes: bytes(of: path), path: path).tensors()
  let names = tensors.keys.sorted()
  var map: [String: String] = [:]
  for (index, part) in [names[..<5], names[5...]].enumerated() {
    let file = "model-0000\(index + 1)-of-00002.safetensors"
    try Safetensors.write(tensors.filter { part.contains($0.key) }, to: folder(file))
    for name in part { map[name] = file }
  }
  try FileManager.default.removeItem(atPath: path)
  try writeIndex(folder, map)
}

private func writeIndex(_ folder: TestFolder, _ map: [String: String]) throws {
  let index = try JSONSerialization.data(withJSONObject: ["weight_map": map])
  folder.file("model.safetensors.index.json", Array(index))
}

/// Changes the index of a model in several files.
private func rewriteIndex(
  _ folder: TestFolder, _ change: (inout [String: String]) -> Void
) throws {
  try shardWeights(folder)
  let bytes = bytes(of: folder("model.safetensors.index.json"))
  let index = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: [String: String]]
  var map = try #require(index?["weight_map"])
  change(&map)
  try writeIndex(folder, map)
}

/// What is wrong with a model's folder, and words that the error must have.
private struct Damage {
  let name: String
  let words: String
  let apply: (TestFolder) throws -> Void

  init(_ name: String, _ words: String, apply: @escaping (TestFolder) throws -> Void) {
    (self.name, self.words, self.apply) = (name, words, apply)
  }
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

  @Test func attacksCapturedGradients() throws {
    let folder = try modelFolder(vocabulary: 700)
    let model = try TextModelFolder(folder.path, seed: 0)
    let tokens = ["one lazy dog", "foxes sleep"].map { model.tokenizer.encode($0) }
    let batch = TextBatch(tokens: tokens, labels: .nextTokens)
    try model.weighted.share(batch, dtype: .f32, backend: CPUBackend())
      .write(to: folder("captured.safetensors"))
    let run = try BuiltTool.run(
      [
        "text", "--model", folder.path, "--update", "captured.safetensors", "--batch-size", "2",
        "--quiet", "--out", "out",
      ], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("recovered  one lazy dog\n"))
    #expect(run.output.contains("recovered  foxes sleep\n"))
    #expect(run.output.contains("certain: its own gradient is the shared one"))
    // What was private is not known here: nothing is measured.
    #expect(!run.output.contains("ROUGE"))
    let records = try JSONDecoder().decode(
      [RunRecord].self, from: Data(bytes(of: folder("out/run.json"))))
    #expect(records.count == 1 && records[0].examples.allSatisfy { $0.level == nil })
  }

  @Test(arguments: [
    (["--defence", "mixup:0.4"], "cannot be applied to texts"),
    (["--defence", "soteria:0.5"], "cannot be applied to texts"),
    (["--defence", "lora:4"], "--lora RANK"), (["--naive-attack"], "give one with --defence"),
    (["--defence", "dp-sgd:1,1", "--local-steps", "2", "--learning-rate", "1e-4"], "local steps"),
  ])
  func refusesWhatCannotActBeforeItRuns(_ options: [String], _ words: String) throws {
    let folder = try modelFolder(vocabulary: 700)
    let run = try BuiltTool.run(
      ["text", "--model", folder.path, "--text", "the lazy dog", "--out", "out"] + options,
      in: folder.path)
    #expect(run.status == 2 && run.errors.contains(words), "\(run.errors)")
    #expect(run.output.isEmpty && !FileManager.default.fileExists(atPath: folder("out")))
  }

  @Test(arguments: [
    (["--lora", "24"], "adapterRank", "certain"),
    (["--defence", "clip:1e-3"], "defence", "clip:0.001"),
    (["--defence", "fp16", "--naive-attack"], "isAdaptive", "\"isAdaptive\" : false"),
    (["--local-steps", "2", "--learning-rate", "1e-4"], "training", "2 local steps"),
  ])
  func recordsWhatTheClientDid(_ options: [String], _ key: String, _ words: String) throws {
    let folder = try modelFolder(vocabulary: 700)
    let run = try BuiltTool.run(
      [
        "text", "--model", folder.path, "--text", "the lazy dog", "--quiet", "--out", "out",
        "--precision", "f64", "--head", "classification",
      ] + options, in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("recovered  the lazy dog"), "\(run.output)")
    let record = String(decoding: bytes(of: folder("out/run.json")), as: UTF8.self)
    #expect(record.contains("\"\(key)\""))
    #expect((run.output + record).contains(words), "\(run.output)")
  }

  /// What a simulated client shares is written, and attacked by someone who has the file alone.
  @Test(arguments: [
    (["--local-steps", "3", "--learning-rate", "1e-2"], [], "--update-kind difference"),
    (["--lora", "24"], ["--save-adapter", "peft"], "--adapter peft"),
  ])
  func attacksWhatWasSaved(_ client: [String], _ saving: [String], _ reading: String) throws {
    let folder = try modelFolder(vocabulary: 700)
    let common = [
      "text", "--model", folder.path, "--quiet", "--precision", "f64", "--head", "classification",
    ]
    let shared = try BuiltTool.run(
      common + ["--text", "the lazy dog", "--save-update", "u.safetensors"] + client + saving,
      in: folder.path)
    #expect(shared.status == 0, "\(shared.errors)")
    let attacked = try BuiltTool.run(
      common + ["--update", "u.safetensors"] + reading.split(separator: " ").map(String.init)
        + (saving.isEmpty ? client : []), in: folder.path)
    #expect(attacked.status == 0, "\(attacked.errors)")
    #expect(attacked.output.contains("recovered  the lazy dog"), "\(attacked.output)")
    #expect(attacked.output.contains("certain"), "\(attacked.output)")
    guard !saving.isEmpty else { return }
    for (arguments, words) in [
      (common + ["--update", "u.safetensors"], "with --adapter"),
      (common + ["--update", "model.safetensors", "--adapter", "peft"], "lora_B"),
      (common + ["--update", "u.safetensors", "--adapter", "."], "adapter_config.json"),
    ] {
      let run = try BuiltTool.run(arguments, in: folder.path)
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.errors.contains(words) && run.errorLines.count == 1, "\(run.errors)")
    }
  }

  /// The weights that a client got and sent back.
  @Test func weightsBeforeAndAfterAreAttacked() throws {
    let folder = try modelFolder(vocabulary: 700)
    let common = ["text", "--model", folder.path, "--quiet", "--precision", "f64"]
    let client = ["--local-steps", "2", "--learning-rate", "1e-2"]
    let shared = try BuiltTool.run(
      common + ["--text", "the lazy dog", "--save-update", "u.safetensors"] + client,
      in: folder.path)
    #expect(shared.status == 0, "\(shared.errors)")
    let path = folder("u.safetensors")
    let change = try SafetensorsFile(bytes: bytes(of: path), path: path).tensors()
    try rewriteWeights(folder) { weights in
      let after = weights.mapValues { $0.converted(to: .f64) }.merging(change) { old, new in
        Tensor(old.shape, .f64(zip(old.doubles, new.doubles).map { $0 + $1 }))
      }
      try? Safetensors.write(after, to: folder("after.safetensors"))
    }
    let attacked = try BuiltTool.run(
      common + client + ["--before", "model.safetensors", "--after", "after.safetensors"],
      in: folder.path)
    #expect(attacked.status == 0, "\(attacked.errors)")
    #expect(attacked.output.contains("recovered  the lazy dog"), "\(attacked.output)")
  }

  /// One model is judged, swept and attacked like one of pictures.
  @Test func auditsAndSweepsTakeTexts() throws {
    let folder = TestFolder()
    folder.file("lines.txt", Array("he went to the sea\nshe said nothing\n".utf8))
    func run(_ line: String) throws -> ToolRun {
      try BuiltTool.run(line.split(separator: " ").map(String.init), in: folder.path)
    }
    let audit = try run(
      "audit --texts lines.txt --defences none --fail-above C --quiet --out out --budget 600")
    #expect(audit.status == 1 && audit.output.contains("Grade F: Texts come back in full."))
    #expect(audit.errors.contains("grade F is worse than the C"))
    #expect(folder.contents.contains("out"))
    let records = try RunRecord.read(contentsOf: folder("out/run.json"))
    #expect(records.count == 2 && records.allSatisfy { $0.examples.count == 1 })
    let report = String(decoding: bytes(of: folder("out/report.html")), as: UTF8.self)
    #expect(report.contains("gradleak text --model tiny-bert &#39;--text=he went to the sea&#39;"))
    let decibels = try run("audit --texts lines.txt --defences none --fail-above 20dB --quiet")
    #expect(decibels.status == 1 && decibels.errors.contains("have no dB"))
    let sweep = try run("sweep --texts lines.txt --defence none --seeds 1 --quiet")
    #expect(sweep.status == 0 && sweep.output.contains("median ROUGE-1"), "\(sweep.errors)")
    #expect(sweep.output.contains("100 %") && sweep.output.contains("2 of 2 runs"))
    let clients = try run(
      "reconstruct --texts lines.txt --model tiny-bert --clients 2 --unknown text-lengths --quiet")
    #expect(clients.status == 0 && clients.output.contains("Exact matches: 2 of 2"), "\(clients)")
    #expect(clients.output.contains("of 2 clients, one gradient each"))
    let blind = try run("text --model tiny-bert --texts lines.txt --unknown weights --quiet")
    #expect(blind.status == 0 && blind.output.contains("bag of words: "), "\(blind)")
    #expect(
      blind.output.contains("Left out, since the attacker does not know the weights"), "\(blind)")
  }

  @Test(arguments: [
    ("audit coffee --text a", "is given beside texts"),
    ("audit coffee --lora 3", "are for language models"),
    ("audit --text a --texts f", "leave one out"),
    ("audit --text a --attack linear", "no attack on texts called"),
    ("reconstruct coffee --attack dager", "--attack dager reads texts"),
    ("reconstruct --text a --truth coffee --update g", "pictures and texts"),
    ("reconstruct --text a --trials 3", "--trials is for pictures"),
    ("reconstruct --text a --size 8", "--size is for models of images"),
    ("reconstruct --text a --clients 2", "1 texts do not go round 2 clients"),
    ("sweep --texts f --images g", "give one of them"),
    ("sweep --texts none.txt --defence none", "no such file"),
    ("sweep --texts lines.txt --attack linear", "no attack on texts called"),
    ("text --model tiny-bert --text a --labels 7", "class numbers from 0 to 1"),
    ("text --model tiny-bert --text a --labels 1,1", "--labels has 2 of them"),
    ("text --model tiny-bert --text a --shuffle-epochs", "--epochs"),
  ])
  func misfittingOptionsAreRefused(_ line: String, _ words: String) throws {
    let folder = TestFolder()
    folder.file("lines.txt", Array("a\n".utf8))
    let run = try BuiltTool.run(
      line.split(separator: " ").map(String.init) + ["--quiet"], in: folder.path)
    #expect(run.status == 2 && run.output.isEmpty && run.errors.contains(words), "\(run.errors)")
    #expect(folder.contents == ["lines.txt"])
  }

  @Test func aPriorIsRecorded() throws {
    let folder = try modelFolder(vocabulary: 700)
    let common = [
      "--model", folder.path, "--text", "the lazy dog", "--head", "classification", "--attack",
      "lamp", "--iterations", "100", "--quiet",
    ]
    let run = try BuiltTool.run(
      ["text"] + common + ["--prior-model", folder.path, "--json"], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("a language model as prior, with the same vocabulary"))
    let demo = try BuiltTool.run(
      [
        "demo", "text", "--attack", "lamp", "--iterations", "10", "--prior-model", folder.path,
        "--json", "--quiet",
      ], in: folder.path)
    #expect(demo.output.contains("for which texts are decoded and encoded again"))
    for (arguments, words) in [
      (common + ["--prior-model", folder("nowhere")], "no such file"),
      (
        ["--model", folder.path, "--text", "a", "--attack", "dager", "--prior-model", "x"],
        "lamp alone"
      ),
    ] {
      let run = try BuiltTool.run(["text"] + arguments, in: folder.path)
      #expect(run.status == 2 && run.output.isEmpty && run.errors.contains(words), "\(run.errors)")
    }
  }

  /// In a terminal the texts redraw in place, ten times a second, and are gone at the end; a pipe gets plain lines.
  @Test func textsSettleInATerminal() throws {
    let folder = TestFolder()
    let terminal = try PseudoTerminal()
    let process = try BuiltTool.process(
      ["demo", "text", "--attack", "dlg", "--iterations", "1000"], in: folder.path)
    process.standardOutput = terminal.inside
    process.standardError = terminal.inside
    try BuiltTool.start(process)
    terminal.closeInside()
    #expect(BuiltTool.finish(process) == 0)
    let text = terminal.capture.text()
    #expect(text.contains("\r\u{1B}[1A\u{1B}[K") && text.contains("matching "))
    #expect(text.contains("Exact matches:"))
    let piped = try BuiltTool.run(
      ["demo", "text", "--attack", "dlg", "--iterations", "30"], in: folder.path)
    #expect(!piped.output.contains("\u{1B}") && piped.output.contains("     30  "))
  }

  /// A model that was exported, with the gradient that PyTorch computed, and simulated.
  @Test(arguments: ["torchscript", "dynamo"])
  func readsONNXModels(_ exporter: String) throws {
    let folder = TestFolder()
    let model = [
      "text", "--model", "\(fixtures)/text-onnx/\(exporter).onnx", "--tokenizer",
      "\(fixtures)/tokenizers/word-piece",
    ]
    let captured = try BuiltTool.run(
      model + ["--update", "\(fixtures)/text-onnx/gradient.safetensors", "--out", "out"],
      in: folder.path)
    #expect(captured.status == 0, "\(captured.errors)")
    #expect(captured.errors.contains("2 layers, 24 features and 3 heads with gelu"))
    let record = try #require(
      try JSONDecoder().decode(
        [RunRecord].self, from: Data(bytes(of: folder("out/run.json")))
      ).first)
    #expect(record.examples.map(\.recoveredTokens) == [[2, 90, 110, 7, 90, 55, 3]])
    #expect(record.isCertain == true && record.examples.map { $0.recoveredLabel?.text } == ["2"])
    let simulated = try BuiltTool.run(
      model + ["--text", "the lazy dog", "--attack", "dager", "--quiet"], in: folder.path)
    #expect(simulated.output.contains("[exact]") && simulated.errors.isEmpty, "\(simulated)")
    for (arguments, words) in [
      (Array(model[..<3]) + ["--text", "a"], "--tokenizer is missing"),
      (model + ["--text", "a", "--classes", "3"], "that of the ONNX file"),
      (
        ["text", "--model", "\(fixtures)/fuzz/small-torchscript.onnx", "--text", "a"] + model[3...],
        "a language model takes whole numbers"
      ),
      (Array(model[..<4]) + [folder.path, "--text", "a"], "tokenizer.json: there is no such file"),
    ] {
      let run = try BuiltTool.run(arguments, in: folder.path)
      #expect(run.status == 2 && run.output.isEmpty && run.errors.contains(words), "\(run.errors)")
    }
  }

  @Test(arguments: ["torchscript", "dynamo"])
  func readsGPT2FromONNX(_ exporter: String) throws {
    let folder = TestFolder()
    for (kind, text) in [("language", "note: "), ("classes", "found by their order")] {
      let run = try BuiltTool.run(
        [
          "text", "--model", "\(fixtures)/text-onnx/gpt2-\(kind)-\(exporter).onnx", "--tokenizer",
          "\(fixtures)/tokenizers/byte-level", "--update",
          "\(fixtures)/text-onnx/gpt2-\(kind).safetensors", "--json",
        ], in: folder.path)
      #expect(run.status == 0 && run.errors.contains(text), "\(run.errors)")
      let record = try #require(
        try JSONDecoder().decode([RunRecord].self, from: Data(run.output.utf8)).first)
      #expect(record.examples.map(\.recoveredTokens) == [[2, 90, 110, 7, 90, 55, 3]])
      #expect(record.isCertain == true && record.model.name == "gpt2")
    }
    let run = try BuiltTool.run(
      [
        "text", "--model", "\(fixtures)/text-onnx/gpt2-language-\(exporter).onnx", "--tokenizer",
        "\(fixtures)/tokenizers/word-piece", "--text", "a",
      ], in: folder.path)
    #expect(run.status == 2 && run.errors.contains("the model embeds 700"), "\(run.errors)")
  }

  @Test func readsModelsInSeveralFiles() throws {
    let folder = try modelFolder(vocabulary: 700)
    let whole = try TextModelFolder(folder.path, seed: 0)
    try shardWeights(folder)
    let sharded = try TextModelFolder(folder.path, seed: 0)
    #expect(sharded.weighted.parameters == whole.weighted.parameters)
    #expect(sharded.freshParameters.isEmpty)
  }

  @Test func refusesDamagedModels() throws {
    let cases = [
      Damage("a shard outside of the folder", "in the same folder") { folder in
        try rewriteIndex(folder) { $0["transformer.wte.weight"] = "../model.safetensors" }
      },
      Damage("a shard that is missing", "there is no such file") { folder in
        try rewriteIndex(folder) { $0["transformer.wte.weight"] = "other.safetensors" }
      },
      Damage("a tensor in another shard", "which has none so named") { folder in
        try rewriteIndex(folder) {
          $0["transformer.wte.weight"] = $0["transformer.h.0.attn.c_attn.weight"]
        }
      },
      Damage("a tensor that no shard has", "has no tensor transformer.wte.weight") { folder in
        try rewriteIndex(folder) { $0["transformer.wte.weight"] = nil }
      },
      Damage("an index without a map", "no weight_map") { folder in
        try rewriteIndex(folder) { $0 = [:] }
      },
      Damage("a missing tensor", "has no tensor transformer.h.1.attn.c_attn.weight") { folder in
        try rewriteWeights(folder) { $0["transformer.h.1.attn.c_attn.weight"] = nil }
      },
      Damage("a wrong shape", "where config.json asks for") { folder in
        try rewriteWeights(folder) {
          $0["transformer.ln_f.weight"] = Tensor([2], .f32([1, 2]))
        }
      },
      Damage("not a number", "not finite") { folder in
        try rewriteWeights(folder) {
          $0["transformer.ln_f.bias"] = Tensor(
            [32], .f32([Float](repeating: .nan, count: 32)))
        }
      },
      Damage("weights cut short", "model.safetensors: ") { folder in
        folder.file(
          "model.safetensors", Array(bytes(of: folder("model.safetensors")).prefix(5000)))
      },
      Damage("no configuration", "config.json: there is no such file") { folder in
        try FileManager.default.removeItem(atPath: folder("config.json"))
      },
      Damage("another kind of model", "models of type bert, distilbert and gpt2 are supported") {
        folder in
        folder.file("config.json", Array(#"{"model_type": "t5"}"#.utf8))
      },
      Damage("a tokenizer that is not JSON", "tokenizer.json: ") { folder in
        folder.file("tokenizer.json", [0xFF, 0x00])
      },
      Damage("no tokenizer", "tokenizer.json: there is no such file") { folder in
        try FileManager.default.removeItem(atPath: folder("tokenizer.json"))
      },
    ]
    for damage in cases {
      let (name, words) = (damage.name, damage.words)
      let folder = try modelFolder(vocabulary: 700)
      try damage.apply(folder)
      let run = try BuiltTool.run(
        ["text", "--model", folder.path, "--text", "a", "--out", "out"], in: folder.path)
      #expect(run.status == 2, "\(name)")
      #expect(run.errors.contains(words), "\(name): \(run.errors)")
      #expect(run.errorLines.count == 1, "\(name): \(run.errors)")
      #expect(run.output.isEmpty && !folder.contents.contains("out"), "\(name)")
    }
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
      (["--model", folder.path, "--text", "a", "--lora", "33"], "a rank from 1 to 32"),
      (["--model", folder.path, "--text", "a", "--defence", "x"], "no defence called"),
      (["--model", folder.path, "--text", "a", "--local-steps", "2"], "--learning-rate"),
      (
        ["--model", folder.path, "--update", folder("broken.safetensors"), "--lora", "4"],
        "simulate a client"
      ),
      (
        [
          "--model", folder.path, "--update", folder("model.safetensors"), "--update-kind",
          "difference",
        ],
        "give the learning rate"
      ),
      (
        [
          "--model", folder.path, "--update", folder("model.safetensors"), "--local-steps", "2",
          "--learning-rate", "1",
        ], "use --update-kind difference"
      ),
      (["--model", folder.path, "--text", "a", "--noise", "1"], "--noise is the variance"),
      (["--model", folder.path, "--text", "a", "--rename", "a=b"], "give that too"),
      (["--model", folder.path, "--text", "a", "--save-adapter", "x"], "give its rank too"),
      (
        ["--model", folder.path, "--text", "a", "--text", "b", "--save-update", "x"],
        "give --batch-size 2"
      ),
    ]
    for (arguments, words) in cases {
      let run = try BuiltTool.run(["text"] + arguments, in: folder.path)
      #expect(run.status == 2, "\(arguments)")
      #expect(run.errors.contains(words), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty)
    }
  }
}
