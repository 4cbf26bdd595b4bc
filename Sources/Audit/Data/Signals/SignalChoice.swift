import Clients

/// How recordings are read.
public struct SignalChoice: Codable, Hashable, Sendable {
  /// Samples of one example; nil for what the model takes, or the whole recording.
  public var length: Int?
  /// Channels where no recording tells: beside a client's update; nil for what model or recording have.
  public var channels: Int?
  /// The least and the greatest number of a sensor, between which attacks seek; nil for those of the recording.
  public var range: [Double]?
  /// Samples per second, for axes; nil where it is not known.
  public var rate: Double?
  /// Columns of a file of comma-separated values that are channels; nil for all.
  public var columns: [String]?

  /// Everything as the recording and the model have it.
  public init() {}

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case length, channels, range, rate, columns
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    length = try container.value(.length)
    channels = try container.value(.channels)
    range = try container.value(.range)
    rate = try container.value(.rate)
    columns = try container.value(.columns)
  }

  /// - Throws: ``ExperimentError`` for numbers out of range.
  func check() throws(ExperimentError) {
    if let length, !(2...SignalChoice.longest).contains(length) {
      throw ExperimentError(
        "data.signal.length", "is \(length); give 2 to \(SignalChoice.longest) samples")
    }
    if let channels, !(1...1024).contains(channels) {
      throw ExperimentError("data.signal.channels", "is \(channels); give 1 to 1024")
    }
    if let range {
      guard range.count == 2, range.allSatisfy(\.isFinite), range[0] < range[1] else {
        throw ExperimentError(
          "data.signal.range", "is no pair of a least and a greatest number, such as -5,5")
      }
    }
    if let rate, !(rate.isFinite && rate > 0) {
      throw ExperimentError("data.signal.rate", "is \(rate); give samples per second above 0")
    }
  }

  /// Samples of an example at most.
  static let longest = 8192
}

extension DataKindName {
  /// What models of sensors are trained on: numbers over time, such as an electrocardiogram.
  public static let signals: DataKindName = "signals"
}
