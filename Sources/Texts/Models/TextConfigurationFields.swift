import Clients
import ModelIO

/// What each field of a `config.json` means here: whether it is read, changes nothing that is computed, or must
/// have a certain value. Whatever changes the loss or the forward pass and is not computed is refused by name.
struct TextConfigurationFields {
  /// A value that a field may have.
  enum Rule: Hashable {
    case wholeNumber
    case number
    case text
    case flag
    /// A flag that must be off, since what it turns on is not computed.
    case off
    /// A flag that must be on.
    case on
    /// A text that must be this one.
    case only(String)
    /// Must be missing, null, or an empty list or object.
    case empty
    case list
    case object
  }

  /// Fields that are read or must have a certain value, beside those in ``harmless``.
  let rules: [String: Rule]

  init(_ architecture: TextModelConfiguration.Architecture) {
    var rules = TextConfigurationFields.common
    let own: [String: Rule] =
      switch architecture {
      case .bert:
        [
          "hidden_size": .wholeNumber, "num_hidden_layers": .wholeNumber,
          "num_attention_heads": .wholeNumber, "intermediate_size": .wholeNumber,
          "max_position_embeddings": .wholeNumber, "type_vocab_size": .wholeNumber,
          "hidden_act": .text, "layer_norm_eps": .number,
        ]
      case .distilbert:
        [
          "dim": .wholeNumber, "n_layers": .wholeNumber, "n_heads": .wholeNumber,
          "hidden_dim": .wholeNumber, "max_position_embeddings": .wholeNumber, "activation": .text,
          // Sets initial values of the positions and freezes them; both come from the files.
          "sinusoidal_pos_embds": .flag,
        ]
      case .gpt2:
        [
          "n_embd": .wholeNumber, "n_layer": .wholeNumber, "n_head": .wholeNumber,
          "n_inner": .wholeNumber, "n_positions": .wholeNumber, "n_ctx": .wholeNumber,
          "activation_function": .text, "layer_norm_epsilon": .number, "scale_attn_weights": .on,
          "scale_attn_by_inverse_layer_idx": .off,
          // The same product in another order.
          "reorder_and_upcast_attn": .flag,
        ]
      }
    rules.merge(own) { _, own in own }
    self.rules = rules
  }

  private static let common: [String: Rule] = [
    "model_type": .text, "architectures": .list, "vocab_size": .wholeNumber,
    "tie_word_embeddings": .flag, "initializer_range": .number, "pad_token_id": .wholeNumber,
    "id2label": .object, "num_labels": .wholeNumber, "_num_labels": .wholeNumber,
    "problem_type": .text,
    // What is not computed.
    "is_decoder": .off, "add_cross_attention": .off, "is_encoder_decoder": .off,
    "tie_encoder_decoder": .off, "torchscript": .off, "use_bfloat16": .off,
    "position_embedding_type": .only("absolute"), "pooler_type": .only("first_token_transform"),
    "pruned_heads": .empty, "quantization_config": .empty, "auto_map": .empty,
    "adapters": .empty, "rope_scaling": .empty, "rope_parameters": .empty,
    "cross_attention_hidden_size": .empty, "label_smoothing": .empty,
    "label_smoothing_factor": .empty, "embedding_size": .empty, "layerdrop": .empty,
  ]

  /// Fields that change nothing that is computed here. Rates of dropout are among them: dropout is taken to be
  /// off, as the threat model says.
  static let harmless: Set<String> = [
    "_name_or_path", "name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache",
    "return_dict", "output_attentions", "output_hidden_states", "output_past", "label2id",
    "chunk_size_feed_forward", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id",
    "mask_token_id", "unk_token_id", "decoder_start_token_id", "finetuning_task",
    "task_specific_params", "gradient_checkpointing", "directionality", "attn_implementation",
    "_attn_implementation", "_attn_implementation_autoset", "attention_probs_dropout_prob",
    "hidden_dropout_prob", "classifier_dropout", "attention_dropout", "dropout", "qa_dropout",
    "seq_classif_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop", "summary_first_dropout",
    // Heads that are not supported, and are refused by their class, read these.
    "summary_activation", "summary_proj_to_labels", "summary_type", "summary_use_proj",
    // Of the first BERT files; nothing reads them.
    "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
    "pooler_size_per_head", "tie_weights_", "predict_special_tokens", "n_special",
    "model_max_length", "tokenizer_class", "xla_device", "remove_invalid_values", "prefix",
    "min_length", "max_length", "do_sample", "early_stopping", "num_beams", "temperature", "top_k",
    "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "diversity_penalty",
    "num_beam_groups", "forced_bos_token_id", "forced_eos_token_id", "suppress_tokens",
    "begin_suppress_tokens", "exponential_decay_length_penalty", "output_scores",
    "return_dict_in_generate", "tf_legacy_loss", "language", "datasets", "license", "tags",
  ]

  /// Refuses a configuration that asks for what is not computed.
  ///
  /// - Throws: ``ModelError`` that names the field.
  func check(_ json: JSONValue, path: String) throws(ModelError) {
    guard let members = json.members else {
      throw ModelError("\(path) is no JSON object; give the config.json of the model")
    }
    var seen: Set<String> = []
    for (key, value) in members {
      guard seen.insert(key).inserted else {
        throw ModelError("\(path) has two fields \(key.quotedForMessage); leave one of them")
      }
      if case .null = value { continue }
      if let rule = rules[key] {
        try check(key, value, rule, path)
      } else if !TextConfigurationFields.harmless.contains(key), !value.isNothing {
        throw ModelError(
          "\(path) has a field \(key.quotedForMessage), which is not known here and may change the "
            + "model or its loss; leave it out of a copy if it changes neither")
      }
    }
  }

  private func check(
    _ key: String, _ value: JSONValue, _ rule: Rule, _ path: String
  ) throws(ModelError) {
    let (fits, wanted): (Bool, String) =
      switch rule {
      case .wholeNumber: (value.integer != nil, "a whole number")
      case .number: (value.number?.isFinite == true, "a number")
      case .text: (value.string != nil, "a text")
      case .flag: (value.bool != nil, "true or false")
      case .list: (value.array != nil, "a list")
      case .object: (value.members != nil, "an object")
      case .off: (value.bool == false, "false: nothing else is supported")
      case .on: (value.bool == true, "true: nothing else is supported")
      case .only(let text):
        (value.string == text, "\(text.quotedForMessage): nothing else is supported")
      case .empty: (value.isNothing, "left out: it is not supported")
      }
    guard fits else {
      throw ModelError(
        "\(path) has \(value.briefly) for \(key), which must be \(wanted); give the config.json of a "
          + "model without it")
    }
  }
}

extension JSONValue {
  /// Whether there is a field of this name, be it null.
  func has(_ key: String) -> Bool { members?.contains { $0.key == key } ?? false }

  /// Whether this stands for something that is not there: null, false, 0, or an empty list, object or text.
  fileprivate var isNothing: Bool {
    switch self {
    case .null: true
    case .bool(let flag): !flag
    case .number(let number): number == 0
    case .string(let text): text.isEmpty
    case .array(let elements): elements.isEmpty
    case .object(let members): members.isEmpty
    }
  }

  /// For messages.
  fileprivate var briefly: String {
    switch self {
    case .null: "null"
    case .bool(let flag): "\(flag)"
    case .number(let number): integer.map { "\($0)" } ?? "\(number)"
    case .string(let text): text.quotedForMessage
    case .array(let elements): "a list of \(elements.count)"
    case .object(let members): "an object of \(members.count) fields"
    }
  }
}
