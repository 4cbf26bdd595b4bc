import Attacks
import Audit
import Foundation
import ModelIO
import Solvers

/// Shows how far an attack is: a line, and in a terminal below it the texts as they settle, or the pictures as they
/// emerge.
struct ExperimentView {
  private let display: LiveDisplay
  private var texts = SettlingTexts()

  init(_ output: OutputOptions) {
    display = LiveDisplay(isEnabled: !output.quiet)
  }

  /// Texts that are shown at most.
  private static let textLimit = 12
  /// Rows of pictures, and of their titles, that are shown at most.
  private static let pictureRows = 17

  mutating func update(_ state: ExperimentProgress, line: () -> String) {
    var texts = self.texts
    display.update({
      // Where nothing can be redrawn, one text says how far it is.
      let latest = Terminal.isInteractive ? nil : state.texts().last
      return line() + (latest.map { "  " + $0.escapingControlCharacters } ?? "")
    }) { columns, rows in
      let current = state.texts().map(\.escapingControlCharacters)
      guard current.isEmpty else {
        return texts.lines(current, columns: columns, rows: min(rows, ExperimentView.textLimit))
      }
      return PictureBlocks.available?.lines(
        state.pictures(), columns: columns, rows: min(rows, ExperimentView.pictureRows)) ?? []
    }
    self.texts = texts
  }

  mutating func clear() {
    display.clear()
    texts = SettlingTexts()
  }
}

/// For instance "[2/7] chelsea  ━━━┄┄┄┄┄┄┄  trial 1/5  812/6000  loss 2.1e-06  31 dB  1310/s  at most 0:35".
struct ExperimentProgressLine {
  private let experiment: any PreparedExperiment
  private let state: ExperimentProgress
  /// Seconds that the attacks before this one took.
  private let finished: [Double]
  /// Of all attacks.
  private let count: Int

  init(
    _ experiment: any PreparedExperiment, _ state: ExperimentProgress, finished: [Double],
    count: Int
  ) {
    (self.experiment, self.state) = (experiment, state)
    (self.finished, self.count) = (finished, count)
  }

  private var configuration: AttackConfiguration { experiment.experiment.attack }
  private var solver: SolverProgress { state.attack.solver }

  var text: String {
    var text = ProgressText()
    let name = experiment.name.count > 13 ? experiment.name.prefix(12) + "…" : experiment.name[...]
    text.add("[\(finished.count + 1)/\(count)] \(name)", importance: 9)
    text.addBar(share, importance: 3)
    if let stage = state.stage {
      text.add(
        "\(stage) \(solver.iteration)" + (state.steps.map { "/\($0)" } ?? ""), importance: 6)
    } else {
      text.add("trial \(state.attack.trial + 1)/\(configuration.trials)", importance: 2)
      text.add("\(solver.iteration)/\(configuration.iterations)", importance: 4)
    }
    if !solver.value.isNaN { text.add(String(format: "loss %.1e", solver.value), importance: 5) }
    let score = state.score()
    if !score.isNaN { text.add(String(format: "%.0f dB", score), importance: 7) }
    if state.stage == nil {
      let rate = Double(state.attack.evaluations) / max(state.attack.seconds, 1e-9)
      text.add(String(format: "%.0f/s", rate), importance: 1)
    }
    text.add(timeLeft.text, importance: 8)
    return text.line
  }

  /// What the attacks before took on average.
  private var average: Double? {
    finished.isEmpty ? nil : finished.reduce(0, +) / Double(finished.count)
  }

  /// Of this attack what is done: by the others' time, or by what limits it; nil where neither says it.
  private var ownShare: Double? {
    let seconds = state.attack.seconds
    if let average { return min(seconds / max(average, 1e-9), 1) }
    if let limit = configuration.timeLimit { return min(seconds / limit, 1) }
    if state.stage != nil {
      return state.steps.map { Double(solver.iteration) / Double(max($0, 1)) }
    }
    return iterationsLeft.map { 1 - $0 / Double(configuration.trials * configuration.iterations) }
  }

  /// Of all attacks what is done.
  private var share: Double? {
    if let ownShare { return (Double(finished.count) + ownShare) / Double(count) }
    return count > 1 ? Double(finished.count) / Double(count) : nil
  }

  /// Iterations that a search has left at most; nil where more than one attack may be run.
  private var iterationsLeft: Double? {
    guard state.stage == nil, configuration.attack != .automatic else { return nil }
    let trials = max(configuration.trials - state.attack.trial - 1, 0)
    return Double(max(configuration.iterations - solver.iteration, 0))
      + Double(trials * configuration.iterations)
  }

  /// For all attacks. What the ones before took tells it, else a limit of time, else one of iterations.
  private var timeLeft: TimeLeft {
    let (seconds, later) = (state.attack.seconds, Double(count - finished.count - 1))
    if let average {
      guard seconds < average else {
        return later > 0 ? .about(average * later) : .unknown
      }
      return .about(average - seconds + average * later)
    }
    if let limit = configuration.timeLimit {
      return .atMost(max(limit - seconds, 0) + limit * later)
    }
    if let iterationsLeft, solver.iteration > 0, state.attack.evaluations > 0 {
      let ofEach =
        seconds / Double(state.attack.evaluations)
        * Double(solver.evaluations) / Double(solver.iteration)
      return .atMost(
        ofEach * (iterationsLeft + later * Double(configuration.trials * configuration.iterations)))
    }
    return .unknown
  }
}
