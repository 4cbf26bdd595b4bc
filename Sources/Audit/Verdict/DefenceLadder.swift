import Foundation
import Leakage

/// One kind of defence at growing strength, from which an audit looks for the weakest that is enough.
public struct DefenceLadder: Sendable, Equatable {
  public let name: String
  /// From the weakest to the strongest, at least one.
  public let rungs: [DefenceChain]

  /// - Parameter rungs: from the weakest to the strongest, at least one.
  public init(name: String, rungs: [DefenceChain]) {
    precondition(!rungs.isEmpty, "a ladder called \(name) without rungs")
    self.name = name
    self.rungs = rungs
  }

  /// Names of the ladders that ``standard(_:updateNorm:)`` makes: the defences of the DLG paper (Zhu
  /// et al. 2019, section 5), and DP-SGD (Abadi et al. 2016).
  public static let standardNames = ["gaussian", "prune", "fp16", "int8", "dp-sgd"]

  /// Names of the other ladders.
  public static let otherNames = [
    "laplacian", "bf16", "signsgd", "terngrad", "soteria", "lora", "transform", "mixup",
    "instahide",
    "secure-aggregation",
  ]

  /// A ladder by name; nil when there is none so called.
  ///
  /// - Parameter updateNorm: Euclidean norm of an undefended update, to which DP-SGD clips.
  public static func standard(_ name: String, updateNorm: Double) -> DefenceLadder? {
    let texts: [String]
    switch name {
    case "gaussian", "laplacian":
      texts = (-8...2).map { "\(name):1e\($0)" }
    case "prune":
      texts = ["0.1", "0.3", "0.5", "0.7", "0.9", "0.99", "0.999"].map { "prune:\($0)" }
    case "fp16", "bf16", "int8", "signsgd", "terngrad":
      texts = [name]
    case "dp-sgd":
      // To two digits, so that the command line says it exactly.
      let norm = String(format: "%.1e", max(updateNorm, 1e-20))
      texts = ["1e-4", "1e-3", "1e-2", "1e-1", "1", "10"].map { "dp-sgd:\(norm),\($0)" }
    case "soteria":
      texts = ["0.2", "0.4", "0.6", "0.8", "0.95"].map { "soteria:\($0)" }
    case "lora":
      texts = ["64", "16", "4", "1"].map { "lora:\($0)" }
    case "instahide":
      texts = ["2", "4"].map { "instahide:\($0)" }
    case "mixup":
      texts = ["mixup:1"]
    case "transform":
      texts = ["transform:3-1-7/43-18-18"]
    case "secure-aggregation":
      texts = ["2", "4", "8"].map { "secure-aggregation:\($0)" }
    default:
      return nil
    }
    let rungs = texts.compactMap { try? DefenceChain($0) }
    return rungs.count == texts.count ? DefenceLadder(name: name, rungs: rungs) : nil
  }
}

/// What an audit found of one kind of defence.
public struct DefenceFinding: Codable, Sendable, Equatable {
  public enum Outcome: String, Codable, Sendable {
    /// From ``DefenceFinding/strength`` on no image was recognisable.
    case stops
    /// Even the strongest that was tried leaked.
    case leaks
    /// Too few attacks ran to their end, or too few of them, for either to be shown.
    case undecided
  }

  public let defence: String
  public let outcome: Outcome
  /// The weakest that stopped leakage, the strongest that leaked, or where it was left undecided; nil when
  /// nothing was tried.
  public let strength: DefenceChain?
  /// Runs at ``strength`` from which an image leaked, of those tried.
  public let leaked: Int
  public let tried: Int
  /// Of the rate of leaking runs, at 95 %: see ``LeakRate/interval``.
  public let interval: [Double]
  /// Bytes on the wire relative to the undefended update in f32, at ``strength``.
  public let wireShare: Double?
  /// Whether the search ended before the budget did, so that no weaker rung is enough.
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

  /// One sentence. What is "enough" is decided as in ``SweepReport``: by the interval, with every attack
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
        + "that ends below \(Int(100 * LeakRate.stoppedBelow)) %, so more images or a larger budget."
    }
  }
}
