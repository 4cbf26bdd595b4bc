import Foundation

/// The last part of a path.
public func fileName(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }

/// The last part of a path without its extension.
public func fileStem(_ path: String) -> String {
  URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
}
