import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Clients
@testable import Texts

let textFixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures/text").path

/// A model and batch that scripts/fixtures/text.py ran in `transformers`.
struct TextCase {
  let weighted: WeightedTextModel
  let batch: TextBatch
  let golden: [String: Tensor]

  init(_ name: String) throws {
    let folder = textFixtures + "/" + name
    let model = try TextModel(
      TextModelConfiguration(contentsOf: folder + "/config.json"))
    let golden = try SafetensorsFile(contentsOf: folder + "/golden.safetensors").tensors()
    self.golden = golden
    weighted = WeightedTextModel(
      model: model,
      parameters: try model.parameters.map { try #require(golden["parameter:" + $0.name]) })
    let tokens = try #require(golden["tokens"])
    let mask = try #require(golden["mask"]).doubles
    let labels = try #require(golden["labels"]).doubles
    let length = tokens.shape[1]
    let numbers = tokens.doubles.map { Int($0) }
    let segments = golden["token_type_ids"].map { $0.doubles.map { Int($0) } }
    var (texts, layouts): ([[Int]], [TextLayout]) = ([], [])
    for row in 0..<tokens.shape[0] {
      let all = row * length..<(row + 1) * length
      let used = all.lowerBound...(try #require(all.last { mask[$0] == 1 }))
      texts.append(used.map { numbers[$0] })
      layouts.append(
        TextLayout(
          segments: segments.map { segments in used.map { segments[$0] } },
          isAttended: used.allSatisfy { mask[$0] == 1 } ? nil : used.map { mask[$0] == 1 }))
    }
    switch model.configuration.head {
    case .classification where model.configuration.loss != .crossEntropy:
      batch = TextBatch(
        tokens: texts,
        labels: .values(
          texts.indices.map {
            Array(labels[$0 * model.labelClasses..<($0 + 1) * model.labelClasses])
          }))
    case .classification:
      batch = TextBatch(
        tokens: texts, labels: .classes(labels.map { Int($0) }), layouts: layouts)
    case .languageModel where name == "gpt2-prompt":
      batch = TextBatch(
        tokens: texts,
        labels: .someNextTokens(
          texts.enumerated().map { row, text in
            text.indices.map { labels[row * length + $0] >= 0 }
          }))
    case .languageModel: batch = TextBatch(tokens: texts, labels: .nextTokens)
    case .maskedLanguageModel:
      batch = TextBatch(
        tokens: texts,
        labels: .masked(
          texts.enumerated().map { row, text in
            text.indices.map {
              labels[row * length + $0] < 0 ? nil : Int(labels[row * length + $0])
            }
          }))
    }
  }

  static let names = [
    "bert-classification", "bert-masked", "bert-relu", "gpt2-language", "gpt2-untied",
    "gpt2-classification", "distilbert-classification", "distilbert-masked",
    "bert-pair", "bert-regression", "gpt2-multi-label", "gpt2-prompt",
  ]
}

@Suite struct TextModelTests {
  @Test(arguments: TextCase.names, [DType.f32, .f64])
  func matchesTransformers(_ name: String, _ dtype: DType) throws {
    let example = try TextCase(name)
    let result = try example.weighted.gradient(
      of: example.batch, dtype: dtype, backend: CPUBackend())
    let tolerance = dtype == .f64 ? 1e-11 : 1e-4
    #expect(abs(result.loss - example.golden["loss"]!.doubles[0]) < tolerance)
    // Padding's logits mean nothing.
    if case .classification = example.weighted.model.configuration.head {
      #expect(relativeError(result.logits, example.golden["logits"]) < tolerance)
    }
    for (spec, gradient) in zip(example.weighted.model.parameters, result.gradients) {
      let error = relativeError(gradient, example.golden["gradient:" + spec.name])
      let isZero = example.golden["gradient:" + spec.name]!.doubles.allSatisfy { abs($0) < 1e-12 }
      #expect(error < tolerance || isZero, "\(spec.name): \(error)")
    }
  }

  @Test(arguments: TextCase.names)
  func hasTheParametersOfTransformers(_ name: String) throws {
    let example = try TextCase(name)
    let expected = example.golden.keys.filter { $0.hasPrefix("parameter:") }
      .map { String($0.dropFirst(10)) }
    #expect(Set(expected) == Set(example.weighted.model.parameters.map(\.name)))
  }

  /// Dummy embeddings that are rows of the table give the logits of their tokens.
  @Test func embeddingsStandForTokens() throws {
    let example = try TextCase("bert-classification")
    let model = example.weighted.model
    let builder = GraphBuilder()
    let tokens = builder.input("tokens", [1, 4], .i32)
    let mask = builder.input("mask", [1, 4], .f64)
    let embedded = builder.input("embedded", [1, 4, 12], .f64)
    let parameters = builder.parameters(of: model, .f64)
    let pass = model.pass(builder, parameters, .f64)
    let graph = builder.build(outputs: [
      pass.forward(tokens: tokens, mask: mask).logits,
      pass.forward(embedded: embedded, mask: mask).logits,
    ])
    let text = [3, 1, 4, 1]
    let table = example.weighted.parameter(model.names.tokenEmbedding)
    let outputs = try ReferenceInterpreter().evaluate(
      graph,
      [
        Tensor([1, 4], .i32(text.map(Int32.init))), Tensor([1, 4], .f64, repeating: 1),
        Tensor([1, 4, 12], .f64(text.flatMap { table.row($0) })),
      ] + example.weighted.parameters.map { $0.converted(to: .f64) })
    #expect(outputs[0] == outputs[1])
  }

  @Test(arguments: [
    (#"{"model_type":"t5"}"#, "type \"t5\""), (#"{"model_type":"bert"}"#, "vocab_size"),
    (
      #"{"model_type":"gpt2","vocab_size":9,"n_embd":10,"n_layer":1,"n_head":3,"n_positions":4}"#,
      "3 heads do not divide"
    ),
    (
      #"{"model_type":"gpt2","vocab_size":9,"n_embd":9,"n_layer":-1,"n_head":3,"n_positions":4}"#,
      "a number of layers of -1"
    ),
    (
      #"{"model_type":"gpt2","vocab_size":9,"n_embd":9,"n_layer":1,"n_head":3,"n_positions":4,"#
        + #""activation_function":"mish"}"#, "activation \"mish\""
    ),
    (#"{"model_type":"bert","position_embedding_type":"relative_key"}"#, "relative_key"),
  ])
  func refusesConfigurations(_ text: String, _ reason: String) throws {
    let error = #expect(throws: ModelError.self) {
      try TextModelConfiguration(
        JSONValue(parsing: Array(text.utf8), path: "config.json"), path: "config.json", head: nil)
    }
    #expect("\(error.map(\.message) ?? "")".contains(reason), "\(error.map(\.message) ?? "")")
  }
}
