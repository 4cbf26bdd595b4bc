import Clients
import ModelIO

/// The client's data: private examples, or an update that a client shared.
public struct ExperimentData: Codable, Hashable, Sendable {
  /// What the examples are. In files the key of the examples says it.
  public var kind = DataKindName.pictures
  /// The private batch of a simulated client, or beside ``update`` what it is measured by: paths of PNG or JPEG
  /// files or files of tensors, or names of bundled photographs, texts as they are, numbers of rows from 1, recordings with the
  /// first sample behind an @, or what another kind of data calls an example.
  public var examples: [String] = []
  /// For each picture whether it is mirrored (1), upside down (2) or both (3); nil for pictures as they are.
  public var turns: [Int]?
  /// One for each example; beside ``update`` those that the attacker knows. Nil for labels drawn from the
  /// seed, or unknown ones.
  public var labels: [ExampleLabel]?
  /// How pictures are read.
  public var readAs = PictureReading.pillow
  /// A client's update in a file; nil for a simulated client.
  public var update: UpdateChoice?
  /// The table that rows are of; nil of other data.
  public var table: TableChoice?
  /// How recordings of signals are read; nil for as they are, and of other data.
  public var signal: SignalChoice?

  /// No examples yet.
  public init(_ kind: DataKindName = .pictures) {
    self.kind = kind
  }

  /// The examples where they are pictures; none of other data.
  public var pictures: [String] {
    get { kind == .pictures ? examples : [] }
    set { (kind, examples) = (.pictures, newValue) }
  }

  private enum Name: String, CaseIterable {
    case turns, labels, readAs, update, table, signal
  }

  private struct Key: CodingKey, CaseIterable {
    let stringValue: String
    let intValue: Int? = nil

    init(stringValue: String) {
      self.stringValue = stringValue
    }

    init(_ name: Name) {
      stringValue = name.rawValue
    }

    init?(intValue: Int) { nil }

    static var kinds: [Key] {
      DataKinds.all.map { Key(stringValue: $0.descriptor.name.rawValue) }
    }
    static var allCases: [Key] { kinds + Name.allCases.map { Key($0) } }
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: Key.self)
    let given = Key.kinds.filter { container.contains($0) }
    guard given.count <= 1 else {
      throw ExperimentError(
        "data", "has \(given.map(\.stringValue).joined(separator: " and ")); give one kind of data")
    }
    if let key = given.first {
      kind = DataKindName(rawValue: key.stringValue)
      examples = try container.decode([String].self, forKey: key)
    }
    turns = try container.value(Key(.turns))
    labels = try container.value(Key(.labels))
    readAs = try container.choice(Key(.readAs), or: readAs)
    update = try container.value(Key(.update))
    table = try container.value(Key(.table))
    signal = try container.value(Key(.signal))
    guard signal == nil || kind == .signals else {
      throw ExperimentError("data.signal", "is of signals; leave it out, or give signals")
    }
    guard table == nil || kind == .rows else {
      throw ExperimentError("data.table", "is of rows; leave it out, or give numbers of rows")
    }
  }

  /// Writes it into a file.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(examples, forKey: Key(stringValue: kind.rawValue))
    try container.encodeIfPresent(turns, forKey: Key(.turns))
    try container.encodeIfPresent(labels, forKey: Key(.labels))
    try container.encode(readAs, forKey: Key(.readAs))
    try container.encodeIfPresent(update, forKey: Key(.update))
    try container.encodeIfPresent(table, forKey: Key(.table))
    try container.encodeIfPresent(signal, forKey: Key(.signal))
  }
}

/// A client's update in a file.
public struct UpdateChoice: Codable, Hashable, Sendable {
  /// A file of tensors, named as the model's parameters or a list in their order.
  public var file: String
  /// What the tensors are.
  public var kind = UpdateKind.gradient
  /// Examples of each client.
  public var batchSize = 1
  /// Variance of the noise that the client is known to have added to each number; nil for none.
  public var noiseVariance: Double?
  /// A file of tensors with the names of the update's, other than 0 for each of its elements that was seen; nil where
  /// all were.
  public var seen: String?

  /// - Parameter batchSize: of each client.
  public init(file: String, kind: UpdateKind = .gradient, batchSize: Int = 1) {
    self.file = file
    self.kind = kind
    self.batchSize = batchSize
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case file, kind, batchSize, noiseVariance, seen
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    file = try container.decode(String.self, forKey: .file)
    kind = try container.choice(.kind, or: kind)
    batchSize = try container.value(.batchSize, or: batchSize)
    noiseVariance = try container.value(.noiseVariance)
    seen = try container.value(.seen)
  }
}
