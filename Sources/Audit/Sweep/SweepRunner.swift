import Foundation
import ModelIO
import Synchronization
import TensorGraph

/// Runs what a results file lacks of a sweep, several runs at a time with one engine thread each.
package struct SweepRunner: Sendable {
  /// How far a sweep is.
  package struct Progress: Sendable {
    /// Of all runs, those of earlier starts included.
    package let finished: Int
    package let count: Int
    /// The latest result.
    package let latest: SweepStore.Entry?
    /// Estimated seconds left; nil when nothing is known yet.
    package let secondsLeft: Double?
  }

  private let tasks: [SweepTask]
  private let examples: SweepExamples
  private let store: any SweepResults
  private let makeBackend: @Sendable () -> any Backend

  /// - Parameter makeBackend: a backend of one thread, for each of the parallel runs.
  package init(
    _ tasks: [SweepTask], examples: SweepExamples, store: any SweepResults,
    makeBackend: @escaping @Sendable () -> any Backend
  ) {
    self.tasks = tasks
    self.examples = examples
    self.store = store
    self.makeBackend = makeBackend
  }

  /// What the threads share.
  private struct State {
    var waiting: ArraySlice<(task: SweepTask, key: String)>
    var running = 0
    var finished: Int
    /// Seconds of finished runs, and runs left, by kind of run.
    var spent: [Kind: (seconds: Double, count: Int)] = [:]
    var left: [Kind: Int] = [:]
    var failure: (any Error)?

    /// - Parameter known: seconds of finished runs by their key.
    init(_ tasks: [SweepTask], known: [String: Double]) throws {
      let keyed = try tasks.map { (task: $0, key: try $0.key) }
      waiting = keyed.filter { known[$0.key] == nil }[...]
      finished = tasks.count - waiting.count
      for (task, key) in keyed {
        if let time = known[key] {
          let old = spent[Kind(task)] ?? (0, 0)
          spent[Kind(task)] = (old.seconds + time, old.count + 1)
        } else {
          left[Kind(task), default: 0] += 1
        }
      }
    }

    /// Of one thread, for what is left; a kind without a finished run is taken to last as long as the others do on average. Nil
    /// where nothing was finished.
    var secondsLeft: Double? {
      let total = spent.values.reduce((0.0, 0)) { ($0.0 + $1.seconds, $0.1 + $1.count) }
      guard total.1 > 0 else { return nil }
      return left.reduce(0.0) { sum, item in
        let known = spent[item.key].map { $0.seconds / Double($0.count) }
        return sum + Double(item.value) * (known ?? total.0 / Double(total.1))
      }
    }
  }

  /// Seconds that what is left takes one thread, by what finished runs took; nil where none is known.
  ///
  /// - Parameter known: seconds of finished runs by their key.
  package static func secondsLeft(
    of tasks: [SweepTask], known: [String: Double]
  ) throws -> Double? {
    try State(tasks, known: known).secondsLeft
  }

  /// Runs of one kind take about as long: those that differ in seed, examples and labels alone.
  private struct Kind: Hashable {
    private var experiment: Experiment
    private let batchSize: Int

    init(_ task: SweepTask) {
      experiment = task.experiment
      batchSize = experiment.batchSize
      experiment.data = ExperimentData(experiment.data.kind)
      experiment.attack.seed = 0
    }
  }

  /// Runs until all is recorded, or `shouldStop` says so.
  ///
  /// - Parameters:
  ///   - threads: runs at a time.
  ///   - observe: called after every run, from any thread but one at a time.
  ///   - shouldStop: asked often, from any thread; unfinished runs are given up.
  /// - Throws: what the first run that failed threw: ``FileError`` when the results cannot be written,
  ///   ``ModelError`` or ``AttackError`` when a run is impossible. What was recorded stays.
  package func run(
    threads: Int, observe: @escaping @Sendable (Progress) -> Void = { _ in },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws {
    let start = try State(tasks, known: try store.seconds())
    let missing = start.waiting.count
    let state = Mutex(start)
    observe(progress(start, latest: nil, threads: threads))
    let done = DispatchGroup()
    for _ in 0..<max(1, min(threads, missing)) {
      done.enter()
      let thread = Thread {
        work(state, threads: threads, observe: observe, shouldStop: shouldStop)
        done.leave()
      }
      thread.stackSize = 16 << 20
      thread.start()
    }
    done.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  private func work(
    _ state: borrowing Mutex<State>, threads: Int, observe: (Progress) -> Void,
    shouldStop: @escaping () -> Bool
  ) {
    var runners = LatestRunner(on: makeBackend())
    while !shouldStop() {
      let next = state.withLock { $0.failure == nil ? $0.waiting.popFirst() : nil }
      guard let (task, key) = next else { return }
      do {
        guard
          let outcome = try task.run(
            examples: examples, runners: &runners, shouldStop: shouldStop)
        else { return }
        let entry = SweepStore.Entry(key: key, record: outcome.record, timing: outcome.timing)
        try store.add(entry)
        state.withLock { state in
          let time = entry.timing.compileSeconds + entry.timing.attackSeconds
          let spent = state.spent[Kind(task)] ?? (0, 0)
          state.spent[Kind(task)] = (spent.seconds + time, spent.count + 1)
          state.left[Kind(task), default: 1] -= 1
          state.finished += 1
          observe(progress(state, latest: entry, threads: threads))
        }
      } catch {
        state.withLock { if $0.failure == nil { $0.failure = error } }
        return
      }
    }
  }

  private func progress(_ state: State, latest: SweepStore.Entry?, threads: Int) -> Progress {
    Progress(
      finished: state.finished, count: tasks.count, latest: latest,
      secondsLeft: state.secondsLeft.map { $0 / Double(threads) })
  }
}
