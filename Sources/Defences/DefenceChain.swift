/// Defences that a client applies one after another; none is the undefended client.
///
/// Written with `+` between them, such as `prune:0.3+fp16`, or `none`. Two chains are equal when their
/// short forms are.
public struct DefenceChain: Sendable, CustomStringConvertible {
  /// In the order in which they act.
  public let defences: [any Defence]
  /// The short form, which ``init(_:among:)`` reads back.
  public var description: String {
    isEmpty ? "none" : defences.map(\.description).joined(separator: "+")
  }

  /// No defence at all.
  public static let none = DefenceChain(unchecked: [])

  private init(unchecked defences: [any Defence]) {
    self.defences = defences
  }

  /// - Throws: ``DefenceError`` for an order in which no client works: images first, then the model,
  ///   then the update, of which DP-SGD is the first.
  public init(_ defences: [any Defence]) throws(DefenceError) {
    for (index, later) in defences.enumerated() {
      for earlier in defences[..<index] { try DefenceChain.check(earlier, before: later) }
    }
    self.init(unchecked: defences)
  }

  /// Reads the short form.
  ///
  /// - Parameter kinds: those that have a name; the catalogue's and a program's own.
  public init(
    _ text: String, among kinds: [DefenceDescriptor] = DefenceCatalog.all
  ) throws(DefenceError) {
    guard text != "none" else {
      self = .none
      return
    }
    var defences: [any Defence] = []
    for part in chainParts(text) {
      defences.append(try DefenceCatalog.defence(part, among: kinds))
    }
    try self.init(defences)
  }

  /// Whether nothing is done.
  public var isEmpty: Bool { defences.isEmpty }

  /// - Throws: ``DefenceError`` when no client applies one after the other, or both at all.
  private static func check(
    _ earlier: any Defence, before later: any Defence
  ) throws(DefenceError) {
    if let reason = earlier.conflict(with: later) ?? later.conflict(with: earlier) {
      throw DefenceError(reason)
    }
    if earlier.name == later.name, later.stage == .model || later.clientCount > 1 {
      throw DefenceError("\(later.name) can be used once")
    }
    if earlier.mixesImages, later.mixesImages {
      throw DefenceError(
        "images are mixed once; leave out \(earlier.name) or \(later.name)")
    }
    if let verb = later.needs.singleExamples, earlier.stage == .update {
      throw DefenceError(
        "\(later.name) \(verb) the gradients of single examples, so it must be the first defence of an "
          + "update")
    }
    if later.stage < earlier.stage {
      throw DefenceError("\(later.name) acts before \(earlier.name) can; write \(later)+\(earlier)")
    }
    if earlier.mixesImages || earlier.clientCount > 1, later.stage == .images {
      throw DefenceError("\(earlier.name) must be the last that changes images")
    }
  }
}

extension Defence {
  var needs: DefenceNeeds { Self.descriptor.needs }
  var stage: DefenceStage { Self.stage }
  fileprivate var mixesImages: Bool { Self.descriptor.answer.seeksShares }
}

/// The text between the `+` signs that join defences. One after an exponent's "e" belongs to a number, and one within
/// brackets or behind a backslash to a pattern.
private func chainParts(_ text: String) -> [String] {
  var parts = [""]
  var depth = 0
  // Of the part so far: kept rather than looked up, as texts from files may be long.
  var hasNumbers = false
  var (beforeLast, last): (Character?, Character?) = (nil, nil)
  for character in text {
    let isInNumber = hasNumbers && last?.lowercased() == "e" && beforeLast?.isNumber == true
    let isInPattern = depth > 0 || last == "\\"
    if last != "\\" {
      if "([".contains(character) { depth += 1 }
      if ")]".contains(character) { depth -= 1 }
    }
    if character == "+", !isInNumber, !isInPattern {
      parts.append("")
      depth = 0
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

extension DefenceChain: Hashable {
  /// Whether the short forms are equal.
  public static func == (left: DefenceChain, right: DefenceChain) -> Bool {
    left.description == right.description
  }

  /// Hashes the short form.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(description)
  }
}

/// As its short form.
extension DefenceChain: Codable {
  /// Reads the short form, of defences of the catalogue.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do {
      try self.init(container.decode(String.self))
    } catch let error as DefenceError {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
    }
  }

  /// Writes the short form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

// MARK: - What follows from the defences

extension DefenceChain {
  /// Clients in whose sum the update is hidden; 1 without secure aggregation.
  public var clientCount: Int { defences.lazy.map(\.clientCount).first { $0 > 1 } ?? 1 }

  /// Whether images of others are needed to simulate it.
  public var needsCompanions: Bool { defences.contains { $0.needs.companions } }

  /// Whether other images are mixed into each, and their labels into its.
  public var mixesImages: Bool { defences.contains { $0.mixesImages } }

  /// Whether something else than the model itself is trained.
  public var changesModel: Bool { defences.contains { $0 is any ModelDefence } }

  /// Whether all can be applied to a finished update.
  public var needsOnlyTheUpdate: Bool {
    defences.allSatisfy { $0.descriptor.needsOnlyTheUpdate }
  }

  /// Whether the gradients of single examples are needed.
  public var needsExampleGradients: Bool { defences.contains { $0.needs.singleExamples != nil } }

  /// Whether the names of parameters are needed.
  public var needsParameterNames: Bool { defences.contains { $0.needs.parameterNames } }

  /// Whether it scores the features that the last layer reads.
  var needsRepresentation: Bool { defences.contains { $0.needs.representation } }

  /// Whether the model's noise is read off the update.
  var readsNoise: Bool { defences.contains { $0.descriptor.answer.readsNoise } }

  /// Clip and noise of DP-SGD, whose guarantee for single examples what follows cannot undo; nil
  /// without it, and where images were mixed first, so that one example is in several gradients.
  public var guaranteedNoise: ClippedNoise? {
    guard !mixesImages else { return nil }
    return defences.lazy.compactMap { ($0 as? any UpdateDefence)?.guaranteedNoise }.first
  }
}
