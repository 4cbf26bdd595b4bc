import Clients

/// What a malicious server plants.
public enum MaliciousMethod: String, Codable, Sendable, CaseIterable {
  /// See `ImprintServer`.
  case robbingTheFed = "robbing-the-fed"
  /// See `TrapWeights`.
  case trapWeights = "trap-weights"
  /// See `FishingServer`: classes that occur once, one a round.
  case fishing
  /// See `FishingServer`: one image of a batch of a single class, by bisection over rounds.
  case featureFishing = "feature-fishing"

  /// What it is and takes. Categories are what Carletti et al. take the methods' papers for: planting bins or
  /// traps takes data like the clients'.
  public var descriptor: AttackDescriptor {
    switch self {
    case .robbingTheFed:
      descriptor(
        "a block in front of the model sorts images into bins",
        paper: "Fowl et al. 2022, arXiv 2110.13057", .dataEnhancedManipulator, searches: false)
    case .trapWeights:
      descriptor(
        "units of the first layer that fire for one image alone",
        paper: "Boenisch et al. 2021, arXiv 2112.02918", .dataEnhancedManipulator, searches: false)
    case .fishing:
      descriptor(
        "the last layer keeps one class's gradient",
        paper: "Wen et al. 2022, arXiv 2202.00580", .activeManipulator, searches: true)
    case .featureFishing:
      descriptor(
        "the last layer keeps one image's gradient, of a single class",
        paper: "Wen et al. 2022, arXiv 2202.00580", .activeManipulator, searches: true)
    }
  }

  private func descriptor(
    _ summary: String, paper: String, _ category: ThreatModel.Category, searches: Bool
  ) -> AttackDescriptor {
    AttackDescriptor(
      name: AttackName(rawValue: rawValue), summary: summary, paper: paper,
      needs: AttackNeed.gradient, category: category, searches: searches)
  }
}
