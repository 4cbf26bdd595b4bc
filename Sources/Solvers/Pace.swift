/// Says now and then that it is time to look up from work: often enough for a limit of time, and seldom
/// enough to cost nothing.
package struct Pace {
  private static let interval = Duration.milliseconds(20)
  private var next = ContinuousClock.now + Pace.interval

  package init() {}

  /// Whether 20 ms have gone by since this was last true.
  package mutating func isDue() -> Bool {
    let now = ContinuousClock.now
    guard now >= next else { return false }
    next = now + Pace.interval
    return true
  }
}

extension Duration {
  /// This duration in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
