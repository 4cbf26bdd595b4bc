import Foundation
import OperatorTable
import TensorGraph
import XLABackend

/// Holds a plugin of XLA against the reference interpreter: what a machine needs before results from it count.
///
///     XLACheck [DEVICE] [HIGHEST ORDER] [PART OF A NAME]
///
/// DEVICE is xla-cpu (the default), cuda, rocm or tpu, or a plugin's file. Every row of the operator table and its
/// derivatives of orders 0 to 2 is compiled and run in f32 and f64, and compared within the row's tolerances. Then
/// what a backend must do with bound memory, the same bits from run to run, the cache of compiled programs, a graph
/// beyond any memory; and what a call and a compilation cost, which is printed and not judged. Exit status 1 tells that
/// something was wrong, 2 that there is no such device.
@main
struct XLACheck {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let name = arguments.first ?? XLAPlatform.cpu.deviceName
    let highestOrder = arguments.dropFirst().first.flatMap { Int($0) } ?? 2
    let part = arguments.dropFirst(2).first ?? ""
    let device: XLADevice
    do throws(XLAError) {
      if let platform = XLAPlatform.allCases.first(where: { $0.deviceName == name }) {
        device = try XLADevice(platform)
      } else {
        device = try XLADevice(nil, plugin: name)
      }
    } catch {
      print("XLACheck: \(error.message)")
      exit(2)
    }
    print(
      "\(device.platform.deviceName): \(device.kind), PJRT \(device.pluginVersion), StableHLO "
        + "\(device.stableHLOVersion ?? "?"), \(device.platformVersion), \(device.plugin)")
    var check = XLACheck(XLABackend(device))
    check.holdTable(highestOrder: highestOrder, part: part)
    if part.isEmpty {
      check.attempt("bound memory") { try bindingFaults(of: $0) }
      check.holdRepetitions()
      check.holdCache(of: device)
      check.holdLimits()
      check.printCosts()
    }
    exit(check.wrong == 0 ? 0 : 1)
  }

  let backend: XLABackend
  private var wrong = 0

  private init(_ backend: XLABackend) {
    self.backend = backend
  }

  /// Prints what is wrong, or why nothing could be said.
  private mutating func attempt(_ subject: String, _ faults: (XLABackend) throws -> [String]) {
    do {
      for fault in try faults(backend) {
        print("\(subject): \(fault)")
        wrong += 1
      }
    } catch {
      print("\(subject): \(error)")
      wrong += 1
    }
  }

  // MARK: - Results

  private mutating func holdTable(highestOrder: Int, part: String) {
    let rows = operatorTable.filter { part.isEmpty || $0.name.contains(part) }
    let clock = ContinuousClock()
    let start = clock.now
    var runs = 0
    for row in rows {
      for dtype in [DType.f32, .f64] {
        for order in 0...max(min(row.highestOrder, highestOrder), 0) {
          runs += 1
          attempt("\(row), order \(order), \(dtype)") {
            try RowCheck(row, order: order, dtype).disagreements(of: $0)
          }
        }
      }
    }
    print(
      String(
        format: "%d expressions, %d programs, orders to %d, f32 and f64: %d wrong, in %.0f s",
        rows.count, runs, highestOrder, wrong, (clock.now - start).milliseconds / 1000))
  }

  /// Runs of one program give the same bits.
  private mutating func holdRepetitions() {
    let rows = operatorTable.filter { row in
      ["convolution", "matmul", "scatter", "gather", "sum", "norm"].contains {
        row.name.contains($0)
      }
    }
    for row in rows {
      attempt("\(row), repeated") { backend in
        let program = row.program(order: min(row.highestOrder, 1), .f32)
        let runnable = try Runnable(program.graph, program.inputs, on: backend)
        let first = try runnable.run()
        for _ in 0..<3 where try runnable.run() != first { return ["other bits than at first"] }
        return []
      }
    }
    print("\(rows.count) programs run four times: the same bits")
  }

  /// A graph that no device has the memory for is refused, and the process goes on.
  private mutating func holdLimits() {
    attempt("a graph of petabytes") { backend in
      let builder = GraphBuilder()
      let x = builder.input("x", [1 << 24, 1 << 24], .f32)
      let graph = builder.build(outputs: [(x.transpose([1, 0]) * 2)])
      do throws(GraphError) {
        _ = try backend.compile(graph)
        return ["was compiled"]
      } catch {
        print("a graph of petabytes: \(error.message)")
        return error.kind == .unsupported ? [] : ["\(error.kind)"]
      }
    }
  }

  /// A second compilation of the same text loads, a damaged file is compiled anew, and both compute the same.
  private mutating func holdCache(of device: XLADevice) {
    attempt("the cache") { plain in
      let folder = NSTemporaryDirectory() + "xlacheck-\(getpid())"
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let cached = XLABackend(device, cacheFolder: folder)
      let row = operatorTable.first { $0.name.contains("convolution") && $0.highestOrder >= 2 }
      guard let program = row?.program(order: 2, .f32) else { return ["there is no such row"] }
      let expected = try Runnable(program.graph, program.inputs, on: plain).run()
      func milliseconds() throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let runnable = try Runnable(program.graph, program.inputs, on: cached)
        let time = (clock.now - start).milliseconds
        guard try runnable.run() == expected else {
          throw GraphError("other results than without the cache", .failedRun)
        }
        return time
      }
      let compiled = try milliseconds()
      let files = try FileManager.default.contentsOfDirectory(atPath: folder)
      guard let file = files.first else {
        print("the cache: this plugin cannot write programs down")
        return []
      }
      let path = folder + "/" + file
      let loaded = try milliseconds()
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      let size = bytes.count
      for damage in [size / 2, size - 1, 0] {
        bytes[damage] ^= 0xFF
        try bytes.write(to: URL(fileURLWithPath: path))
        _ = try milliseconds()
      }
      print(
        String(
          format: "the cache: compiled in %.0f ms, loaded in %.1f ms, %d KB", compiled, loaded,
          size >> 10))
      return []
    }
  }
}

/// A compiled graph with its inputs, to be run again and again.
struct Runnable {
  private let executable: any Executable
  private let outputs: [HostBuffer]

  init(_ graph: Graph, _ inputs: [Tensor], on backend: any Backend) throws(GraphError) {
    let executable = try backend.compile(graph)
    self.executable = executable
    for (index, tensor) in inputs.enumerated() {
      executable.bind(input: index, to: HostBuffer(tensor))
    }
    outputs = graph.outputTypes.map { HostBuffer($0) }
    for (index, buffer) in outputs.enumerated() { executable.bind(output: index, to: buffer) }
  }

  /// The bytes of all outputs.
  func run() throws(GraphError) -> [[UInt8]] {
    try executable.run()
    return outputs.map {
      Array(UnsafeRawBufferPointer(start: $0.address, count: $0.type.byteCount))
    }
  }

  /// The median of so many runs.
  func milliseconds(runs: Int) throws(GraphError) -> Double {
    let clock = ContinuousClock()
    var times: [Double] = []
    for _ in 0..<runs {
      let start = clock.now
      try executable.run()
      times.append((clock.now - start).milliseconds)
    }
    return times.sorted()[runs / 2]
  }
}

extension Duration {
  var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15
  }
}
