import CPJRT
import TensorGraph

/// A graph compiled for a device. Fixed inputs stay on the device from one binding to the next; the others are
/// uploaded in every run.
final class XLAExecutable: Executable {
  let graph: Graph
  var workspaceByteCount: Int { program.temporaryByteCount }

  private let device: XLADevice
  private let program: XLAProgram
  private var inputs: [HostBuffer?]
  private var outputs: [HostBuffer?]
  private var unboundCount: Int
  private let extents: [[Int64]]
  /// Inputs on the device, and the events that tell when their memory on this machine may change.
  private let uploaded: UnsafeMutableBufferPointer<OpaquePointer?>
  private let uploads: UnsafeMutableBufferPointer<OpaquePointer?>
  /// The same of outputs; empty between runs.
  private let results: UnsafeMutableBufferPointer<OpaquePointer?>
  private let downloads: UnsafeMutableBufferPointer<OpaquePointer?>

  init(_ graph: Graph, _ program: XLAProgram, on device: XLADevice) {
    self.graph = graph
    self.program = program
    self.device = device
    let (inputCount, outputCount) = (graph.inputs.count, graph.outputs.count)
    inputs = [HostBuffer?](repeating: nil, count: inputCount)
    outputs = [HostBuffer?](repeating: nil, count: outputCount)
    unboundCount = inputCount + outputCount
    extents = graph.inputs.map { $0.type.shape.dimensions.map(Int64.init) }
    func empty(_ count: Int) -> UnsafeMutableBufferPointer<OpaquePointer?> {
      let buffer = UnsafeMutableBufferPointer<OpaquePointer?>.allocate(capacity: count)
      buffer.initialize(repeating: nil)
      return buffer
    }
    (uploaded, uploads) = (empty(inputCount), empty(inputCount))
    (results, downloads) = (empty(outputCount), empty(outputCount))
  }

  deinit {
    for index in uploaded.indices { cpjrt_release(device.client, uploaded[index]) }
    for buffer in [uploaded, uploads, results, downloads] { buffer.deallocate() }
  }

  func bind(input: Int, to buffer: HostBuffer) {
    let expected = graph.inputs[input]
    precondition(
      buffer.type == expected.type,
      "input \(input) (\(expected.name)) is \(expected.type), not \(buffer.type)")
    if inputs[input] == nil { unboundCount -= 1 }
    inputs[input] = buffer
    forget(input)
  }

  func bind(output: Int, to buffer: HostBuffer) {
    let expected = graph[graph.outputs[output]].type
    precondition(buffer.type == expected, "output \(output) is \(expected), not \(buffer.type)")
    if outputs[output] == nil { unboundCount -= 1 }
    outputs[output] = buffer
  }

  private func forget(_ input: Int) {
    cpjrt_release(device.client, uploaded[input])
    uploaded[input] = nil
  }

  func run() throws(GraphError) {
    if unboundCount > 0 { reportUnbound() }
    do throws(PluginFailure) {
      try evaluate()
    } catch {
      let name = device.platform.deviceName
      throw GraphError(
        error.isForWantOfMemory
          ? "\(name) is out of memory\(error.reason)" : "\(name) failed\(error.reason)", .failedRun)
    }
  }

  private func evaluate() throws(PluginFailure) {
    var isComplete = false
    defer { clear(isComplete: isComplete) }
    for index in uploaded.indices where uploaded[index] == nil { try upload(index) }
    try PluginFailure.check(
      cpjrt_execute(program.pointer, uploaded.baseAddress, uploaded.count, results.baseAddress))
    for index in results.indices { try download(index) }
    try finish()
    isComplete = true
  }

  private func upload(_ index: Int) throws(PluginFailure) {
    guard let buffer = inputs[index] else { return }
    try PluginFailure.check(
      cpjrt_upload(
        device.client, buffer.address, buffer.type.dtype.pluginType, extents[index],
        extents[index].count, &uploaded[index], &uploads[index]))
  }

  private func download(_ index: Int) throws(PluginFailure) {
    guard let buffer = outputs[index] else { return }
    try PluginFailure.check(
      cpjrt_download(
        device.client, results[index], buffer.type.shape.rank, buffer.address,
        buffer.type.byteCount, &downloads[index]))
  }

  /// Waits for everything that was begun, so that nothing reads or writes bound memory any more, also where it
  /// fails.
  ///
  /// - Throws: the first failure.
  private func finish() throws(PluginFailure) {
    var failure: PluginFailure?
    for events in [downloads, uploads] {
      for index in events.indices where events[index] != nil {
        let event = events[index]
        events[index] = nil
        do throws(PluginFailure) {
          try PluginFailure.check(cpjrt_await(device.client, event))
        } catch {
          failure = failure ?? error
        }
      }
    }
    if let failure { throw failure }
  }

  /// Releases all but the fixed inputs, and these too after a failure, which may be that of their upload.
  private func clear(isComplete: Bool) {
    if !isComplete {
      // Something may still be going on.
      try? finish()
    }
    for index in results.indices {
      cpjrt_release(device.client, results[index])
      results[index] = nil
    }
    for index in uploaded.indices where !isComplete || graph.inputs[index].role == .varying {
      forget(index)
    }
  }

  private func reportUnbound() -> Never {
    let unboundInputs = inputs.indices.filter { inputs[$0] == nil }.map { graph.inputs[$0].name }
    let unboundOutputs = outputs.indices.filter { outputs[$0] == nil }
    preconditionFailure("unbound inputs \(unboundInputs), outputs \(unboundOutputs)")
  }
}

extension DType {
  /// Its `PJRT_Buffer_Type`.
  var pluginType: Int32 {
    switch self {
    case .bool: 1
    case .i32: 4
    case .i64: 5
    case .f32: 11
    case .f64: 12
    }
  }
}
