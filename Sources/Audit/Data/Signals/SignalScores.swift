import Attacks
import Foundation
import Solvers
import TensorGraph

/// Compares signals that came back with the private ones, and with guesses.
struct SignalScores {
  private let runner: SignalRunner
  private let seed: UInt64

  init(_ runner: SignalRunner, seed: UInt64) {
    (self.runner, self.seed) = (runner, seed)
  }

  /// - Parameters:
  ///   - truth: nil where it is not known.
  ///   - found: samples of each channel.
  ///   - labels: what was told of the same example as an input.
  func example(
    _ truth: PrivateSignal?, _ found: [[Double]], labels: ImageResult
  ) -> ExampleResult {
    var example = ExampleResult(name: truth?.name ?? labels.name, recovered: words(found))
    example.signal = SignalTrace(
      rate: runner.choice.rate, channels: runner.choice.columns,
      original: truth.map { $0.samples.map { $0.map(JSONNumber.init) } },
      recovered: found.map { $0.map(JSONNumber.init) })
    example.recoveredLabel = ExampleLabel(labels.recoveredLabelName)
    example.isLabelGiven = labels.isLabelGiven
    guard let truth else { return example }
    let measures = SignalMeasures(found, truth.samples)
    example.original = words(truth.samples)
    example.rank = JSONNumber(measures.snr)
    example.measures = measures.named.mapValues { JSONNumber($0) }
    example.baselines = guesses(truth)
    example.trueLabel = labels.trueLabelName.map { ExampleLabel($0) }
    example.fingerprint = labels.fingerprint
    example.level = level(example)
    return example
  }

  private func level(_ example: ExampleResult) -> LeakLevel {
    if example.score >= LeakThreshold.fullSNR, example.isLabelRight != false { return .full }
    // A part of the recording that is like it is no guess that an attacker without the update could make.
    if example.score >= LeakThreshold.recognisableSNR { return .recognisable }
    return example.isLabelRight == true ? .label : .nothing
  }

  private func words(_ samples: [[Double]]) -> String {
    let numbers = samples.flatMap(\.self)
    let (low, high) = (numbers.min() ?? 0, numbers.max() ?? 0)
    return (samples.count == 1 ? "" : "\(samples.count) channels of ")
      + "\(samples.first?.count ?? 0) samples from "
      + String(format: "%.3g to %.3g", low, high)
  }

  // MARK: - Guesses

  /// Parts of recordings that are tried as a guess.
  private static let windowLimit = 512

  private func guesses(_ truth: PrivateSignal) -> [ExampleResult.Guess] {
    func guess(_ name: String, _ samples: [[Double]]) -> ExampleResult.Guess {
      let measures = SignalMeasures(samples, truth.samples)
      return ExampleResult.Guess(name: name, score: measures.snr, measures: measures.named)
    }
    var source = RandomSource(seed: seed).derive(label: "baseline")
    let range = runner.range
    let flat = truth.samples.map { row in
      row.map { _ in row.reduce(0, +) / Double(row.count) }
    }
    let random = truth.samples.map { row in
      row.map { _ in source.uniform(in: range.lowerBound..<range.upperBound) }
    }
    return [guess("flat lines", flat), guess("random numbers", random)]
      + [nearest(truth)].compactMap(\.self).map { guess("the nearest other part", $0) }
  }

  /// What is most like the signal in its recordings outside it: what an attacker who knows others of the kind could draw.
  private func nearest(_ truth: PrivateSignal) -> [[Double]]? {
    let length = runner.layout.length
    var best: (samples: [[Double]], error: Double)?
    for recording in runner.known() {
      let count = (recording.first?.count ?? 0) - length + 1
      guard count > length else { continue }
      let step = max(count / SignalScores.windowLimit, 1)
      for start in stride(from: 0, to: count, by: step) {
        let part = recording.map { Array($0[start..<start + length]) }
        // Samples that the two share are no guess.
        guard !overlaps(part, truth.samples) else { continue }
        let error = SignalMeasures.squaredError(part, truth.samples)
        if best.map({ error < $0.error }) ?? true { best = (part, error) }
      }
    }
    return best?.samples
  }

  /// Whether a part of a recording has samples of the signal at its beginning or its end.
  private func overlaps(_ part: [[Double]], _ truth: [[Double]]) -> Bool {
    guard let part = part.first, let truth = truth.first, let first = truth.first,
      let last = truth.last, truth.count >= 2
    else { return false }
    let second = truth[1], beforeLast = truth[truth.count - 2]
    return part.indices.dropLast().contains {
      (part[$0] == first && part[$0 + 1] == second)
        || (part[$0] == beforeLast && part[$0 + 1] == last)
    }
  }
}

/// How near numbers over time are to others.
struct SignalMeasures {
  /// Signal-to-noise ratio in dB: the original's variation about the mean of each channel over the squared error. Flat lines at
  /// these means have 0 dB.
  let snr: Double
  /// Pearson's, the mean over channels that vary; NaN for none.
  let correlation: Double
  /// Symmetric mean absolute percentage error, 0 to 2, as TS-Inverse measures (Meijer et al. 2025, arXiv 2503.20952).
  let smape: Double

  /// - Parameters: samples of each channel, as many of both.
  init(_ found: [[Double]], _ original: [[Double]]) {
    let numbers = original.flatMap(\.self)
    let variation = original.reduce(0) { $0 + SignalMeasures.variation($1) }
    let width = (numbers.max() ?? 0) - (numbers.min() ?? 0)
    // What never varies is measured by its size.
    let scale =
      variation > 0 ? variation : max(width * width, numbers.reduce(0) { $0 + $1 * $1 }, 1e-300)
    let error = SignalMeasures.squaredError(found, original)
    snr = error == 0 ? .infinity : error.isFinite ? 10 * log10(scale / error) : -.infinity
    let correlations = zip(found, original).compactMap { SignalMeasures.correlation($0, $1) }
    correlation =
      correlations.isEmpty ? .nan : correlations.reduce(0, +) / Double(correlations.count)
    let shares = zip(found.flatMap(\.self), numbers).map { found, number in
      let size = abs(found) + abs(number)
      return size == 0 ? 0 : 2 * abs(found - number) / size
    }
    smape = shares.reduce(0, +) / Double(max(shares.count, 1))
  }

  /// By their names in records.
  var named: [String: Double] { ["snr": snr, "correlation": correlation, "smape": smape] }

  static func squaredError(_ found: [[Double]], _ original: [[Double]]) -> Double {
    zip(found, original).reduce(0) { sum, rows in
      zip(rows.0, rows.1).reduce(sum) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
  }

  private static func variation(_ row: [Double]) -> Double {
    let mean = row.reduce(0, +) / Double(max(row.count, 1))
    return row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }

  private static func correlation(_ found: [Double], _ original: [Double]) -> Double? {
    let (spread, other) = (variation(found), variation(original))
    guard spread > 0, other > 0 else { return other > 0 ? 0 : nil }
    let (mean, otherMean) = (
      found.reduce(0, +) / Double(found.count), original.reduce(0, +) / Double(original.count)
    )
    let product = zip(found, original).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - otherMean) }
    return product / (spread * other).squareRoot()
  }
}

/// A signal over time, the private one and what came back.
public struct SignalTrace: Codable, Sendable, Equatable {
  /// Samples per second; nil where it is not known.
  public var rate: Double?
  /// Names of the channels where columns of a file were chosen; nil otherwise.
  public var channels: [String]?
  /// Samples of each channel, in the sensor's numbers; nil where they are not known.
  public var original: [[JSONNumber]]?
  /// Likewise, as the attack found them.
  public var recovered: [[JSONNumber]]
}
