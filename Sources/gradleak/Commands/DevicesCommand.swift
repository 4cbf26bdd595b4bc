import ArgumentParser
import Audit
import XLABackend

/// Lists what can compute.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Lists what can compute, and what to install.",
    discussion: """
      gradleak has an engine of its own for processors, which needs nothing. Other devices are used through \
      plugins of XLA, which are packages of Python; they are looked for in the active environment and the usual \
      folders. GRADLEAK_PJRT_PLUGIN names a plugin's file in place of the search.

      EXAMPLES
        gradleak devices
        gradleak devices --json
        gradleak reconstruct chelsea --device auto
      """)

  @Flag(help: "Print JSON instead of text.")
  var json = false

  private struct Entry: Encodable {
    /// What `--device` takes.
    let name: String
    /// Whether it can be used.
    var isUsable = false
    /// Threads of the processor that share the work of gradleak's own engine; missing of other devices.
    var threads: Int?
    /// The device's own name; missing where it cannot be used.
    var kind: String?
    /// Devices that the plugin sees, of which the first is used.
    var count: Int?
    /// Bytes of the device's memory that programs can have; missing where the device has none of its own or does not say.
    var memory: Int?
    /// The plugin's file; missing where none was found.
    var plugin: String?
    /// Version of PJRT's C API that the plugin was built with.
    var pluginVersion: String?
    /// Version of StableHLO that the plugin reads; missing where it does not say.
    var stableHLOVersion: String?
    /// What the plugin says of its platform, such as the version of CUDA.
    var platformVersion: String?
    /// Why it cannot be used, in a sentence; missing where it can.
    var problem: String?
    /// What to type to have a plugin; missing where there is one.
    var installation: String?

    /// What people read.
    var text: String {
      if let threads { return "gradleak's own engine, \(threads) threads" }
      guard isUsable else {
        return problem ?? "no plugin was found; install one with \(installation ?? "")"
      }
      let memory = memory.map { ", \($0 >> 20) MiB" } ?? ""
      let stableHLO = stableHLOVersion.map { ", StableHLO \($0)" } ?? ""
      let others = count.map { $0 > 1 ? ", the first of \($0)" : "" } ?? ""
      return "\(kind ?? "")\(memory)\(others); PJRT \(pluginVersion ?? "")\(stableHLO); "
        + (plugin ?? "")
    }
  }

  func run() throws {
    let search = PluginSearch()
    let engine = try BackendChoice.cpu.backend()
    let own = Entry(
      name: engine.name, isUsable: true, threads: engine.capabilities.threadCount)
    let entries = [own] + XLAPlatform.allCases.map { entry($0, search.found(for: $0)) }
    if json {
      Terminal.write(try ResultWriter.json(entries), to: .standardOutput)
      return
    }
    Terminal.printEntries(entries.map { ($0.name, $0.text) }, style: .bold)
  }

  private func entry(_ platform: XLAPlatform, _ plugin: String?) -> Entry {
    var entry = Entry(name: platform.deviceName)
    guard let plugin else {
      entry.installation = platform.installation
      return entry
    }
    entry.plugin = plugin
    do throws(XLAError) {
      let device = try XLADevice(platform, plugin: plugin)
      entry.isUsable = true
      entry.kind = device.kind
      entry.count = device.count
      entry.memory = device.memoryByteCount
      entry.pluginVersion = device.pluginVersion
      entry.stableHLOVersion = device.stableHLOVersion
      entry.platformVersion = device.platformVersion
    } catch {
      entry.problem = error.message
    }
    return entry
  }
}
