import Foundation

/// Holds JSON against a schema: the part of JSON Schema 2020-12 that the program's schemas use. A keyword that is not known
/// is a fault of its own, so that nothing passes for want of a check.
public struct JSONSchema {
  private let root: [String: Any]

  /// - Parameter text: the schema.
  public init(_ text: String) throws {
    root = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
  }

  /// What is wrong with a document, each with its place; empty when it fits.
  public func faults(in document: String) throws -> [String] {
    let value = try JSONSerialization.jsonObject(
      with: Data(document.utf8), options: .fragmentsAllowed)
    return faults(in: value, root, at: "")
  }

  private func faults(in value: Any, _ schema: [String: Any], at place: String) -> [String] {
    schema.keys.sorted().flatMap { key -> [String] in
      switch key {
      case "$schema", "$id", "$defs", "title", "description": []
      case "$ref": reference(schema[key], value, place)
      case "type":
        types(schema[key]).contains { isOf($0, value) } ? [] : ["\(place): no \(schema[key]!)"]
      case "enum":
        (schema[key] as? [String] ?? []).contains { $0 == value as? String }
          ? [] : ["\(place): \(value) is none of the values"]
      case "anyOf":
        (schema[key] as? [[String: Any]] ?? []).contains {
          faults(in: value, $0, at: place).isEmpty
        }
          ? [] : ["\(place): \(value) fits none"]
      case "minimum":
        (value as? Double ?? 0) >= (schema[key] as? Double ?? .infinity)
          ? [] : ["\(place): below the minimum"]
      case "required":
        (schema[key] as? [String] ?? []).filter { (value as? [String: Any])?[$0] == nil }.map {
          "\(place): \($0) is missing"
        }
      case "items":
        (value as? [Any] ?? []).enumerated().flatMap {
          faults(in: $1, schema[key] as? [String: Any] ?? [:], at: "\(place)[\($0)]")
        }
      case "properties", "additionalProperties":
        key == "properties" || schema["properties"] == nil ? members(of: value, schema, place) : []
      default: ["the schema has \(key), which is not checked"]
      }
    }
  }

  private func reference(_ name: Any?, _ value: Any, _ place: String) -> [String] {
    let key = (name as? String ?? "").replacingOccurrences(of: "#/$defs/", with: "")
    guard let schema = (root["$defs"] as? [String: Any])?[key] as? [String: Any] else {
      return ["the schema has no \(key)"]
    }
    return faults(in: value, schema, at: place)
  }

  private func members(of value: Any, _ schema: [String: Any], _ place: String) -> [String] {
    let known = schema["properties"] as? [String: [String: Any]] ?? [:]
    let others = schema["additionalProperties"] as? [String: Any]
    return (value as? [String: Any] ?? [:]).sorted { $0.key < $1.key }.flatMap { name, member in
      guard let own = known[name] ?? others else {
        return ["\(place).\(name) is not in the schema"]
      }
      return faults(in: member, own, at: "\(place).\(name)")
    }
  }

  private func types(_ value: Any?) -> [String] {
    (value as? String).map { [$0] } ?? value as? [String] ?? []
  }

  private func isOf(_ type: String, _ value: Any) -> Bool {
    let number = value as? NSNumber
    // JSON's true and false come as numbers of another type.
    let isFlag = number.map { String(cString: $0.objCType) == "c" } ?? false
    switch type {
    case "object": return value is [String: Any]
    case "array": return value is [Any]
    case "string": return value is String
    case "boolean": return isFlag
    case "number": return number != nil && !isFlag
    case "integer":
      return !isFlag && number.map { $0.doubleValue == $0.doubleValue.rounded() } == true
    default: return false
    }
  }
}
