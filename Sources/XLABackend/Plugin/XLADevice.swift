import CPJRT
import Foundation
import TensorGraph

/// The first device of a plugin, ready to compile and run.
///
/// Any number of threads may use it at a time, as PJRT's clients allow.
public final class XLADevice: @unchecked Sendable {
  /// Its kind.
  public let platform: XLAPlatform
  /// The plugin's file.
  public let plugin: String
  /// The device's name, such as "NVIDIA H100 80GB HBM3" or "cpu".
  public let kind: String
  /// What the plugin says of its platform, such as the version of CUDA.
  public let platformVersion: String
  /// Of PJRT's C API that the plugin was built with, such as "0.81".
  public let pluginVersion: String
  /// Of StableHLO that the plugin reads; nil where it does not say.
  public let stableHLOVersion: String?
  /// Bytes of the device's own memory that programs can have; nil where it has none or does not say.
  public let memoryByteCount: Int?
  /// Devices that the plugin sees; this is the first.
  public let count: Int

  /// PJRT's client, which is thread-safe; it is destroyed after all that it made, which retains this object.
  let client: OpaquePointer

  /// Opens the plugin for a platform that the variable `GRADLEAK_PJRT_PLUGIN` names, or else the first among Python's
  /// packages.
  ///
  /// - Throws: ``XLAError`` when there is none, or no device.
  public convenience init(_ platform: XLAPlatform) throws(XLAError) {
    try self.init(platform, plugin: PluginSearch().plugin(for: platform))
  }

  /// Opens a plugin.
  ///
  /// - Parameters:
  ///   - platform: what the plugin must be for; nil for any.
  ///   - plugin: its file. Its code is run.
  /// - Throws: ``XLAError`` when it cannot be used, has no device, or is for another platform.
  public init(_ platform: XLAPlatform?, plugin file: String) throws(XLAError) {
    let plugin = try XLAPlugin.load(file)
    let (client, found) = try XLADevice.client(
      of: plugin, file, for: platform ?? XLAPlatform(ofPluginNamed: file))
    self.client = client
    self.platform = found
    self.plugin = file
    kind = PluginFailure.line(cpjrt_client_device_kind(client).string)
    platformVersion = PluginFailure.line(cpjrt_client_platform_version(client).string)
    pluginVersion = plugin.version
    stableHLOVersion = plugin.stableHLOVersion
    let memory = cpjrt_client_memory(client)
    memoryByteCount = memory > 0 && found != .cpu ? Int(memory) : nil
    count = Int(cpjrt_client_device_count(client))
  }

  deinit { cpjrt_client_destroy(client) }

  /// A client, and the platform that it is on.
  private static func client(
    of plugin: XLAPlugin, _ file: String, for platform: XLAPlatform?
  ) throws(XLAError) -> (OpaquePointer, XLAPlatform) {
    let client: OpaquePointer
    do throws(PluginFailure) {
      client = try create(plugin, platform?.clientSettings ?? [])
    } catch {
      throw noClient(file, platform, error)
    }
    let name = cpjrt_client_platform(client).string.lowercased()
    let found = platform.map { [$0] } ?? XLAPlatform.allCases
    guard let match = found.first(where: { $0.pluginNames.contains(name) }) else {
      cpjrt_client_destroy(client)
      throw XLAError(
        "the plugin \(file) is for \(PluginFailure.line(name)), and not for "
          + (platform?.rawValue ?? XLAPlatform.allCases.map(\.rawValue).joined(separator: ", ")),
        .notAPlugin)
    }
    return (client, match)
  }

  private static func create(
    _ plugin: XLAPlugin, _ settings: [(name: String, value: Int64, isFlag: Bool)]
  ) throws(PluginFailure) -> OpaquePointer {
    // The names must live as long as the call.
    let names = settings.map { strdup($0.name) }
    defer { for name in names { free(name) } }
    let all = zip(settings, names).map { setting, name in
      cpjrt_setting(name: name, value: setting.value, is_flag: setting.isFlag ? 1 : 0)
    }
    var client: OpaquePointer?
    try PluginFailure.check(cpjrt_client_create(plugin.table, all, all.count, &client))
    guard let client else { throw PluginFailure(code: CPJRT_NO_DEVICE, words: "") }
    return client
  }

  private static func noClient(
    _ file: String, _ platform: XLAPlatform?, _ failure: PluginFailure
  ) -> XLAError {
    let device = platform?.deviceName ?? "any device"
    // 5, 9 and 14: nothing is there to run on.
    return [CPJRT_NO_DEVICE, 5, 9, 14].contains(failure.code)
      ? XLAError(
        "the plugin \(file) finds nothing to run on for \(device)\(failure.reason)", .noDevice)
      : XLAError(
        "the plugin \(file) cannot be opened for \(device)\(failure.reason)",
        failure.isForWantOfMemory ? .outOfMemory : .failed)
  }
}

extension cpjrt_text {
  /// The characters; wrong ones are replaced.
  var string: String {
    guard let start else { return "" }
    return start.withMemoryRebound(to: UInt8.self, capacity: count) {
      String(decoding: UnsafeBufferPointer(start: $0, count: count), as: UTF8.self)
    }
  }
}
