import Foundation
import Fuzzing

/// Reads a range of inputs and tells the supervisor of each before it is read.
struct FuzzWorker {
  private let options: FuzzOptions
  private let work: FuzzOptions.Work

  init(_ options: FuzzOptions, _ work: FuzzOptions.Work) {
    self.options = options
    self.work = work
  }

  /// Writes to standard output: "i INDEX" before every input, and "end ACCEPTED SLOWEST PEAK" with
  /// seconds and bytes at last.
  func run() throws {
    let seeds = work.reader.seeds(in: options.corpus)
    guard !seeds.isEmpty else {
      throw FuzzOptions.Wrong(
        description: "\(options.corpus) has no files for the reader \(work.reader.rawValue)")
    }
    let words = work.reader.words
    // The kernel ends an input that takes more memory or time than it may.
    let base = peakMemory()
    var (accepted, slowest) = (0, 0.0)
    let clock = ContinuousClock()
    var peak = base
    for index in work.range {
      let input = fuzzInput(index, seed: options.seed, from: seeds, words: words)
      report("i \(index)")
      alarm(UInt32(options.secondsPerInput.rounded(.up)))
      let start = clock.now
      if work.reader.read(input) { accepted += 1 }
      let time = clock.now - start
      alarm(0)
      slowest = max(
        slowest, Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18)
      let now = peakMemory()
      if now - peak > options.bytesPerInput {
        report("memory \(index) \(now - peak)")
        exit(3)
      }
      peak = max(peak, now)
    }
    report("end \(accepted) \(slowest) \(peak - base)")
  }

  private func report(_ line: String) {
    let line = line + "\n"
    line.withCString { _ = write(1, $0, strlen($0)) }
  }

  /// The most memory that this process ever had, in bytes.
  private func peakMemory() -> Int {
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      // The constant has another type than the parameter here.
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss << 10
    #endif
  }
}
