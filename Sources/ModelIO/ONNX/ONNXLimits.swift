/// Bounds on what a model file may ask for, checked before anything of that size is allocated.
///
/// A file of n bytes needs at most a small multiple of n bytes to decode (the number of its messages
/// is bounded by ``maximumMessages``), 8 bytes for each of the ``maximumConstantElements`` to fold
/// constants, and some hundred bytes for each of the ``maximumNodes`` to lower.
public struct ONNXLimits: Hashable, Sendable {
  /// Bytes of the model file, without external data. Protobuf itself ends at 2 GiB.
  public var maximumFileBytes = Int(Int32.max)
  /// Nodes, attributes, tensors and other messages in the file.
  public var maximumMessages = 4_000_000
  /// Bytes of one name.
  public var maximumNameBytes = 1 << 14
  /// Operators lowered, counting those of local functions at each call.
  public var maximumNodes = 100_000
  /// Depth of calls of local functions and of branches.
  public var maximumDepth = 20
  /// Elements of one value.
  public var maximumElements = 1 << 31
  /// Elements of all values of the lowered graph together.
  public var maximumTotalElements = 1 << 37
  /// Elements of all constants that are computed while lowering (those of the file not counted).
  public var maximumConstantElements = 1 << 27

  /// The defaults above.
  public init() {}

  /// Generous bounds for models that a person chose to open.
  public static let `default` = ONNXLimits()

  /// Small bounds, for running many hostile files in a row.
  public static var strict: ONNXLimits {
    var limits = ONNXLimits()
    limits.maximumFileBytes = 1 << 24
    limits.maximumMessages = 100_000
    limits.maximumNodes = 20_000
    limits.maximumElements = 1 << 26
    limits.maximumTotalElements = 1 << 30
    limits.maximumConstantElements = 1 << 20
    return limits
  }
}
