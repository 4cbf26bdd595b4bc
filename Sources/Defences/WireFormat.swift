/// How an update is written for sending, for its size on the wire. Fixed-length codes: entropy coding
/// would save more.
public struct WireFormat: Hashable, Sendable {
  /// How the receiver learns which elements were sent.
  enum Indexing: Hashable, Sendable {
    /// All are, or whole tensors by agreement.
    case none
    /// A list of 32-bit indices or a bit for each element, whichever is shorter, for each tensor.
    case listed
    /// Both sides draw the same ones from a seed of 8 bytes.
    case seeded
    /// Zeros stand in the places of the others.
    case zeros
  }

  /// Bits of one number.
  private(set) var valueBits = 32.0
  /// Bytes for each tensor besides its numbers, such as a scale.
  private(set) var tensorOverhead = 0
  private(set) var indexing = Indexing.none
  /// Bytes of what is sent in another form, such as encrypted.
  private(set) var otherBytes = 0

  /// Numbers of `bits` bits. Noise or another scale afterwards makes them 32 bits wide again.
  public mutating func setValues(bits: Double, tensorOverhead: Int) {
    valueBits = bits
    self.tensorOverhead = tensorOverhead
  }

  /// Only some numbers of a tensor.
  ///
  /// - Parameter isSeeded: whether the receiver draws the same ones from a seed.
  public mutating func setSparse(isSeeded: Bool) {
    indexing = isSeeded && indexing != .listed ? .seeded : .listed
  }

  /// Bytes beside the numbers that can be read.
  public mutating func addBytes(_ count: Int) { otherBytes += count }

  /// Only some numbers of a tensor, and zeros in the places of the others, as arrays are sent.
  public mutating func setZeros() {
    if indexing == .none { indexing = .zeros }
  }

  /// Bytes of tensors of which `sent` out of `all` elements are sent.
  func byteCount(_ tensors: [(sent: Int, all: Int)]) -> Int {
    var bytes = otherBytes + (indexing == .seeded ? 8 : 0)
    for tensor in tensors where tensor.sent > 0 {
      func size(_ count: Int) -> Int { Int((Double(count) * valueBits / 8).rounded(.up)) }
      var ownBytes = size(indexing == .zeros ? tensor.all : tensor.sent)
      if indexing == .listed, tensor.sent < tensor.all {
        // Zeros are sent as well where that is shorter.
        ownBytes = min(ownBytes + min(4 * tensor.sent, (tensor.all + 7) / 8), size(tensor.all))
      }
      bytes += ownBytes + tensorOverhead
    }
    return bytes
  }
}
