import Attacks

extension AttackCatalog {
  /// Attacks on updates of language models.
  public static var texts: [AttackDescriptor] { TextAttackKind.allCases.map(\.descriptor) }
}
