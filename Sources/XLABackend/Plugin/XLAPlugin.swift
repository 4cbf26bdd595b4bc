import CPJRT
import Foundation
import Synchronization

/// A plugin of XLA that this process has loaded; it stays so until the process ends.
struct XLAPlugin: @unchecked Sendable {
  /// The library's table of functions, which never changes.
  let table: OpaquePointer
  /// Of the C API that the plugin was built with.
  let version: String
  /// Of StableHLO that the plugin reads; nil where it does not say.
  let stableHLOVersion: String?

  /// Versions of the C API: the major one, and the least minor one. The table's order changed with 0.57.
  static let majorVersion: Int32 = 0
  static let leastMinorVersion: Int32 = 57

  private static let loaded = Mutex<[String: XLAPlugin]>([:])

  /// The plugin in a file, which is loaded at most once.
  ///
  /// Loading runs the library's own code.
  ///
  /// - Throws: ``XLAError`` when the file is no plugin, or one of a version that is not spoken here.
  static func load(_ path: String) throws(XLAError) -> XLAPlugin {
    // A library's name without a folder would be looked for in the system's.
    let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    return try loaded.withLock { loaded throws(XLAError) in
      if let plugin = loaded[file] { return plugin }
      let plugin = try XLAPlugin(file)
      loaded[file] = plugin
      return plugin
    }
  }

  private init(_ file: String) throws(XLAError) {
    guard FileManager.default.isReadableFile(atPath: file) else {
      throw XLAError("there is no plugin of XLA at \(file)", .notFound)
    }
    XLAPlugin.prepareEnvironment()
    var table: OpaquePointer?
    do throws(PluginFailure) {
      try PluginFailure.check(cpjrt_load(file, &table))
    } catch {
      throw XLAPlugin.notLoaded(file, error)
    }
    guard let table else { throw XLAError("\(file) is no plugin of XLA", .notAPlugin) }
    let version = cpjrt_plugin_version(table)
    try XLAPlugin.check(version, of: file)
    do throws(PluginFailure) {
      try PluginFailure.check(cpjrt_plugin_initialize(table))
    } catch {
      throw XLAError("the plugin \(file) does not start\(error.reason)", .notAPlugin)
    }
    self.table = table
    self.version = "\(version.major).\(version.minor)"
    var numbers = [Int64](repeating: 0, count: 3)
    let count = cpjrt_plugin_numbers(
      table, "stablehlo_current_version", &numbers, numbers.count)
    stableHLOVersion =
      count > 0 ? numbers.prefix(Int(count)).map(String.init).joined(separator: ".") : nil
  }

  /// - Throws: ``XLAError`` for a version that is not spoken here.
  static func check(_ version: cpjrt_version, of file: String) throws(XLAError) {
    guard version.major == majorVersion, version.minor >= leastMinorVersion else {
      throw XLAError(
        "the plugin \(file) speaks version \(version.major).\(version.minor) of PJRT's C API, and gradleak "
          + "\(majorVersion).\(leastMinorVersion) and later ones of \(majorVersion); "
          + (version.major > majorVersion
            ? "install an older plugin or a newer gradleak" : "install a newer plugin"),
        .otherVersion)
    }
  }

  private static func notLoaded(_ file: String, _ failure: PluginFailure) -> XLAError {
    switch failure.code {
    case CPJRT_NOT_LOADED:
      XLAError("the plugin \(file) cannot be loaded\(failure.reason)", .notAPlugin)
    default:
      XLAError("\(file) is no plugin of XLA: it has no usable GetPjrtApi", .notAPlugin)
    }
  }

  /// What XLA reads from the environment when it is loaded; what the user has set stays.
  private static func prepareEnvironment() {
    // Plugins log to standard error whatever they do.
    setenv("TF_CPP_MIN_LOG_LEVEL", "3", 0)
    // Outside Google's cloud the library for TPUs would ask for a server that is not there, and wait.
    setenv("TPU_SKIP_MDS_QUERY", "1", 0)
  }
}
