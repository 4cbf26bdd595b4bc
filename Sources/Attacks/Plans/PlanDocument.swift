import Clients
import Foundation
import ModelIO
import Solvers

/// A plan as JSON text that holds only what differs from another plan: how presets, users' files and
/// `--set` options are written.
///
/// Every key must exist, or the nearest right spelling is suggested. As a shorthand a number may stand
/// for an object with a `weight` and a string for one with a `kind`: `{"prior": {"norm": 1e-6}}`.
public struct PlanDocument: Sendable, Decodable {
  /// Bytes of the longest document that is read.
  public static let largestSize = 1 << 20

  private let changes: PlanTree

  /// - Parameters:
  ///   - json: UTF-8 text of a JSON object.
  ///   - source: what it is, for messages: "preset dlg", a file's path.
  /// - Throws: ``AttackError`` when it is not a JSON object.
  public init(json: [UInt8], source: String) throws(AttackError) {
    guard json.count <= PlanDocument.largestSize else {
      throw AttackError(
        "\(source) has \(json.count) bytes; a plan has at most \(PlanDocument.largestSize)",
        .badInput)
    }
    do throws(FileError) {
      try WantedFile.json.refuseOthers(json, path: source)
    } catch {
      throw AttackError(error.description, .badInput)
    }
    guard let value = try? JSONValue(parsing: json, path: source) else {
      throw AttackError("\(source) is not JSON: check quotes, commas and braces", .badInput)
    }
    if let key = value.duplicateKey {
      throw AttackError(
        "\(source): the key \(key.quotedForMessage) stands there twice; leave one of them",
        .badInput)
    }
    do {
      changes = try JSONDecoder().decode(PlanTree.self, from: Data(json))
    } catch {
      throw AttackError("\(source) is not JSON: check quotes, commas and braces", .badInput)
    }
    guard case .object = changes else {
      throw AttackError(
        "\(source) is \(changes.kind); a plan is a JSON object in braces", .badInput)
    }
  }

  /// - Throws: ``AttackError`` when it is not a JSON object.
  public init(from decoder: any Decoder) throws {
    changes = try PlanTree(from: decoder)
    guard case .object = changes else {
      let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
      throw AttackError("\(path) is \(changes.kind); a plan is a JSON object in braces")
    }
  }

  /// One setting as the command line gives it: "prior.totalVariation=0.01".
  ///
  /// - Throws: ``AttackError`` when there is no "=".
  public init(setting: String) throws(AttackError) {
    guard let equals = setting.firstIndex(of: "="), equals > setting.startIndex else {
      throw AttackError(
        "\"\(setting.prefix(60))\" is no setting; write one as prior.totalVariation=0.01", .badInput
      )
    }
    let text = String(setting[setting.index(after: equals)...])
    var value = (try? JSONDecoder().decode(PlanTree.self, from: Data(text.utf8))) ?? .string(text)
    for key in setting[..<equals].split(separator: ".", omittingEmptySubsequences: false).reversed()
    {
      value = .object([String(key): value])
    }
    changes = value
  }

  /// Settings of the form of ``init(setting:)`` that make `plan` of `base`, in alphabetic order.
  public static func settings(making plan: OptimizationPlan, of base: OptimizationPlan) -> [String]
  {
    PlanTree(base).differences(to: PlanTree(plan), at: "")
  }

  /// `plan` with this document's changes, checked.
  ///
  /// - Throws: ``AttackError`` for unknown keys, values of the wrong kind, and numbers out of range.
  public func applied(to plan: OptimizationPlan) throws(AttackError) -> OptimizationPlan {
    let merged = try PlanTree(plan).merging(changes, at: "")
    let result: OptimizationPlan
    do {
      result = try JSONDecoder().decode(
        OptimizationPlan.self, from: try JSONEncoder().encode(merged))
    } catch let error as AttackError {
      throw error
    } catch DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context) {
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw AttackError(
        "\(path) has a value that does not fit: \(context.debugDescription)", .badInput)
    } catch {
      throw AttackError("the plan cannot be read: \(error)", .badInput)
    }
    try result.validate()
    return result
  }
}

/// One of a few words in a plan. A wrong one is refused with the nearest right spelling.
public protocol PlanChoice: Codable, Sendable, CaseIterable, RawRepresentable
where RawValue == String {}

extension PlanChoice {
  /// Reads the keys that are there.
  public init(from decoder: any Decoder) throws {
    let word = try decoder.singleValueContainer().decode(String.self)
    guard let value = Self(rawValue: word) else {
      let words = Self.allCases.map(\.rawValue)
      let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
      let suggestion = nearestSpelling(to: word, in: words).map { "did you mean \($0)? " } ?? ""
      throw AttackError(
        "\(path) is \"\(word.prefix(40))\"; \(suggestion)It is one of "
          + words.joined(separator: ", "), .badInput)
    }
    self = value
  }
}

extension Adam.Schedule: PlanChoice {}

extension Adam.GradientForm: PlanChoice {}

/// A JSON value.
enum PlanTree: Codable, Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([PlanTree])
  case object([String: PlanTree])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([PlanTree].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: PlanTree].self))
    }
  }

  init(_ plan: OptimizationPlan) {
    do {
      self = try JSONDecoder().decode(PlanTree.self, from: try JSONEncoder().encode(plan))
    } catch {
      preconditionFailure("a plan is no JSON: \(error)")
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let values): try container.encode(values)
    case .object(let members): try container.encode(members)
    }
  }

  /// Settings KEY=VALUE for all leaves in which another tree with the same keys differs.
  func differences(to other: PlanTree, at path: String) -> [String] {
    guard self != other else { return [] }
    guard case .object(let members) = self, case .object(let others) = other else {
      if case .string(let text) = other { return ["\(path)=\(text)"] }
      let data = (try? JSONEncoder().encode(other)) ?? Data()
      return ["\(path)=\(String(decoding: data, as: UTF8.self))"]
    }
    return others.sorted { $0.key < $1.key }.flatMap { key, value in
      (members[key] ?? .null).differences(to: value, at: path.isEmpty ? key : path + "." + key)
    }
  }

  /// What this is, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .number: "a number"
    case .string: "a word"
    case .array: "a list"
    case .object: "an object"
    }
  }

  /// This tree with `changes`, whose keys must all be known here.
  func merging(_ changes: PlanTree, at path: String) throws(AttackError) -> PlanTree {
    switch (self, changes) {
    case (.object(var members), .object(let changed)):
      for (key, value) in changed.sorted(by: { $0.key < $1.key }) {
        let place = path.isEmpty ? key : path + "." + key
        guard let member = members[key] else {
          throw unknownKey(key, place, among: members.keys.sorted())
        }
        members[key] = try member.merging(value, at: place)
      }
      return .object(members)
    case (.object(let members), .number) where members["weight"] != nil:
      return try merging(.object(["weight": changes]), at: path)
    case (.object(let members), .string) where members["kind"] != nil:
      return try merging(.object(["kind": changes]), at: path)
    case (.number, .number(let value)) where PlanTree.wholeNumbers.contains(lastKey(of: path)):
      guard value == value.rounded(), abs(value) <= 1e15 else {
        throw AttackError("\(path) is \(value); it must be a whole number", .badInput)
      }
      return changes
    case (.bool, .bool), (.number, .number), (.string, .string), (.array, .array):
      return changes
    case (.object(let members), _) where members["weight"] != nil:
      throw AttackError(
        "\(path) is \(changes.kind); it must be a number, the weight, or an object", .badInput)
    default:
      throw AttackError("\(path) is \(changes.kind); it must be \(kind)", .badInput)
    }
  }

  /// Keys whose numbers have no fraction.
  private static let wholeNumbers: Set = [
    "trials", "iterations", "seeds", "tile", "warmUp", "medianFilterEvery",
  ]

  private func lastKey(of path: String) -> String {
    path.split(separator: ".").last.map(String.init) ?? path
  }

  private func unknownKey(_ key: String, _ path: String, among keys: [String]) -> AttackError {
    let suggestion = nearestSpelling(to: key, in: keys).map { "did you mean \($0)? " } ?? ""
    return AttackError(
      "a plan has no \"\(path.prefix(80))\"; \(suggestion)The keys there are "
        + keys.joined(separator: ", "), .badInput)
  }
}
