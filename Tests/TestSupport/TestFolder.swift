import Foundation

/// The folder of the package, where sources and documentation lie.
public let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()

/// Where the committed files that tests read lie.
public let fixtures = packageRoot.appendingPathComponent("Tests/Fixtures").path

/// A fresh folder, removed with all it holds when the object goes.
public final class TestFolder {
  /// Where it is.
  public let path: String

  /// A folder of its own below the temporary one.
  public init() {
    path = NSTemporaryDirectory() + "gradleak-test-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it.
  public func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Writes a file and returns its path.
  @discardableResult
  public func file(_ name: String, _ bytes: [UInt8]) -> String {
    try! Data(bytes).write(to: URL(fileURLWithPath: self(name)))
    return self(name)
  }

  /// The names of what is here, sorted.
  public var contents: [String] {
    try! FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }
}

/// The bytes of a file that must be there.
public func bytes(of path: String) -> [UInt8] {
  [UInt8](try! Data(contentsOf: URL(fileURLWithPath: path)))
}
