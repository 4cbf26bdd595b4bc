import ModelIO

/// A defence's short form that cannot be read.
public struct DefenceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is wrong, and what to write instead.
  public let message: String

  public init(_ message: String) {
    self.message = message
  }

  public var description: String { message }
}

extension Defence {
  /// Reads a short form such as `gaussian:1e-2`, `fp16` or `dp-sgd:1,1.1`.
  ///
  /// - Throws: ``DefenceError`` for an unknown name, with the nearest spelling, or a wrong number.
  public init(_ text: String) throws(DefenceError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let form = DefenceForm.all.first(where: { $0.name == name }) else {
      let names = DefenceForm.all.map(\.name)
      let hint = nearestSpelling(to: name, in: names).map { "did you mean \($0)? " } ?? ""
      throw DefenceError(
        "there is no defence called \(name.quotedForMessage); \(hint)see 'gradleak defences'")
    }
    if name == "transform" {
      self = .transform(try TransformPolicy(parts.count > 1 ? String(parts[1]) : ""))
      return
    }
    self = form.make(try Defence.numbers(parts.count > 1 ? String(parts[1]) : nil, of: form))
  }

  private static func numbers(
    _ text: String?, of form: DefenceForm
  ) throws(DefenceError) -> [Double] {
    let given = text?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
    let required = form.parameters.count { $0.fallback == nil }
    guard (required...form.parameters.count).contains(given.count) else {
      throw DefenceError(
        "\(form.name) takes \(form.parameters.isEmpty ? "no number" : "the form \(form.usage)"), and "
          + "\(text.map { "\($0.quotedForMessage) was given" } ?? "nothing was given")")
    }
    var numbers: [Double] = []
    for (index, parameter) in form.parameters.enumerated() {
      guard index < given.count else {
        if let fallback = parameter.fallback { numbers.append(fallback) }
        continue
      }
      guard let number = Double(given[index]), parameter.range.contains(number),
        !parameter.isWhole || number == number.rounded()
      else {
        throw DefenceError(
          "the \(parameter.name) of \(form.name) is \(given[index].quotedForMessage); give a "
            + "\(parameter.isWhole ? "whole " : "")number from "
            + "\(shortNumber(parameter.range.lowerBound)) to "
            + "\(shortNumber(parameter.range.upperBound))")
      }
      numbers.append(number)
    }
    return numbers
  }
}

/// Defences that a client applies one after another; none is the undefended client.
///
/// Written with `+` between them, such as `prune:0.3+fp16`, or `none`.
public struct DefenceChain: Hashable, Sendable {
  public let defences: [Defence]

  /// No defence at all.
  public static let none = DefenceChain(unchecked: [])

  private init(unchecked defences: [Defence]) {
    self.defences = defences
  }

  /// - Throws: ``DefenceError`` for an order in which no client works: images first, then the model,
  ///   then the update, of which DP-SGD is the first.
  public init(_ defences: [Defence]) throws(DefenceError) {
    for (index, later) in defences.enumerated() {
      for earlier in defences[..<index] { try DefenceChain.check(earlier, before: later) }
    }
    self.defences = defences
  }

  /// Reads the short form.
  public init(_ text: String) throws(DefenceError) {
    guard text != "none" else {
      self = .none
      return
    }
    var defences: [Defence] = []
    for part in chainParts(text) { defences.append(try Defence(part)) }
    try self.init(defences)
  }

  public var isEmpty: Bool { defences.isEmpty }

  /// - Throws: ``DefenceError`` when no client applies one after the other, or both at all.
  private static func check(
    _ earlier: Defence, before later: Defence
  ) throws(DefenceError) {
    if let reason = exclusion(earlier, later) ?? exclusion(later, earlier) {
      throw DefenceError(reason)
    }
    if case .dpSGD = later, earlier.stage == .update {
      throw DefenceError(
        "dp-sgd clips the gradients of single examples, so it must be the first defence of an update"
      )
    }
    if later.stage < earlier.stage {
      throw DefenceError("\(later.name) acts before \(earlier.name) can; write \(later)+\(earlier)")
    }
    if earlier.mixesLabels, later.stage == .input {
      throw DefenceError("\(earlier.name) must be the last that changes images")
    }
    if case .secureAggregation = earlier, later.stage == .input {
      throw DefenceError("secure-aggregation must be the last that changes images")
    }
  }

  /// Why two defences do not go together in either order; nil where they may.
  private static func exclusion(_ one: Defence, _ other: Defence) -> String? {
    switch (one, other) {
    case (.bottleneck, .dpSGD):
      "dp-sgd of a model with precode's noise is not simulated; leave one of them out"
    case (.adapters, .soteria):
      "soteria hides columns of the last weight's gradient, which a client of lora does not share; leave "
        + "one of them out"
    case (.secureAggregation, _) where other.mixesLabels:
      "mixtures in a sum of clients are not simulated; leave out \(other.name) or secure-aggregation"
    case (.secureAggregation, _) where other.stage > .input && !other.needs.worksOnAMean:
      "of a sum of clients only noise is simulated, not \(other.name); write secure-aggregation last, or "
        + "with gaussian or laplacian after it"
    case (.adapters, .bottleneck):
      "lora trains nothing but adapters, and precode a layer of its own; leave one of them out"
    case (.adapters, .adapters), (.bottleneck, .bottleneck),
      (.secureAggregation, .secureAggregation):
      "\(one.name) can be used once"
    case (.mixup, _) where other.mixesLabels, (.instaHide, _) where other.mixesLabels:
      "images are mixed once; leave out \(one.name) or \(other.name)"
    default: nil
    }
  }
}

/// The text between the `+` signs that join defences. One after an exponent's "e" belongs to a number.
private func chainParts(_ text: String) -> [String] {
  var parts = [""]
  // Of the part so far: kept rather than looked up, as texts from files may be long.
  var hasNumbers = false
  var (beforeLast, last): (Character?, Character?) = (nil, nil)
  for character in text {
    let isInNumber = hasNumbers && last?.lowercased() == "e" && beforeLast?.isNumber == true
    if character == "+", !isInNumber {
      parts.append("")
      hasNumbers = false
      (beforeLast, last) = (nil, nil)
    } else {
      parts[parts.count - 1].append(character)
      if character == ":" { hasNumbers = true }
      (beforeLast, last) = (last, character)
    }
  }
  return parts
}

extension DefenceChain: CustomStringConvertible {
  /// The short form, which ``init(_:)-(String)`` reads back.
  public var description: String {
    isEmpty ? "none" : defences.map(\.description).joined(separator: "+")
  }
}

extension DefenceChain: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do {
      try self.init(container.decode(String.self))
    } catch let error as DefenceError {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
