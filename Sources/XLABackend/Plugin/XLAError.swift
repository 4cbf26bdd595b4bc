import CPJRT
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a plugin of XLA cannot be used, or did not do what it was asked for.
public struct XLAError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What callers can tell apart.
  public enum Kind: Hashable, Sendable {
    /// No plugin is installed.
    case notFound
    /// The file is no plugin, or cannot be loaded.
    case notAPlugin
    /// A plugin of a version that gradleak does not speak.
    case otherVersion
    /// A plugin without a device to run on.
    case noDevice
    /// Memory gave out.
    case outOfMemory
    /// The plugin refused what it was asked for, or the device failed.
    case failed
  }

  /// One sentence without a full stop: what is wrong, and how to mend it.
  public let message: String
  /// Where it went wrong.
  public let kind: Kind

  init(_ message: String, _ kind: Kind) {
    self.message = message
    self.kind = kind
  }

  /// The sentence.
  public var description: String { message }
}

/// How a call of the plugin's failed.
struct PluginFailure: Error {
  /// As in `cpjrt_status`.
  let code: Int32
  /// What the plugin said, on one line of bounded length; empty for nothing.
  let words: String

  /// Codes of absl::StatusCode.
  var isForWantOfMemory: Bool { code == 8 || code == CPJRT_NO_MEMORY }

  /// The words behind a colon; nothing for none.
  var reason: String { words.isEmpty ? "" : ": " + words }

  /// - Throws: ``PluginFailure`` unless the call succeeded.
  static func check(_ status: cpjrt_status) throws(PluginFailure) {
    guard status.code != 0 else { return }
    defer { free(status.message) }
    throw PluginFailure(
      code: status.code, words: status.message.map { line(String(cString: $0)) } ?? "")
  }

  /// The first line, which tells; a stack of calls may follow. Plugins give no promise on length or characters.
  static func line(_ text: String) -> String {
    let first = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    let printable = String(first.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
    var trimmed = printable[...]
    while let last = trimmed.last, last == "." || last == " " { trimmed.removeLast() }
    return trimmed.count > 300 ? trimmed.prefix(300) + "..." : String(trimmed)
  }
}
