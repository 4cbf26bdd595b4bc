import Clients

extension OptimizationPlan {
  /// What the attacker must know, besides the update.
  public var needs: [AttackNeed] {
    var needs = AttackNeed.gradient
    needs += AttackNeed.localSteps.filter { epochs == .shared || $0.fact != .miniBatchOrder }
    if prior.batchNorm.weight > 0 {
      needs.removeAll { $0.fact == .batchNormStatistics }
      needs.append(AttackNeed(.batchNormStatistics))
    }
    if labels == .known { needs.append(AttackNeed(.labels)) }
    if initialization.kind == .given { needs.append(AttackNeed(.similarImage)) }
    return needs
  }

  /// Who can run the plan on a gradient.
  public var category: ThreatModel.Category {
    if prior.batchNorm.weight > 0 { return .statisticalInformedEavesdropper }
    if initialization.kind == .given { return .dataEnhancedEavesdropper }
    return presumesImages ? .informedEavesdropper : .eavesdropper
  }

  /// Whether the plan uses what is true of images in general: that they are smooth, that pixels have a
  /// range.
  private var presumesImages: Bool {
    prior.totalVariation.weight > 0 || prior.norm.weight > 0 || prior.box.weight > 0
      || prior.orthogonality.weight > 0 || solver.kind == .adam && constraints.box
      || constraints.medianFilterEvery > 0 || inputs == .structured
  }
}
