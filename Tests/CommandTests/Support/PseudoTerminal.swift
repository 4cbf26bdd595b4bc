import Foundation

/// A terminal, of 80 columns unless told otherwise, whose screen is this test.
final class PseudoTerminal {
  struct Unavailable: Error {}

  /// For the tool's output.
  let inside: FileHandle
  /// What the tool wrote to it.
  let capture: Capture
  private let outside: FileHandle

  init(columns: Int = 80) throws {
    var (descriptor, other): (Int32, Int32) = (-1, -1)
    var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    guard openpty(&descriptor, &other, nil, nil, &size) == 0 else { throw Unavailable() }
    outside = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    inside = FileHandle(fileDescriptor: other, closeOnDealloc: true)
    capture = Capture(outside)
  }

  /// To be called once the tool runs: the screen ends when the tool does.
  func closeInside() { try? inside.close() }
}
