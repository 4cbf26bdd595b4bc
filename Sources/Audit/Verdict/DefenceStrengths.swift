import Defences
import Foundation

/// One kind of defence at growing strength, from which an audit looks for the weakest that is enough.
package struct DefenceStrengths: Sendable, Equatable {
  package let name: String
  /// From the weakest to the strongest, at least one.
  package let chains: [DefenceChain]

  /// - Parameter chains: from the weakest to the strongest, at least one.
  package init(name: String, chains: [DefenceChain]) {
    precondition(!chains.isEmpty, "a defence called \(name) without strengths")
    self.name = name
    self.chains = chains
  }

  /// The strengths of a kind of defence; nil where it has none to search.
  ///
  /// - Parameter updateNorm: Euclidean norm of an undefended update, to which DP-SGD clips.
  package init?(_ kind: DefenceDescriptor, updateNorm: Double) {
    guard let strengths = kind.strengths else { return nil }
    // To two digits, so that the command line says it exactly.
    let norm = Double(String(format: "%.1e", min(max(updateNorm, 1e-20), 1e30))) ?? 1
    let chains = strengths.defences(norm).compactMap { try? DefenceChain([$0]) }
    self.init(name: kind.name, chains: chains)
  }
}

/// What an audit found of one kind of defence.
public struct DefenceFinding: Codable, Sendable, Equatable {
  /// Whether a defence stopped leakage.
  public enum Outcome: String, Codable, Sendable {
    /// From ``DefenceFinding/strength`` on nothing was recognisable.
    case stops
    /// Even the strongest that was tried leaked.
    case leaks
    /// Too few attacks ran to their end, or too few of them, for either to be shown.
    case undecided
  }

  /// The kind's name.
  public let defence: String
  /// Whether leakage was stopped.
  public let outcome: Outcome
  /// The weakest that stopped leakage, the strongest that leaked, or where it was left undecided; nil when
  /// nothing was tried.
  public let strength: DefenceChain?
  /// Runs at ``strength`` from which an example leaked, of those tried.
  public let leaked: Int
  /// See ``leaked``.
  public let tried: Int
  /// Of the rate of leaking runs, at 95 %: see ``LeakRate/interval``.
  public let interval: [Double]
  /// Bytes on the wire relative to the undefended update in f32, at ``strength``.
  public let wireShare: Double?
  /// Whether the search ended before the budget did, so that no weaker strength is enough.
  public let isComplete: Bool
  /// Runs at ``strength`` that tell nothing, since their attack was cut short.
  public let cut: Int
  private let words: String

  /// - Parameter rate: of runs at `strength`.
  public init(
    defence: String, outcome: Outcome, strength: DefenceChain?, rate: LeakRate,
    wireShare: Double?, isComplete: Bool
  ) {
    self.isComplete = isComplete
    self.defence = defence
    self.outcome = outcome
    self.strength = strength
    leaked = rate.leaked
    tried = rate.count
    cut = rate.undetermined
    interval = [rate.interval.lowerBound, rate.interval.upperBound]
    words = rate.description
    self.wireShare = wireShare
  }

  /// One sentence. What is "enough" is decided as in `SweepReport`: by the interval, with every attack
  /// that was cut short counted as a leak.
  public var sentence: String {
    let name = strength?.description ?? defence
    let bytes = wireShare.map { String(format: "; %.0f %% of the bytes", 100 * $0) } ?? ""
    let times = cut > 0 ? "; \(cut) of the attacks ended for want of time" : ""
    switch outcome {
    case .stops:
      return "\(name) was enough against these attacks: \(words) of the runs leaked\(bytes)"
        + (isComplete ? "." : "; weaker ones were not reached in time.")
    case .leaks:
      return "\(name) was not enough: \(leaked) of the first \(tried) runs leaked\(bytes)."
    case .undecided:
      guard tried > 0 else { return "\(name) is undecided: nothing was tried in time." }
      return
        "\(name) is undecided: \(words) of the runs leaked\(times)\(bytes); it takes an interval "
        + "that ends below \(Int(100 * LeakRate.stoppedBelow)) %, so more trials or a larger budget."
    }
  }
}
