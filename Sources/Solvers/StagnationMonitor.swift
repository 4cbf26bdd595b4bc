/// Watches the objective's values and tells when to stop by a ``StoppingRule``.
struct StagnationMonitor {
  private let rule: StoppingRule
  private let startValue: Double
  private var recent: [Double] = []
  private var next = 0
  private var latest = Double.infinity

  init(rule: StoppingRule, startValue: Double) {
    self.rule = rule
    self.startValue = startValue
    recent.reserveCapacity(rule.stagnationWindow)
  }

  /// Takes the value after an iteration; returns the reason to stop, if there is one.
  mutating func reasonToStop(value: Double, iteration: Int) -> StopReason? {
    guard value.isFinite else { return .diverged }
    if value <= rule.solvedBelow { return .solved }
    defer { latest = value }
    if value <= rule.roundingFloor, value > 0.9 * latest { return .solved }
    if value > rule.divergenceFactor * startValue { return .diverged }
    if iteration >= rule.iterations { return .iterationLimit }
    guard rule.stagnationWindow > 0 else { return nil }
    if recent.count < rule.stagnationWindow {
      recent.append(value)
      return nil
    }
    let before = recent[next]
    recent[next] = value
    next = (next + 1) % rule.stagnationWindow
    return value > rule.stagnationFactor * before ? .stagnated : nil
  }
}
