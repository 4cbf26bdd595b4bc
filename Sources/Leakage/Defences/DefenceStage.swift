/// Where in a client's work a defence acts.
public enum DefenceStage: Int, Comparable, Sendable {
  /// On the images, before the model sees them.
  case input
  /// On the model: what of it is trained.
  case model
  /// On the update, before it is sent.
  case update

  public static func < (left: DefenceStage, right: DefenceStage) -> Bool {
    left.rawValue < right.rawValue
  }
}

extension Defence {
  /// Where it acts.
  public var stage: DefenceStage {
    switch self {
    case .transform, .mixup, .instaHide, .secureAggregation: .input
    case .adapters, .bottleneck: .model
    case .gaussian, .laplacian, .prune, .topK, .randomK, .deepGradientCompression, .rounding, .int8,
      .qsgd, .ternGrad, .signSGD, .clip, .dpSGD, .freeze, .soteria:
      .update
    }
  }

  /// Whether it can be applied to a finished update.
  public var needsOnlyTheUpdate: Bool {
    if case .soteria = self { return false }
    return stage == .update
  }

  /// Whether the model sees other images than the private ones in their place.
  var encodesImages: Bool {
    switch self {
    case .transform, .mixup, .instaHide: true
    case .secureAggregation, .adapters, .bottleneck, .gaussian, .laplacian, .prune, .topK, .randomK,
      .deepGradientCompression, .rounding, .int8, .qsgd, .ternGrad, .signSGD, .clip, .dpSGD,
      .freeze,
      .soteria:
      false
    }
  }

  /// Whether an image may get several labels, each for a share.
  var mixesLabels: Bool {
    switch self {
    case .mixup, .instaHide: true
    case .transform, .secureAggregation, .adapters, .bottleneck, .gaussian, .laplacian, .prune,
      .topK, .randomK,
      .deepGradientCompression, .rounding, .int8, .qsgd, .ternGrad, .signSGD, .clip, .dpSGD,
      .freeze,
      .soteria:
      false
    }
  }
}

extension DefenceChain {
  /// Clients in whose sum the update is hidden; 1 without secure aggregation.
  public var clientCount: Int {
    for defence in defences {
      if case .secureAggregation(let clients) = defence { return clients }
    }
    return 1
  }

  /// Whether images of others are needed to simulate it.
  public var needsCompanions: Bool {
    clientCount > 1 || defences.contains { $0.mixesLabels }
  }

  /// Whether other images are mixed into each, and their labels into its.
  public var mixesImages: Bool { mixesLabels }

  var mixesLabels: Bool { defences.contains { $0.mixesLabels } }

  /// Whether it scores the features that the last layer reads.
  var needsRepresentation: Bool {
    defences.contains { if case .soteria = $0 { true } else { false } }
  }

  /// Size of the variational bottleneck that is put before the last layer; nil without.
  public var bottleneckSize: Int? {
    for defence in defences {
      if case .bottleneck(let size) = defence { return size }
    }
    return nil
  }

  /// The noise multiplier of DP-SGD, whose guarantee for single examples what follows cannot undo; nil
  /// without it, and where images were mixed first, so that one example is in several gradients.
  public var guaranteedNoiseMultiplier: Double? {
    guard !mixesLabels else { return nil }
    for defence in defences {
      if case .dpSGD(_, let noiseMultiplier) = defence { return noiseMultiplier }
    }
    return nil
  }

  /// Whether something else than the model itself is trained.
  public var changesModel: Bool { defences.contains { $0.stage == .model } }

  /// Rank of the adapters that are trained instead of the weights; nil without.
  public var adapterRank: Int? {
    for defence in defences {
      if case .adapters(let rank) = defence { return rank }
    }
    return nil
  }
}
