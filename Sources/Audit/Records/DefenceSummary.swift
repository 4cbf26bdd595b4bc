import Defences

/// How the update of a run was defended, and whether the attacker took that into account.
public struct DefenceSummary: Codable, Sendable, Equatable {
  /// The short form, such as "prune:0.3+fp16".
  public var chain: DefenceChain
  /// Whether the attack knew of the defences and answered them.
  public var isAdaptive: Bool
  /// Bytes of the message that carries the update.
  public var wireByteCount: Int
  /// Bytes of the undefended update in f32.
  public var plainByteCount: Int
  /// Numbers that were sent.
  public var sentCount: Int

  /// Of the properties of these names.
  public init(
    chain: DefenceChain, isAdaptive: Bool, wireByteCount: Int, plainByteCount: Int, sentCount: Int
  ) {
    self.chain = chain
    self.isAdaptive = isAdaptive
    self.wireByteCount = wireByteCount
    self.plainByteCount = plainByteCount
    self.sentCount = sentCount
  }

  init(_ chain: DefenceChain, _ shared: DefendedUpdate, isAdaptive: Bool) {
    self.init(
      chain: chain, isAdaptive: isAdaptive, wireByteCount: shared.wireByteCount,
      plainByteCount: shared.plainByteCount, sentCount: shared.counterAttack.sentCount)
  }
}
