import Synchronization

/// How many bytes a message may have: few until its sender is known.
package final class ByteLimit: Sendable {
  private let bytes: Atomic<Int>

  /// - Parameter value: in bytes.
  package init(_ value: Int) {
    bytes = Atomic(value)
  }

  /// In bytes.
  package var value: Int {
    get { bytes.load(ordering: .relaxed) }
    set { bytes.store(newValue, ordering: .relaxed) }
  }

  /// Of a message from someone who is not known yet.
  static let ofStrangers = 64 << 10
}
