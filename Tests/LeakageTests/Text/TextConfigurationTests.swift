import ModelIO
import Testing

@testable import Clients
@testable import Texts

/// A `config.json` with the fields that a model needs, and others.
private func configuration(
  _ type: String, _ fields: String = "", head: TextHead? = nil
) throws -> TextModelConfiguration {
  let sizes = [
    "bert": #""hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":8,"#
      + #""max_position_embeddings":8"#,
    "distilbert": #""dim":8,"n_layers":1,"n_heads":2,"hidden_dim":8,"max_position_embeddings":8"#,
    "gpt2": #""n_embd":8,"n_layer":1,"n_head":2,"n_positions":8"#,
  ]
  let text =
    #"{"model_type":"\#(type)","vocab_size":9,\#(sizes[type] ?? "")\#(fields.isEmpty ? "" : ",")\#(fields)}"#
  return try TextModelConfiguration(
    JSONValue(parsing: Array(text.utf8), path: "config.json"), path: "config.json", head: head)
}

@Suite struct TextConfigurationTests {
  /// What changes the loss or the forward pass and is not computed is refused by name.
  @Test(arguments: [
    ("bert", #""position_embedding_type":"relative_key_query""#), ("bert", #""is_decoder":true"#),
    ("bert", #""add_cross_attention":true"#), ("bert", #""is_encoder_decoder":true"#),
    ("bert", #""pruned_heads":{"0":[1]}"#), ("bert", #""hidden_act":"gelu_10""#),
    ("bert", #""hidden_act":"quick_gelu""#), ("bert", #""hidden_act":7"#),
    ("bert", #""type_vocab_size":-1"#), ("bert", #""type_vocab_size":1e300"#),
    ("bert", #""layer_norm_eps":-1"#), ("bert", #""layer_norm_eps":"1e-5""#),
    ("bert", #""pad_token_id":9"#), ("bert", #""pad_token_id":-1"#),
    ("bert", #""problem_type":"ranking""#), ("bert", #""problem_type":3"#),
    ("bert", #""label_smoothing":0.1"#), ("bert", #""pooler_type":"mean""#),
    ("bert", #""embedding_size":4"#), ("bert", #""auto_map":{"AutoModel":"x.Y"}"#),
    ("bert", #""quantization_config":{"bits":4}"#), ("bert", #""torchscript":true"#),
    ("bert", #""a_field_of_the_future":"on""#), ("bert", #""vocab_size":10"#),
    ("bert", #""tie_word_embeddings":"yes""#), ("bert", #""initializer_range":-1"#),
    ("distilbert", #""activation":"mish""#), ("distilbert", #""is_decoder":true"#),
    ("gpt2", #""scale_attn_weights":false"#), ("gpt2", #""scale_attn_by_inverse_layer_idx":true"#),
    ("gpt2", #""n_inner":0"#), ("gpt2", #""activation_function":"relu6""#),
    ("gpt2", #""add_cross_attention":true"#), ("gpt2", #""rope_scaling":{"factor":2}"#),
  ])
  func refusesByName(_ type: String, _ field: String) {
    let error = #expect(throws: ModelError.self) { try configuration(type, field) }
    let name = field.split(separator: "\"")[0]
    let message = error?.message ?? ""
    #expect(
      message.contains(name) || message.contains("activation") || message.contains("inner width")
        || message.contains("epsilon"), "\(message)")
  }

  /// What `transformers` writes by default, and what changes nothing that is computed.
  @Test(arguments: ["bert", "distilbert", "gpt2"])
  func takesHarmlessFields(_ type: String) throws {
    let fields = TextConfigurationFields.harmless.sorted().map { #""\#($0)":"anything""# }
    _ = try configuration(type, fields.joined(separator: ","))
    _ = try configuration(
      type,
      #""is_decoder":false,"add_cross_attention":false,"pruned_heads":{},"torchscript":false,"#
        + #""problem_type":null,"label_smoothing":0,"an_unknown_field":null,"another":false"#)
  }

  /// Every field is either read, harmless or refused, and none is two of these.
  @Test(arguments: TextModelConfiguration.Architecture.allCases)
  func fieldsAreOfOneKind(_ architecture: TextModelConfiguration.Architecture) {
    let read = Set(TextConfigurationFields(architecture).rules.keys)
    #expect(read.isDisjoint(with: TextConfigurationFields.harmless))
  }

  @Test func readsTheLoss() throws {
    func loss(_ fields: String) throws -> TextLoss { try configuration("bert", fields).loss }
    #expect(try loss("") == .crossEntropy)
    #expect(try loss(#""num_labels":1"#) == .regression)
    #expect(try loss(#""num_labels":3,"problem_type":"regression""#) == .regression)
    #expect(try loss(#""num_labels":3,"problem_type":"multi_label_classification""#) == .multiLabel)
    #expect(
      try loss(#""num_labels":3,"problem_type":"single_label_classification""#) == .crossEntropy)
  }

  /// Its gradient is exactly zero, and nothing can be said of the text.
  @Test func refusesOneLabelUnderCrossEntropy() {
    let error = #expect(throws: ModelError.self) {
      try configuration("bert", #""num_labels":1,"problem_type":"single_label_classification""#)
    }
    #expect(error?.message.contains("exactly zero") == true)
  }

  @Test func readsPadding() throws {
    #expect(try configuration("bert").paddingToken == 0)
    #expect(try configuration("bert", #""pad_token_id":3"#).paddingToken == 3)
    #expect(try configuration("distilbert", #""pad_token_id":null"#).paddingToken == nil)
    #expect(try configuration("gpt2", #""pad_token_id":3"#).paddingToken == nil)
  }

  @Test(arguments: [
    "BertForTokenClassification", "BertForQuestionAnswering", "GPT2DoubleHeadsModel",
  ])
  func refusesOtherHeads(_ name: String) throws {
    let type = name.hasPrefix("GPT2") ? "gpt2" : "bert"
    let field = #""architectures":["\#(name)"]"#
    let error = #expect(throws: ModelError.self) { try configuration(type, field) }
    #expect(error?.message.contains(name) == true)
    _ = try configuration(type, field, head: .classification(classes: 2))
  }

  /// Numbers at the ends of what a file can hold.
  @Test(arguments: ["-9223372036854775808", "4611686018427387904", "1e308", "-1", "0.5"])
  func refusesHostileNumbers(_ number: String) {
    for key in ["n_embd", "n_layer", "n_head", "n_positions", "vocab_size"] {
      let sizes = ["vocab_size", "n_embd", "n_layer", "n_head", "n_positions"].map {
        #""\#($0)":\#($0 == key ? number : "8")"#
      }
      let text = #"{"model_type":"gpt2",\#(sizes.joined(separator: ","))}"#
      #expect(throws: ModelError.self, "\(key)") {
        try TextModelConfiguration(
          JSONValue(parsing: Array(text.utf8), path: "config.json"), path: "config.json", head: nil)
      }
    }
  }

  @Test func refusesDuplicates() {
    #expect(throws: ModelError.self) {
      try configuration("bert", #""hidden_act":"relu","hidden_act":"gelu""#)
    }
  }
}
