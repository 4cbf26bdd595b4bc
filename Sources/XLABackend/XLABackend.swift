import CPJRT
import Foundation
import TensorGraph

/// Runs graphs on a device of XLA's, through a plugin that is opened when the program runs.
///
/// A graph becomes StableHLO text, which the plugin compiles. Products are of the full precision of their type, and
/// the same program on the same device gives the same bits on every run.
public struct XLABackend: Backend {
  /// What computes.
  public let device: XLADevice
  /// Dense linear algebra, which stays on this machine.
  public let linearAlgebra: any LinearAlgebra
  private let cache: ProgramCache?

  /// A backend on a device.
  ///
  /// - Parameters:
  ///   - linearAlgebra: on this machine; plain loops by default.
  ///   - cacheFolder: where compiled programs are kept for the next process, with nobody else's files; nil to keep
  ///     none. What is in it is run as a program is: it must be the user's own.
  public init(
    _ device: XLADevice, linearAlgebra: any LinearAlgebra = ReferenceLinearAlgebra(),
    cacheFolder: String? = nil
  ) {
    self.device = device
    self.linearAlgebra = linearAlgebra
    cache = cacheFolder.map { ProgramCache(folder: $0, of: device) }
  }

  /// `xla-cpu`, `cuda`, `rocm` or `tpu`.
  public var name: String { device.platform.deviceName }

  /// The device, its plugin and their versions.
  public var provenance: String? {
    let file = device.plugin.split(separator: "/").last.map(String.init) ?? device.plugin
    let version = device.platformVersion == device.kind ? "" : device.platformVersion
    return [
      "\(name): \(device.kind)", version, file, "PJRT \(device.pluginVersion)",
    ].filter { !$0.isEmpty }.joined(separator: ", ")
  }

  /// The element types of the platform, and the device's memory.
  public var capabilities: BackendCapabilities {
    var types = Set(DType.allCases)
    // TPUs have no such numbers.
    if device.platform == .tpu { types.remove(.f64) }
    return BackendCapabilities(
      elementTypes: types, threadCount: ProcessInfo.processInfo.activeProcessorCount,
      deviceMemoryByteCount: device.memoryByteCount)
  }

  /// Compiles a graph, or takes what was compiled before from the cache.
  ///
  /// - Throws: `GraphError` when the plugin cannot compile the graph, or it needs more memory than there is.
  public func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    try graph.verify()
    let types = graph.inputs.map(\.type) + graph.nodes.map(\.type)
    if let type = types.first(where: { $0.shape.rank > Int(CPJRT_MAXIMUM_RANK) }) {
      throw GraphError(
        "\(name) takes at most \(CPJRT_MAXIMUM_RANK) axes, not \(type.shape.rank)", .unsupported)
    }
    let text = graph.stableHLO()
    let options = CompileOptions(device.platform.compilerOptions)
    if let program = cache?.program(text, options, outputs: graph.outputs.count) {
      return try executable(graph, program)
    }
    let program: XLAProgram
    do throws(PluginFailure) {
      program = try XLAProgram(text, options, on: device)
    } catch {
      throw GraphError(
        error.isForWantOfMemory
          ? "\(name) has not the memory to compile the graph\(error.reason)"
          : "\(name) cannot compile the graph\(error.reason)", .unsupported)
    }
    cache?.keep(program, text, options)
    return try executable(graph, program)
  }

  private func executable(_ graph: Graph, _ program: XLAProgram) throws(GraphError) -> XLAExecutable
  {
    let executable = XLAExecutable(graph, program, on: device)
    let available = device.memoryByteCount ?? AvailableMemory.byteCount
    guard program.byteCount <= available else {
      throw GraphError(
        "\(name) has \(available >> 20) MiB of memory, and the graph needs \(program.byteCount >> 20) MiB; use "
          + "smaller images, a smaller batch or a smaller model", .unsupported)
    }
    return executable
  }
}

/// A program that a plugin has compiled.
final class XLAProgram {
  let pointer: OpaquePointer
  /// Bytes of intermediate values; 0 where the plugin does not say.
  let temporaryByteCount: Int
  /// Bytes that a run takes on the device, of inputs, outputs and intermediate values; 0 where the plugin does not say.
  let byteCount: Int
  // Which must be there as long as the program.
  private let device: XLADevice

  convenience init(
    _ text: String, _ options: CompileOptions, on device: XLADevice
  ) throws(PluginFailure) {
    var text = text
    var program: OpaquePointer?
    let status = text.withUTF8 { text in
      text.withMemoryRebound(to: CChar.self) { text in
        cpjrt_compile(
          device.client, text.baseAddress, text.count, options.bytes, options.bytes.count, &program)
      }
    }
    try PluginFailure.check(status)
    try self.init(program, on: device)
  }

  /// A program in the plugin's own form.
  convenience init(serialized bytes: [UInt8], on device: XLADevice) throws(PluginFailure) {
    var program: OpaquePointer?
    try PluginFailure.check(cpjrt_program_load(device.client, bytes, bytes.count, &program))
    try self.init(program, on: device)
  }

  private init(_ program: OpaquePointer?, on device: XLADevice) throws(PluginFailure) {
    guard let program else { throw PluginFailure(code: 2, words: "it gave no program") }
    pointer = program
    self.device = device
    let memory = cpjrt_program_memory(program)
    temporaryByteCount = max(Int(memory.temporaries), 0)
    byteCount = [memory.arguments, memory.outputs, memory.temporaries].reduce(0) {
      $0.addingReportingOverflow(max(Int($1), 0)).overflow ? .max : $0 + max(Int($1), 0)
    }
  }

  deinit { cpjrt_program_destroy(pointer) }

  var outputCount: Int { cpjrt_program_output_count(pointer) }

  /// The program in the plugin's own form.
  func serialized() throws(PluginFailure) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    try PluginFailure.check(cpjrt_program_serialize(pointer, &bytes, &count))
    defer { free(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}
