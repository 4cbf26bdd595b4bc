/// Whether updates tell a property of their batches that is not the task.
public struct PropertyRecord: Codable, Sendable, Equatable {
  /// The format's version.
  public static let currentVersion = 1

  /// What one round told, and all up to it.
  public struct Round: Codable, Sendable, Equatable {
    /// From 1.
    public var number: Int
    /// The chance that an update with the property scores higher than one without, by this round alone.
    public var area: JSONNumber
    /// The same by the sum of the scores of all rounds so far.
    public var accumulated: JSONNumber
  }

  /// An update from a file beside those of the simulated clients.
  public struct Candidate: Codable, Sendable, Equatable {
    /// The logarithm of the odds that its batch has the property.
    public var score: JSONNumber
    /// Simulated clients without the property that score as high.
    public var withoutAsHigh: Int
    /// Simulated clients with the property that score as low.
    public var withAsLow: Int
    /// How often a client without the property scores so high, by those that were simulated.
    public var chanceWithout: Double
    /// How often a client with the property scores so low, likewise.
    public var chanceWith: Double
  }

  /// Of the format.
  public var version = PropertyRecord.currentVersion
  /// Version of gradleak that made the record.
  public var tool = GradleakVersion.current
  /// What the records are.
  public var kind: String
  /// For people.
  public var model: String
  /// What was asked for, such as "sex=female".
  public var property: String
  /// Whether the model reads what the property is about; nil where that is not known.
  public var isInput: Bool?
  /// Records of the pool that have the property.
  public var having: Int
  /// Records of the pool that have it not.
  public var lacking: Int
  /// Records of the table of which it is not known; they were left out.
  public var unknown: Int
  /// Examples behind each update.
  public var batchSize: Int
  /// Of these so many have the property in a batch that has it; the others have none.
  public var havingInBatch: Int
  /// Of weights and of who is in which batch.
  public var seed: UInt64
  /// What the clients did to their updates; nil for nothing.
  public var defence: String?
  /// Updates with, and as many without, that the classifier was fitted to in each round.
  public var auxiliary: Int
  /// Clients with the property whose updates were told; no two clients share a record, nor with the auxiliary updates.
  public var clientsWith: Int
  /// Clients without.
  public var clientsWithout: Int
  /// In order.
  public var rounds: [Round]
  /// The chance that a client with the property scores higher than one without; 0.5 for guessing.
  public var area: JSONNumber
  /// A 95 % interval of it, which bounds its variance by the smaller group of clients.
  public var interval: [Double]
  /// How often clients whose property has no part in their updates come to such an area, by permutations.
  public var chance: Double
  /// The area of a classifier that knows only how often each label is in a batch.
  public var labelsArea: JSONNumber
  /// The update from a file; nil without.
  public var candidate: Candidate?
}

extension PropertyRecord {
  /// Whether the updates tell the property: by chance in 1 of 100 studies at most.
  public var isTold: Bool { chance <= 0.01 }
}
