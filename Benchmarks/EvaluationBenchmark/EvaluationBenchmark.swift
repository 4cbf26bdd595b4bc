import Attacks
import CPUBackend
import Clients
import Foundation
import Solvers
import TensorGraph
import XLABackend

/// Times one evaluation of the DLG objective and its gradient with respect to dummy data and label,
/// in f32, or in f64 for rows that say so. Prints one JSON line a row.
///
/// usage: EvaluationBenchmark [--threads N] [--steps] ROW:BATCH:REPEATS ...
///        EvaluationBenchmark --device xla-cpu|cuda|rocm|tpu ROW:BATCH:REPEATS ...
///        EvaluationBenchmark [--threads N] --peak | --roofline ROW:BATCH ...
///
/// With --roofline it measures the machine and says for each row how long its contractions take at least: each the larger
/// of its operations at the machine's peak and of its operands' and result's bytes at the speed of reading.
/// With --steps the slowest steps of each row's plan go to standard error.
@main
enum EvaluationBenchmark {
  static func main() throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    var threads: Int?
    if let flag = arguments.firstIndex(of: "--threads"), flag + 1 < arguments.count {
      threads = Int(arguments[flag + 1])
      arguments.removeSubrange(flag...flag + 1)
    }
    var platform: XLAPlatform?
    if let flag = arguments.firstIndex(of: "--device"), flag + 1 < arguments.count {
      platform = XLAPlatform.allCases.first { $0.deviceName == arguments[flag + 1] }
      arguments.removeSubrange(flag...flag + 1)
    }
    let showsSteps = arguments.contains("--steps")
    arguments.removeAll { $0 == "--steps" }
    let showsRoofline = arguments.contains("--roofline")
    arguments.removeAll { $0 == "--roofline" }
    var peaks: [DType: Peak] = [:]
    let backend: any Backend =
      try platform.map { XLABackend(try XLADevice($0)) }
      ?? CPUBackend(CPUBackend.Options(threadCount: threads, recordsStepTimes: showsSteps))
    for argument in arguments {
      if argument == "--peak" {
        try emit(measurePeak(backend, .f32))
        continue
      }
      let parts = argument.split(separator: ":").map(String.init)
      if showsRoofline, parts.count == 2, let row = try Row.named(parts[0]),
        let batch = Int(parts[1]), batch > 0
      {
        let peak =
          try peaks[row.dtype]
          ?? measurePeak(backend, row.dtype)
        peaks[row.dtype] = peak
        let graph = matching(row, batch: batch).function.graph
        try emit(
          Roofline(graph, row: row.name, batch: batch, gflops: peak.gflops, gbytes: peak.gbytesPerS)
        )
        continue
      }
      guard parts.count == 3, let row = try Row.named(parts[0]), let batch = Int(parts[1]),
        let repeats = Int(parts[2]), batch > 0, repeats > 0
      else {
        FileHandle.standardError.write(Data("no such row: \(argument)\n".utf8))
        exit(2)
      }
      try emit(measure(row, batch: batch, repeats: repeats, backend))
    }
  }

  private static func emit(_ values: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(values), as: UTF8.self))
  }

  private struct Measurement: Encodable {
    var engine: String
    var row: String
    var batch: Int
    var medianMs: Double
    var quartilesMs: [Double]
    var repeats: Int
    var compileS: Double
    var peakMb: Double
    var workspaceMb: Double
    var gflops: Double
    var gbytesPerS: Double
  }

  private static func matching(_ row: Row, batch: Int) -> GradientMatchingGraph {
    GradientMatchingGraph(
      UpdateSignature(row.model, batchSize: batch), labelForm: .logits, dtype: row.dtype)
  }

  private static func measure(
    _ row: Row, batch: Int, repeats: Int, _ backend: any Backend
  ) throws -> Measurement {
    let clock = ContinuousClock()
    let start = clock.now
    let matching = matching(row, batch: batch)
    let function = try CompiledFunction(matching.function, on: backend)
    let compiled = clock.now
    bindRandomInputs(of: matching, row, to: function)
    for _ in 0..<3 { try function.run() }
    var milliseconds: [Double] = []
    milliseconds.reserveCapacity(repeats)
    for _ in 0..<repeats {
      let begin = clock.now
      try function.run()
      milliseconds.append((clock.now - begin).seconds * 1e3)
    }
    showSlowestSteps(of: function.executable)
    milliseconds.sort()
    func quantile(_ share: Double) -> Double {
      milliseconds[min(Int(share * Double(repeats)), repeats - 1)]
    }
    let seconds = quantile(0.5) * 1e-3
    return Measurement(
      engine: backend.name == "cpu" ? "gradleak" : "gradleak " + backend.name, row: row.name,
      batch: batch, medianMs: quantile(0.5),
      quartilesMs: [quantile(0.25), quantile(0.75)], repeats: repeats,
      compileS: (compiled - start).seconds, peakMb: peakMemory(),
      workspaceMb: Double(function.executable.workspaceByteCount) / 1e6,
      gflops: matching.function.graph.contractionFlops / seconds * 1e-9,
      gbytesPerS: matching.function.graph.inputByteCount / seconds * 1e-9)
  }

  private static func showSlowestSteps(of executable: any Executable) {
    guard let times = (executable as? CPUExecutable)?.stepTimes, !times.isEmpty else { return }
    var total: [String: (seconds: Double, count: Int)] = [:]
    for step in times where !step.isPrologue {
      let before = total[step.name] ?? (0, 0)
      total[step.name] = (before.seconds + step.seconds, before.count + 1)
    }
    for (name, sum) in total.sorted(by: { $0.value.seconds > $1.value.seconds }).prefix(25) {
      let line = String(format: "%9.3f ms  %3dx  ", sum.seconds * 1e3, sum.count) + name + "\n"
      FileHandle.standardError.write(Data(line.utf8))
    }
  }

  private static func bindRandomInputs(
    of matching: GradientMatchingGraph, _ row: Row, to function: CompiledFunction
  ) {
    let (model, dtype) = (row.model, row.dtype)
    var source = RandomSource(seed: 0)
    function.bind(
      matching.parameters, to: model.initialParameters(seed: 0, dtype: dtype).map(\.tensor))
    function.bind(matching.buffers, to: model.initialBuffers(dtype: dtype).map(\.tensor))
    for (inputs, deviation) in [
      ([matching.images, matching.labels], 1), (matching.targets, 0.01),
    ] {
      for input in inputs {
        let shape = function.input(input).type.shape
        function.bind(
          input, to: source.normalTensor(shape, dtype, standardDeviation: deviation))
      }
    }
  }

  /// Largest resident memory so far, in MB.
  private static func peakMemory() -> Double {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Double(usage.ru_maxrss) / 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Double(usage.ru_maxrss) / 1024 / 1024
    #endif
  }

  // MARK: - The machine's own limits

  private struct Peak: Encodable {
    var gflops: Double
    var gbytesPerS: Double
  }

  /// What the backend reaches on one large matrix product, and on summing a large vector.
  private static func measurePeak(_ backend: any Backend, _ dtype: DType) throws -> Peak {
    let size = 1536
    let product = GraphBuilder()
    let a = product.input("a", [size, size], dtype)
    let b = product.input("b", [size, size], dtype)
    let productSeconds = try best(
      of: 8, backend, [a, b], product.function(computing: [a.matmul(b)]))
    let sum = GraphBuilder()
    let byteCount = 256 << 20
    let count = byteCount / dtype.byteCount
    let x = sum.input("x", [count], dtype)
    let sumSeconds = try best(of: 8, backend, [x], sum.function(computing: [x.sum()]))
    return Peak(
      gflops: 2 * Double(size * size * size) / productSeconds * 1e-9,
      gbytesPerS: Double(byteCount) / sumSeconds * 1e-9)
  }

  private static func best(
    of count: Int, _ backend: any Backend, _ inputs: [Value], _ function: GraphFunction
  ) throws -> Double {
    let function = try CompiledFunction(function, on: backend)
    for input in inputs {
      function.bind(input.handle, to: Tensor(input.shape, input.dtype, repeating: 1))
    }
    try function.run()
    let clock = ContinuousClock()
    return try (0..<count).map { _ in
      let begin = clock.now
      try function.run()
      return (clock.now - begin).seconds
    }.min() ?? .infinity
  }
}
