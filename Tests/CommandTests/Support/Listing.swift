import Foundation
import TestSupport

/// Every file below a folder but the marker of result folders: its path, and its bytes (none for a folder or an
/// unreadable file).
func listing(of folder: String) -> [String: [UInt8]] {
  var files: [String: [UInt8]] = [:]
  for case let name as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
    if name.hasSuffix(".gradleak") { continue }
    let path = folder + "/" + name
    files[name] = (try? Data(contentsOf: URL(fileURLWithPath: path))).map { [UInt8]($0) } ?? []
  }
  return files
}

extension TestFolder {
  /// Copies a picture of Tests/Fixtures/images here.
  func picture(_ name: String, as copy: String = "photo.png") {
    _ = file(copy, bytes(of: "\(fixtures)/images/\(name)"))
  }
}
