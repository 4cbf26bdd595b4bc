import Attacks
import Clients
import ModelIO
import Solvers
import Synchronization
import TensorGraph

/// Experiments on recordings of one kind of sensor and one model.
package final class SignalRunner: ExperimentRunner {
  /// Runs them as inputs.
  package let inputs: PictureRunner
  package let choice: SignalChoice
  let layout: SignalLayout
  /// What stands for 0 and for 1 in the inputs.
  let range: ClosedRange<Double>
  /// Of recordings in files, which hold many examples.
  private let recordings: Mutex<[String: Recording]>

  /// - Parameters: as of ``DataKind/runner(for:batchSizes:backend:)``.
  package init(_ experiment: Experiment, batchSizes: Set<Int>, backend: any Backend) throws {
    var choice = experiment.data.signal ?? SignalChoice()
    try choice.check()
    let first = try experiment.data.examples.first.map {
      try Recording(contentsOf: SignalWindow($0).path, columns: choice.columns)
    }
    if first?.path == BundledSignal.name { choice.rate = choice.rate ?? BundledSignal.rate }
    guard let range = choice.range.map({ $0[0]...$0[1] }) ?? first?.range else {
      throw ExperimentError(
        "data.signal.range",
        "is missing: the least and the greatest number of the sensor, which no recording tells here"
      )
    }
    let counts = choice.channels.map { [$0] } ?? first?.channelCounts ?? []
    var model = experiment.model
    if !model.isFile {
      guard let channels = counts.first else {
        throw ExperimentError("data.signal.channels", "is missing; give how many there are")
      }
      guard let length = choice.length ?? first?.samples(channels: channels).first?.count,
        length <= SignalChoice.longest
      else {
        throw ExperimentError(
          "data.signal.length",
          "is missing: the samples of one example, \(SignalChoice.longest) at most")
      }
      model.inputShape = [channels, 1, length]
    }
    (model.mean, model.deviation) = SignalRunner.normalization(model, range)
    let selected = try model.select(mode: experiment.mode, batchSizes: batchSizes)
    try checkLabels(selected.model)
    layout = try SignalLayout(selected.model, channels: counts)
    guard choice.length == nil || choice.length == layout.length else {
      throw ExperimentError(
        "data.signal.length",
        "is \(choice.length ?? 0), and the model takes \(layout.length) samples; leave it out")
    }
    inputs = PictureRunner(selected, backend: backend)
    self.choice = choice
    self.range = range
    recordings = Mutex(first.map { [$0.path: $0] } ?? [:])
  }

  /// What takes 0...1 to the sensor's numbers, and these to what the client's model sees.
  private static func normalization(
    _ model: ModelChoice, _ range: ClosedRange<Double>
  ) -> (means: [Double], deviations: [Double]) {
    let width = range.upperBound - range.lowerBound
    let (means, deviations) = (model.mean ?? [0], model.deviation ?? [1])
    return (means.map { ($0 - range.lowerBound) / width }, deviations.map { $0 / width })
  }

  package var drawsWeights: Bool { inputs.drawsWeights }
  package var notes: [Sentence] { inputs.notes }

  package func labelled(_ experiment: Experiment) throws -> Experiment {
    try inputs.labelled(experiment)
  }

  package func prepare(
    _ experiment: Experiment, names: [String]?
  ) throws -> any PreparedExperiment {
    try prepareSignals(experiment, names: names)
  }

  /// The same as ``prepare(_:names:)``.
  package func prepareSignals(
    _ experiment: Experiment, names: [String]? = nil
  ) throws -> PreparedSignals {
    let data = experiment.data
    guard data.update != nil || !data.examples.isEmpty else {
      throw ExperimentError("data.signals", "is empty; give recordings")
    }
    guard data.examples.isEmpty || data.examples.count == experiment.batchSize else {
      throw ExperimentError(
        "data.signals",
        "has \(data.examples.count) examples for a batch of \(experiment.batchSize); give one for each"
      )
    }
    let loss = try experiment.loss.clientLoss(of: inputs.selected)
    let given = try data.labels.map {
      try loss.labels($0, classCount: inputs.selected.model.classCount)
    }
    if let labels = given?.labels, labels.count != experiment.batchSize {
      throw ExperimentError(
        "data.labels",
        "has \(labels.count) of them for \(experiment.batchSize) signals; give one for each")
    }
    guard data.update != nil || given != nil else {
      throw ExperimentError("data.labels", "is missing; give one for each signal")
    }
    let truth = try data.examples.enumerated().map { index, example in
      PrivateSignal(
        name: names?[index] ?? SignalWindow(example).name, samples: try samples(example))
    }
    let examples = truth.enumerated().map { index, signal in
      example(signal, label: given?.labels[index])
    }
    return PreparedSignals(
      inputs: try inputs.prepare(
        experiment, examples: examples, labels: given?.labels, loss: given?.loss ?? loss),
      runner: self, truth: truth)
  }

  private func example(_ signal: PrivateSignal, label: Int?) -> PrivateExample {
    PrivateExample(
      name: signal.name, image: layout.input(signal.samples.map { $0.map(scaled) }), label: label)
  }

  /// Parts of recordings as the model reads them, without labels.
  ///
  /// - Parameter names: paths, and behind @ the first sample.
  /// - Throws: ``FileError`` when a file cannot be read, ``ExperimentError`` when it has no such samples.
  package func examples(_ names: [String]) throws -> [PrivateExample] {
    try names.map { name in
      example(
        PrivateSignal(name: SignalWindow(name).name, samples: try samples(name)), label: nil)
    }
  }

  // MARK: - Recordings

  /// The parts of a recording that do not overlap, by their names; the whole of one that is as long as an example.
  package func parts(of path: String) throws -> [String] {
    let samples = try recording(path).first?.count ?? 0
    guard samples != length else { return [path] }
    return (0..<samples / length).map { SignalWindow(path: path, start: $0 * length).text }
  }

  /// The samples that an example's name says.
  ///
  /// - Throws: ``FileError`` when its file cannot be read, ``ExperimentError`` when it has no such samples.
  private func samples(_ name: String) throws -> [[Double]] {
    let window = SignalWindow(name)
    let samples = try recording(window.path)
    let length = samples.first?.count ?? 0
    guard let start = window.start ?? (length == layout.length ? 0 : nil) else {
      throw ExperimentError(
        "data.signals",
        "\(window.path.quotedForMessage) has \(length) samples, and the model takes \(layout.length); say where they "
          + "begin, such as \(window.path.quotedForMessage)@0")
    }
    guard start >= 0, start <= length - layout.length else {
      throw ExperimentError(
        "data.signals",
        "\(name.quotedForMessage) begins at \(start), and of its \(length) samples \(layout.length) are taken; begin at "
          + "\(max(length - layout.length, 0)) at most")
    }
    return samples.map { Array($0[start..<start + layout.length]) }
  }

  /// The samples of each channel of a recording.
  package func recording(_ path: String) throws -> [[Double]] {
    let known = recordings.withLock { $0[path] }
    let recording = try known ?? Recording(contentsOf: path, columns: choice.columns)
    guard recording.channelCounts.contains(layout.channels) else {
      throw FileError(
        path: path,
        problem:
          "it has \(recording.channelCounts[0]) channels, and the model takes \(layout.channels)",
        remedy: "give recordings of one kind, or name the columns that are channels")
    }
    recordings.withLock { $0[path] = recording }
    return recording.samples(channels: layout.channels)
  }

  /// Samples of one example.
  package var length: Int { layout.length }

  /// The recordings that were read.
  func known() -> [[[Double]]] {
    recordings.withLock { known in
      known.keys.sorted().compactMap { known[$0]?.samples(channels: layout.channels) }
    }
  }

  private func scaled(_ number: Double) -> Double {
    (number - range.lowerBound) / (range.upperBound - range.lowerBound)
  }

  /// An input as the sensor's numbers, a row for each channel.
  func samples(of input: Tensor) -> [[Double]] {
    layout.samples(input).map { row in
      row.map { range.lowerBound + $0 * (range.upperBound - range.lowerBound) }
    }
  }
}

/// A signal that a client holds.
struct PrivateSignal: Sendable {
  /// Short, for tables.
  let name: String
  /// Of each channel.
  let samples: [[Double]]
}

/// Part of a recording, as experiments name it: a path, and behind @ the first sample, from 0.
package struct SignalWindow: Sendable {
  package let path: String
  /// Nil for a recording of the model's length.
  package let start: Int?

  /// Of a text such as ecg.csv@1000.
  package init(_ text: String) {
    guard let mark = text.lastIndex(of: "@"), mark > text.startIndex,
      let start = Int(text[text.index(after: mark)...])
    else {
      (path, start) = (text, nil)
      return
    }
    (path, self.start) = (String(text[..<mark]), start)
  }

  package init(path: String, start: Int) {
    (self.path, self.start) = (path, start)
  }

  /// As experiments have it.
  package var text: String { path + (start.map { "@\($0)" } ?? "") }

  /// For tables and files.
  var name: String {
    PictureNames.safe(path == BundledSignal.name ? path : fileStem(path))
      + (start.map { "-\($0)" } ?? "")
  }
}
