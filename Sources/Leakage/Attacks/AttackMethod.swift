/// What a trial ran, as records call it, and who can run it.
public struct AttackMethod: Sendable, Equatable {
  public let name: String
  /// Who can run it on a gradient.
  let category: ThreatModel.Category
  /// Whether images are solved for, not searched.
  var isClosedForm = false
  /// Whether it goes through a client's local steps, and so needs to know them.
  var followsTraining = true

  /// Who can run it on an update that was trained so; nil for one gradient.
  func category(after training: LocalTraining?) -> ThreatModel.Category {
    guard followsTraining, let training, !training.isOneStep else { return category }
    return category.afterLocalSteps(AttackNeed.localSteps)
  }
}

extension AttackMethod {
  /// No attack at all, on an update that is zero.
  static let nothing = AttackMethod(name: "none", category: .eavesdropper, followsTraining: false)
  static let linearLayer = AttackMethod(
    name: "linear layer", .linear, isClosedForm: true, followsTraining: false)
  static let layerPeeling = AttackMethod(name: "layer peeling", .peeling, isClosedForm: true)
  static let rGap = AttackMethod(name: "r-gap", .rGap, isClosedForm: true)
  static let april = AttackMethod(name: "april", .april, isClosedForm: true)
  static let spear = AttackMethod(name: "spear", .spear, isClosedForm: true)
  static let levenbergMarquardt = AttackMethod(name: "levenberg-marquardt", .levenbergMarquardt)
  /// Levenberg-Marquardt from what a closed form gave, which takes what the closed form takes.
  static func polish(_ closedForm: AttackMethod) -> AttackMethod {
    AttackMethod(
      name: levenbergMarquardt.name,
      category: max(closedForm.category, levenbergMarquardt.category))
  }

  static let lbfgs = AttackMethod(name: "l-bfgs", .levenbergMarquardt)

  /// Layer peeling, and a search below the layer where it ends.
  ///
  /// - Parameter isDetermined: whether the equations tell the images; a wish for smooth ones chooses
  ///   otherwise.
  static func openEnd(isDetermined: Bool) -> AttackMethod {
    AttackMethod(
      name: openEndName, category: isDetermined ? .eavesdropper : .informedEavesdropper)
  }

  static let openEndName = "layer peeling + levenberg-marquardt"

  static func plan(_ plan: OptimizationPlan) -> AttackMethod {
    AttackMethod(name: plan.name, category: plan.category)
  }

  /// The attack that gives the closed form's solution; nil for other methods.
  var closedForm: AttackKind? {
    switch self {
    case .linearLayer: .linear
    case .layerPeeling: .peeling
    case .rGap: .rGap
    case .april: .april
    case .spear: .spear
    default: nil
    }
  }

  private init(
    name: String, _ kind: AttackKind, isClosedForm: Bool = false, followsTraining: Bool = true
  ) {
    self.init(
      name: name, category: kind.category ?? .eavesdropper, isClosedForm: isClosedForm,
      followsTraining: followsTraining)
  }
}
