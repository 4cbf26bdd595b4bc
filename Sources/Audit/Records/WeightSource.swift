/// How a model came by its weights. Records hold it in words, as people read it.
public enum WeightSource: Sendable, Equatable {
  /// Drawn from a seed: nothing was trained.
  case drawn(seed: UInt64)
  /// The name of a file with weights, or of a model with its own.
  case file(String)
  /// A language model's folder or name; where that lacks the head, the seed that the head was drawn from.
  case languageModel(String, headSeed: UInt64?)
  /// In words, of other data.
  case other(String)

  /// Without the seed.
  public var shortDescription: String {
    switch self {
    case .drawn: "untrained"
    case .file(let name): "of \(name)"
    case .languageModel(let name, _): "from \(name)"
    case .other(let words): words
    }
  }
}

extension WeightSource: CustomStringConvertible {
  /// Such as "untrained, initialised with seed 0".
  public var description: String {
    switch self {
    case .drawn(let seed): "\(shortDescription), \(WeightSource.drawing)\(seed)"
    case .languageModel(_, .some(let seed)):
      "\(shortDescription), head \(WeightSource.drawing)\(seed)"
    case .file, .languageModel, .other: shortDescription
    }
  }

  private static let drawing = "initialised with seed "
}

extension WeightSource: Codable {
  /// Reads it from a record.
  public init(from decoder: any Decoder) throws {
    self.init(words: try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes it into a record, in words.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// Reads a ``description``; other words stay as they are.
  private init(words: String) {
    let name = words.drop { $0 != " " }.dropFirst()
    var known: [WeightSource] = [.file(String(name)), .languageModel(String(name), headSeed: nil)]
    if let seed = words.split(separator: " ").last.flatMap({ UInt64($0) }) {
      let head = ", head \(WeightSource.drawing)\(seed)"
      let model = String(name.dropLast(head.count))
      known = [.drawn(seed: seed), .languageModel(model, headSeed: seed)] + known
    }
    self = known.first { $0.description == words } ?? .other(words)
  }
}
