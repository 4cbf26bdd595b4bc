import Attacks
import ModelIO

/// How much may leak before a check fails: a grade, or a PSNR in dB.
public enum LeakLimit: Equatable, Sendable {
  /// The worst grade that passes.
  case grade(LeakageGrade)
  /// The highest PSNR of an image that passes.
  case decibels(Double)

  /// Why a verdict is no pass.
  public struct Failure: Equatable, Sendable {
    /// What kind of no it is.
    public enum Kind: Sendable {
      /// More leaked than the limit allows.
      case exceeded
      /// Nothing leaked, but nothing tells that nothing can.
      case notShown
      /// The same for want of time.
      case cutShort
    }

    /// See ``Kind``.
    public let kind: Kind
    /// For people, without a full stop.
    public let reason: Sentence
  }

  /// Reads a letter from A to F, or a number of dB such as `20dB`; nil for all else.
  public init?(_ text: String) {
    if let grade = LeakageGrade(rawValue: text.uppercased()), grade != .notShown {
      self = .grade(grade)
      return
    }
    let lowered = text.lowercased()
    let number = lowered.hasSuffix("db") ? lowered.dropLast(2) : lowered[...]
    guard let decibels = Double(number.filter { !$0.isWhitespace }), decibels.isFinite else {
      return nil
    }
    self = .decibels(decibels)
  }

  /// The limit in words, such as "grade C" or "20.0 dB".
  public var words: String {
    switch self {
    case .grade(let grade): "grade \(grade.rawValue)"
    case .decibels(let decibels): "\(ResultWriter.decibels(decibels)) dB"
    }
  }

  /// Nil when the verdict passes. What is not shown is no pass.
  public func failure(of verdict: LeakageVerdict) -> Failure? {
    if let excess = excess(of: verdict) { return Failure(kind: .exceeded, reason: excess) }
    let open = verdict.recognisable.undetermined
    guard open > 0 || verdict.examples.isEmpty else { return nil }
    let share: String = "\(open) of \(verdict.examples.count) \(verdict.kind.plural)"
    return verdict.isCutShort
      ? Failure(kind: .cutShort, reason: "undetermined for \(share), whose attack was cut short")
      : Failure(kind: .notShown, reason: "not shown for \(share), so this is no pass")
  }

  private func excess(of verdict: LeakageVerdict) -> Sentence? {
    switch self {
    case .grade(let limit):
      guard verdict.grade > limit, verdict.grade != .notShown else { return nil }
      return "grade \(verdict.grade.rawValue) is worse than the \(limit.rawValue) of \(.limit)"
    case .decibels(let limit):
      guard verdict.kind.name == .pictures else {
        return "\(verdict.kind.plural) have no dB; give \(.limit) a grade"
      }
      if verdict.highestPSNR > limit {
        let (most, allowed) = (
          ResultWriter.decibels(verdict.highestPSNR), ResultWriter.decibels(limit)
        )
        return "an image came back with \(most) dB, more than the \(allowed) dB of \(.limit)"
      }
      let proved = verdict.recognisable.leaked
      guard proved > 0, verdict.examples.contains(where: { !$0.hasTruth }) else { return nil }
      return "\(proved) images came back by the diagnosis, which knows no dB"
    }
  }
}
