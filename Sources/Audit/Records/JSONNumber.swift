/// A number that survives JSON, which has no infinities: they are written as the strings "inf",
/// "-inf" and "nan", as Python's `float()` reads them.
public struct JSONNumber: Codable, Sendable, Equatable {
  /// The number.
  public var value: Double

  /// A number, finite or not.
  public init(_ value: Double) {
    self.value = value
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      value = number
      return
    }
    switch try container.decode(String.self) {
    case "inf": value = .infinity
    case "-inf": value = -.infinity
    case "nan": value = .nan
    case let text:
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text)\" is not a number, inf, -inf or nan")
    }
  }

  /// Writes it into a file.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if value.isFinite {
      try container.encode(value)
    } else {
      try container.encode(value.isNaN ? "nan" : (value > 0 ? "inf" : "-inf"))
    }
  }

  /// Equal as numbers, NaN with NaN.
  public static func == (left: JSONNumber, right: JSONNumber) -> Bool {
    left.value == right.value || (left.value.isNaN && right.value.isNaN)
  }
}
