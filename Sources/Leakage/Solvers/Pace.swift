/// Says now and then that it is time to look up from work: often enough for a limit of time, and seldom
/// enough to cost nothing.
struct Pace {
  private static let interval = Duration.milliseconds(20)
  private var next = ContinuousClock.now + Pace.interval

  /// Whether 20 ms have gone by since this was last true.
  mutating func isDue() -> Bool {
    let now = ContinuousClock.now
    guard now >= next else { return false }
    next = now + Pace.interval
    return true
  }
}
