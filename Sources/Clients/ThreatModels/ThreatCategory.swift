extension ThreatModel {
  /// The threat models A to H of Carletti et al. ("SoK: Gradient Inversion Attacks in Federated
  /// Learning", USENIX Security 2025), by what an attacker has: each column of the authors' table is a
  /// row here.
  ///
  /// | | A | B | C | D | E | F | G | H |
  /// |---|---|---|---|---|---|---|---|---|
  /// | model and its updates | yes | yes | yes | yes | yes | yes | yes | yes |
  /// | basic knowledge of images | | yes | yes | yes | yes | yes | yes | yes |
  /// | training details | | | yes | yes | yes | yes | yes | yes |
  /// | surrogate data | | | | yes | yes | | yes | yes |
  /// | distribution of the client's data | | | | | yes | | | |
  /// | manipulates the model | | | | | | yes | yes | yes |
  /// | chooses the clients | | | | | | | | yes |
  public enum Category: String, Codable, Sendable, CaseIterable, Comparable {
    case eavesdropper = "A"
    case informedEavesdropper = "B"
    case parameterAwareEavesdropper = "C"
    case dataEnhancedEavesdropper = "D"
    case statisticalInformedEavesdropper = "E"
    case activeManipulator = "F"
    case dataEnhancedManipulator = "G"
    case activeClientManipulator = "H"

    /// The authors' name.
    public var title: String {
      switch self {
      case .eavesdropper: "eavesdropper"
      case .informedEavesdropper: "informed eavesdropper"
      case .parameterAwareEavesdropper: "parameter-aware eavesdropper"
      case .dataEnhancedEavesdropper: "data-enhanced eavesdropper"
      case .statisticalInformedEavesdropper: "statistical-informed eavesdropper"
      case .activeManipulator: "active manipulator"
      case .dataEnhancedManipulator: "data-enhanced manipulator"
      case .activeClientManipulator: "active client manipulator"
      }
    }

    /// By letter; among A to E each has what those before it have.
    public static func < (left: Category, right: Category) -> Bool {
      left.rawValue < right.rawValue
    }
  }
}

extension ThreatModel.Category: CustomStringConvertible {
  /// Such as "B, informed eavesdropper".
  public var description: String { "\(rawValue), \(title)" }

  /// For people, of a result.
  public var requirement: String { "the result takes at least threat model \(rawValue) (\(title))" }
}
