import Foundation
import Fuzzing

/// Drives the readers of outside files with mutated inputs: every input is read in a child process, so
/// that a crash or a hang ends that process alone, and the input that caused it is kept.
///
///     FuzzReaders --count 1000000 --corpus Tests/Fixtures --findings fuzz-findings [--reader NAME]
///
/// The n-th input of a seed is always the same. Exit status 1 tells that something was found.
@main
struct FuzzReaders {
  static func main() {
    do {
      let options = try FuzzOptions(Array(CommandLine.arguments.dropFirst()))
      if let work = options.worker {
        try FuzzWorker(options, work).run()
      } else {
        exit(try FuzzSupervisor(options).run() ? 0 : 1)
      }
    } catch {
      FileHandle.standardError.write(Data("FuzzReaders: \(error)\n".utf8))
      exit(2)
    }
  }
}

/// What is asked for on the command line.
struct FuzzOptions {
  /// What a child process does: inputs `range` of one reader.
  struct Work {
    let reader: FuzzedReader
    let range: Range<Int>
  }

  struct Wrong: Error, CustomStringConvertible {
    let description: String
  }

  var count = 1_000_000
  var corpus = "Tests/Fixtures"
  var findings = "fuzz-findings"
  var seed: UInt64 = 1
  var readers = FuzzedReader.allCases
  /// Seconds that one input may take.
  var secondsPerInput = 5.0
  /// Bytes that reading one input may add to the process's peak memory.
  var bytesPerInput = 512 << 20
  var worker: Work?

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw Wrong(description: "\(name) lacks a value") }
      func number() throws -> Int {
        guard let number = Int(value), number >= 0 else {
          throw Wrong(description: "\(name) is \(value), not a number")
        }
        return number
      }
      func reader() throws -> FuzzedReader {
        guard let reader = FuzzedReader(rawValue: value) else {
          throw Wrong(description: "there is no reader \(value)")
        }
        return reader
      }
      switch name {
      case "--count": count = try number()
      case "--corpus": corpus = value
      case "--findings": findings = value
      case "--seed": seed = UInt64(try number())
      case "--reader": readers = [try reader()]
      case "--seconds": secondsPerInput = Double(try number())
      case "--megabytes": bytesPerInput = try number() << 20
      case "--work":
        let parts = value.split(separator: ":")
        guard parts.count == 3, let reader = FuzzedReader(rawValue: String(parts[0])),
          let first = Int(parts[1]), let end = Int(parts[2]), first <= end
        else { throw Wrong(description: "--work is \(value)") }
        worker = Work(reader: reader, range: first..<end)
      default: throw Wrong(description: "there is no option \(name)")
      }
    }
  }
}
