import Attacks

extension AttackCatalog {
  /// Attacks on updates of language models.
  package static var texts: [AttackDescriptor] { TextAttackKind.allCases.map(\.descriptor) }
}
