/// How many of a set of private images, or runs, leaked, with an interval that holds for independent
/// units only and is as wide as what is undetermined makes it.
///
/// Images of one update share its fate, and so do repeats of one image on the same weights: together they
/// are one unit. A unit leaked when any of it did.
public struct LeakRate: Sendable, Equatable, CustomStringConvertible {
  /// What was seen of one image or run.
  public enum Outcome: Sendable {
    case leaked
    /// Attacks that ran to their end did not bring it back.
    case held
    /// Nothing tells: the attack was cut short, or nobody knows the original.
    case undetermined
  }

  /// One image or run.
  public struct Item: Sendable {
    /// What was seen.
    public let outcome: Outcome
    /// Items that share one are not independent.
    public let ties: [String]

    /// - Parameter ties: what makes it depend on others: those that share one are one unit.
    public init(_ outcome: Outcome, ties: [String]) {
      self.outcome = outcome
      self.ties = ties
    }
  }

  /// Leakage counts as stopped when the interval ends below this. 0 of 16 units reach it.
  public static let stoppedBelow = 0.2

  /// Items that leaked.
  public let leaked: Int
  /// Items of which nothing tells.
  public let undetermined: Int
  /// Items.
  public let count: Int
  /// Independent units of which something leaked.
  public let units: SuccessRate
  /// Units of which nothing leaked, and something is undetermined.
  public let undeterminedUnits: Int

  /// The rate of items, of which those that share a tie are one unit.
  public init(_ items: [Item]) {
    count = items.count
    leaked = items.count { $0.outcome == .leaked }
    undetermined = items.count { $0.outcome == .undetermined }
    let groups = Dictionary(
      grouping: zip(items, IndependentUnits.numbers(of: items.map(\.ties))), by: \.1
    ).values.map { $0.map(\.0.outcome) }
    let leaking = groups.count { $0.contains(.leaked) }
    units = SuccessRate(successes: leaking, count: groups.count)
    undeterminedUnits = groups.count { !$0.contains(.leaked) && $0.contains(.undetermined) }
  }

  /// The observed share of items; NaN for none.
  public var rate: Double { Double(leaked) / Double(count) }

  /// From Wilson's lower bound at 95 % if nothing undetermined leaked to his upper bound if all of it did.
  public var interval: ClosedRange<Double> {
    let worst = SuccessRate(successes: units.successes + undeterminedUnits, count: units.count)
    return units.interval.lowerBound...worst.interval.upperBound
  }

  /// Whether leakage is stopped, as far as these units tell; never by attacks that were cut short.
  public var isStopped: Bool { interval.upperBound <= LeakRate.stoppedBelow }
  /// Whether leakage is shown not to be stopped.
  public var isRefuted: Bool { interval.lowerBound > LeakRate.stoppedBelow }

  /// For instance "34 of 35 (97 %, 95 % interval 85-99 %)", or
  /// "0 of 9, 4 undetermined (95 % interval 0-71 % of 7 independent units)".
  public var description: String {
    guard count > 0 else { return "0 of 0" }
    func percent(_ share: Double) -> String { String(Int((share * 100).rounded())) }
    let open = undetermined > 0 ? ", \(undetermined) undetermined" : ""
    let share = undetermined > 0 ? "" : "\(percent(rate)) %, "
    let basis =
      units.count == count
      ? "" : " of \(units.count) independent unit\(units.count == 1 ? "" : "s")"
    return "\(leaked) of \(count)\(open) (\(share)95 % interval "
      + "\(percent(interval.lowerBound))-\(percent(interval.upperBound)) %\(basis))"
  }
}

/// Which of several observations depend on each other.
enum IndependentUnits {
  /// For each observation the number of its unit: those that share a tie, directly or through others, are
  /// in the same.
  static func numbers(of ties: [[String]]) -> [Int] {
    var parents = Array(ties.indices)
    func root(_ index: Int) -> Int {
      var index = index
      while parents[index] != index {
        parents[index] = parents[parents[index]]
        index = parents[index]
      }
      return index
    }
    var first: [String: Int] = [:]
    for (index, names) in ties.enumerated() {
      for name in names {
        if let other = first[name] {
          parents[root(index)] = root(other)
        } else {
          first[name] = index
        }
      }
    }
    return ties.indices.map(root)
  }
}
