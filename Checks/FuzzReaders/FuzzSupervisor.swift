import Foundation
import Fuzzing

/// Hands out inputs to child processes, and keeps those that end one.
struct FuzzSupervisor {
  private let options: FuzzOptions
  /// Inputs that one process reads: few enough to start anew often, many enough to cost nothing.
  private static let portion = 20_000

  init(_ options: FuzzOptions) {
    self.options = options
  }

  private struct Tally {
    var inputs = 0
    var accepted = 0
    var slowest = 0.0
    var peak = 0
    var findings: [String] = []
  }

  /// - Returns: whether nothing was found.
  func run() throws -> Bool {
    var isClean = true
    for reader in options.readers {
      let tally = try run(reader)
      isClean = isClean && tally.findings.isEmpty
      print(
        String(
          format: "%@: %d inputs, %d accepted, slowest %.3f s, memory at most %d MiB, %d findings",
          reader.rawValue, tally.inputs, tally.accepted, tally.slowest, tally.peak >> 20,
          tally.findings.count))
      for finding in tally.findings { print("  \(finding)") }
    }
    return isClean
  }

  private func run(_ reader: FuzzedReader) throws -> Tally {
    var tally = Tally()
    let seeds = reader.seeds(in: options.corpus)
    var next = 0
    while next < options.count {
      let end = min(next + FuzzSupervisor.portion, options.count)
      let result = try work(reader, next..<end)
      if let (accepted, slowest, peak) = result.summary {
        tally.accepted += accepted
        tally.slowest = max(tally.slowest, slowest)
        tally.peak = max(tally.peak, peak)
        tally.inputs += end - next
        next = end
      } else {
        let culprit = result.lastIndex ?? next
        let name = "\(reader.rawValue)-\(options.seed)-\(culprit).bin"
        try FileManager.default.createDirectory(
          atPath: options.findings, withIntermediateDirectories: true)
        let input = fuzzInput(culprit, seed: options.seed, from: seeds, words: reader.words)
        try Data(input).write(
          to: URL(fileURLWithPath: options.findings + "/" + name))
        tally.findings.append("\(options.findings)/\(name): \(result.end)")
        tally.inputs += culprit + 1 - next
        next = culprit + 1
        // More of the same tells nothing new.
        if tally.findings.count >= 20 { break }
      }
      FileHandle.standardError.write(
        Data("\(reader.rawValue): \(next) of \(options.count)\n".utf8))
    }
    return tally
  }

  private struct WorkResult {
    var summary: (accepted: Int, slowest: Double, peak: Int)?
    var lastIndex: Int?
    var end = ""
  }

  private func work(_ reader: FuzzedReader, _ range: Range<Int>) throws -> WorkResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).standardizedFileURL
    process.arguments = [
      "--work", "\(reader.rawValue):\(range.lowerBound):\(range.upperBound)", "--corpus",
      options.corpus, "--seed", "\(options.seed)", "--seconds", "\(Int(options.secondsPerInput))",
      "--megabytes", "\(options.bytesPerInput >> 20)",
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    var result = WorkResult()
    for line in output.split(separator: "\n").suffix(2) {
      let words = line.split(separator: " ")
      switch (words.first, words.count) {
      case ("i", 2): result.lastIndex = Int(words[1])
      case ("memory", 3):
        result.lastIndex = Int(words[1])
        result.end = "took \((Int(words[2]) ?? 0) >> 20) MiB"
      case ("end", 4):
        result.summary = (Int(words[1]) ?? 0, Double(words[2]) ?? 0, Int(words[3]) ?? 0)
      default: break
      }
    }
    if result.end.isEmpty {
      let status = process.terminationStatus
      let isSignal = process.terminationReason == .uncaughtSignal
      result.end =
        isSignal
        ? (status == SIGALRM
          ? "took over \(options.secondsPerInput) s" : "crashed, signal \(status)")
        : "ended with status \(status)"
    }
    return result
  }
}
