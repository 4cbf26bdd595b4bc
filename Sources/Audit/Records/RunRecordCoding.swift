import Clients

/// Records as files hold them: what is nil is left out, and examples that are no images stand under the name of
/// their kind.
extension RunRecord {
  private struct Key: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    let intValue: Int? = nil

    init(stringValue: String) {
      self.stringValue = stringValue
    }

    init(stringLiteral name: String) {
      stringValue = name
    }

    init?(intValue: Int) { nil }

    init(_ kind: DataKindName) {
      stringValue = kind.rawValue
    }
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    func value<Value: Decodable>(_ key: Key) throws -> Value {
      try container.decode(Value.self, forKey: key)
    }
    func optional<Value: Decodable>(_ key: Key) throws -> Value? {
      try container.decodeIfPresent(Value.self, forKey: key)
    }
    self.init(
      tool: try value("tool"), configuration: try value("configuration"),
      model: try value("model"), update: try value("update"),
      threatModel: try value("threatModel"), trials: try value("trials"),
      bestTrial: try value("bestTrial"),
      matchingLoss: try (value("matchingLoss") as JSONNumber).value,
      images: try optional("images") ?? [], trace: try value("trace"))
    version = try value("version")
    experiment = try optional("experiment")
    diagnosis = try optional("diagnosis")
    misfit = try optional("misfit")
    truthCheck = try optional("truthCheck")
    defence = try optional("defence")
    skipped = try optional("skipped")
    method = try optional("method")
    relativeDistance = try optional("relativeDistance")
    isCertain = try optional("isCertain")
    nearMisses = try optional("nearMisses")
    text = try optional("text")
    table = try optional("table")
    device = try optional("device")
    kind = DataKindName(rawValue: try optional("kind") ?? DataKindName.pictures.rawValue)
    if kind != .pictures { examples = try value(Key(kind)) }
  }

  /// Writes it into a file.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(version, forKey: "version")
    try container.encode(tool, forKey: "tool")
    try container.encode(configuration, forKey: "configuration")
    try container.encodeIfPresent(experiment, forKey: "experiment")
    try container.encode(model, forKey: "model")
    try container.encode(update, forKey: "update")
    try container.encode(threatModel, forKey: "threatModel")
    try container.encode(trials, forKey: "trials")
    try container.encode(bestTrial, forKey: "bestTrial")
    try container.encode(matchingLoss, forKey: "matchingLoss")
    try container.encode(trace, forKey: "trace")
    try container.encodeIfPresent(diagnosis, forKey: "diagnosis")
    try container.encodeIfPresent(misfit, forKey: "misfit")
    try container.encodeIfPresent(truthCheck, forKey: "truthCheck")
    try container.encodeIfPresent(defence, forKey: "defence")
    try container.encodeIfPresent(skipped, forKey: "skipped")
    try container.encodeIfPresent(method, forKey: "method")
    try container.encodeIfPresent(relativeDistance, forKey: "relativeDistance")
    try container.encodeIfPresent(isCertain, forKey: "isCertain")
    try container.encodeIfPresent(nearMisses, forKey: "nearMisses")
    try container.encodeIfPresent(text, forKey: "text")
    try container.encodeIfPresent(table, forKey: "table")
    try container.encodeIfPresent(device, forKey: "device")
    guard kind != .pictures else {
      try container.encode(images, forKey: "images")
      return
    }
    try container.encode(kind.rawValue, forKey: "kind")
    try container.encode(examples, forKey: Key(kind))
  }
}
