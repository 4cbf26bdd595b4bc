import Clients
import ModelIO

/// A member of an experiment that is wrong, and why.
///
/// Commands name the option that it came from in place of the member.
public struct ExperimentError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Its place, such as "model.size"; empty for the experiment as a whole.
  public let place: String
  /// What is wrong with it, and what to write instead, without its name.
  public let problem: String

  /// - Parameter problem: what is wrong, without the name of the member.
  public init(_ place: String, _ problem: String) {
    self.place = place
    self.problem = problem
  }

  /// One sentence with the place.
  public var message: String { place.isEmpty ? problem : place + " " + problem }
  /// The message.
  public var description: String { message }
}

extension Decoder {
  /// The members of an object, all of which must be known.
  ///
  /// - Throws: ``ExperimentError`` for another key, with the nearest right spelling.
  func strictContainer<Key: CodingKey & CaseIterable>(
    keyedBy type: Key.Type
  ) throws -> KeyedDecodingContainer<Key> {
    try requireKnown(Key.allCases.map(\.stringValue))
    return try container(keyedBy: type)
  }

  /// - Throws: ``ExperimentError`` for a member of another name, with the nearest right spelling.
  func requireKnown(_ names: [String]) throws {
    for key in try container(keyedBy: AnyKey.self).allKeys where !names.contains(key.stringValue) {
      let place = (codingPath + [key]).map(\.stringValue).joined(separator: ".")
      let hint =
        nearestSpelling(to: key.stringValue, in: names).map { "did you mean \($0)? " } ?? ""
      throw ExperimentError(
        place.quotedForMessage,
        "is no key of an experiment; \(hint)The keys there are \(names.joined(separator: ", "))")
    }
  }
}

extension KeyedDecodingContainer {
  /// A member, or its default where it is left out.
  func value<Value: Decodable>(_ key: Key, or fallback: Value) throws -> Value {
    try decodeIfPresent(Value.self, forKey: key) ?? fallback
  }

  /// A member that may be left out.
  func value<Value: Decodable>(_ key: Key) throws -> Value? {
    try decodeIfPresent(Value.self, forKey: key)
  }

  /// One of a few words, or its default where it is left out.
  ///
  /// - Throws: ``ExperimentError`` for another word, with the nearest right spelling.
  func choice<Value: RawRepresentable & CaseIterable>(
    _ key: Key, or fallback: Value
  ) throws -> Value where Value.RawValue == String {
    try choice(key) ?? fallback
  }

  /// One of a few words; nil where it is left out.
  func choice<Value: RawRepresentable & CaseIterable>(
    _ key: Key
  ) throws -> Value? where Value.RawValue == String {
    guard let word = try decodeIfPresent(String.self, forKey: key) else { return nil }
    return try chosen(word, key)
  }

  /// Several of a few words; nil where they are left out.
  func choices<Value: RawRepresentable & CaseIterable>(
    _ key: Key
  ) throws -> [Value]? where Value.RawValue == String {
    try decodeIfPresent([String].self, forKey: key)?.map { try chosen($0, key) }
  }

  private func chosen<Value: RawRepresentable & CaseIterable>(
    _ word: String, _ key: Key
  ) throws -> Value where Value.RawValue == String {
    if let value = Value(rawValue: word) { return value }
    let words = Value.allCases.map(\.rawValue)
    let place = (codingPath + [key]).map(\.stringValue).joined(separator: ".")
    let hint = nearestSpelling(to: word, in: words).map { "did you mean \($0)? " } ?? ""
    throw ExperimentError(
      place, "is \(word.quotedForMessage); \(hint)It is one of \(words.joined(separator: ", "))")
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init(intValue: Int) {
    stringValue = String(intValue)
    self.intValue = intValue
  }
}
