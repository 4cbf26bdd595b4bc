import ArgumentParser
import CPUBackend
import Foundation
import TensorGraph
import XLABackend

/// What computes: the only place that knows which backends there are.
enum BackendChoice: Hashable, ExpressibleByArgument {
  /// gradleak's own engine.
  case cpu
  /// The interpreter that engines are measured against.
  case reference
  /// The first device of a platform of XLA's.
  case xla(XLAPlatform)
  /// The first device of the plugin in a file.
  case plugin(String)
  /// The first GPU or TPU that there is, and the processor otherwise.
  case automatic

  /// What is looked for when nothing is asked for: what may be faster than the processor.
  private static let accelerators: [XLAPlatform] = [.cuda, .rocm, .tpu]

  private static let named: [(name: String, choice: BackendChoice)] =
    [(name: "cpu", choice: BackendChoice.cpu)]
    + XLAPlatform.allCases.map { (name: $0.deviceName, choice: BackendChoice.xla($0)) }
    + [(name: "auto", choice: .automatic), (name: "reference", choice: .reference)]

  static let allValueStrings = named.map(\.name)

  init?(argument: String) {
    if let known = BackendChoice.named.first(where: { $0.name == argument }) {
      self = known.choice
    } else if argument.contains("/") {
      self = .plugin(argument)
    } else {
      return nil
    }
  }

  var defaultValueDescription: String {
    if case .plugin(let file) = self { return file }
    return BackendChoice.named.first { $0.choice == self }?.name ?? ""
  }

  /// - Parameter threads: of the processor that share the work of a run; nil for all of them.
  /// - Throws: `XLAError` when there is no such device.
  func backend(threads: Int? = nil) throws -> any Backend {
    let cpu = CPUBackend(CPUBackend.Options(threadCount: threads))
    func xla(_ device: XLADevice) -> XLABackend {
      XLABackend(
        device, linearAlgebra: cpu.linearAlgebra, cacheFolder: BackendChoice.cacheFolder)
    }
    switch self {
    case .cpu: return cpu
    case .reference: return ReferenceInterpreter()
    case .xla(let platform): return xla(try XLADevice(platform))
    case .plugin(let file): return xla(try XLADevice(nil, plugin: file))
    case .automatic:
      let search = PluginSearch()
      for platform in BackendChoice.accelerators {
        guard let plugin = search.found(for: platform) else { continue }
        do {
          return xla(try XLADevice(platform, plugin: plugin))
        } catch {
          Notes.remark("The processor computed: \(error.message).")
        }
      }
      return cpu
    }
  }

  /// Where compiled programs are kept: what the XDG Base Directory Specification says.
  private static var cacheFolder: String? {
    let environment = ProcessInfo.processInfo.environment
    let folders = [environment["XDG_CACHE_HOME"], environment["HOME"].map { $0 + "/.cache" }]
    return folders.compactMap(\.self).first { $0.hasPrefix("/") }.map { $0 + "/gradleak/xla" }
  }
}
