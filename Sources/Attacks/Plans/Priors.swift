/// What is known of images before any gradient is seen, each with a weight; 0 switches a prior off.
public struct Priors: Codable, Sendable, Hashable {
  /// Mean over positions of (|Δy|^p + |Δx|^p)^q, Δ being differences of neighbouring pixels: p = q =
  /// 1 is anisotropic, p = 2 with q = 1/2 isotropic (Rudin, Osher and Fatemi 1992).
  ///
  /// With q = 1 the two directions part, and each is averaged over its own differences; otherwise
  /// differences across the image's edge are 0.
  public struct TotalVariation: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
    /// p.
    public var innerExponent = 1.0
    /// q.
    public var outerExponent = 1.0
    /// Counts R - G, R - B and G - B as channels too.
    public var colorOpponents = false
  }

  /// Mean of |x|^p / p.
  public struct Norm: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
    /// p.
    public var exponent = 2.0
  }

  /// Σₗ ‖μₗ(x) - μₗ‖₂ + ‖σ²ₗ(x) - σ²ₗ‖₂ over the batch normalisations, whose running statistics the
  /// attacker knows (Yin et al. 2021, arXiv 2104.07586, equation 11).
  public struct BatchNorm: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
    /// Further factor of the first layer.
    public var firstLayerFactor = 10.0
  }

  /// Mean of (h(x) - h)², h being the features that the last layer reads: for label y the row y of
  /// its weight's gradient, divided by its bias's (Geiping et al. 2020, proposition 3.1).
  public struct Features: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
  }

  /// Σ ‖xₛ - mean over s of xₛ‖²: several dummy batches are sought side by side and kept near their
  /// mean (Yin et al. 2021, section 3.3, without their image registration).
  public struct Group: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
    /// Dummy batches; the one that matches best is the result.
    public var seeds = 1
  }

  /// Σ over pairs of different images of the mean of (xᵢ xⱼ)² (Qian et al. 2021).
  public struct Orthogonality: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
  }

  /// Mean of the squared excess over 0...1: a soft box.
  public struct Box: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
  }

  /// Mean over images of ‖softmax(f(x)) - y‖² (Wei et al. 2020, arXiv 2004.10397).
  public struct Label: Codable, Sendable, Hashable {
    /// 0 for off.
    public var weight = 0.0
  }

  /// Mean over pairs of epochs of the mean over pixels of (a(xₑ) - a(xₒ))², xₑ being the images of epoch e
  /// and a their mean or maximum, which do not depend on their order: epochs see the same images
  /// (Dimitrov et al. 2022, arXiv 2206.12395, section 4). For ``EpochVariables/separate`` alone.
  public struct EpochOrder: Codable, Sendable, Hashable {
    /// What an epoch's images are summed up by.
    public enum Aggregate: String, PlanChoice {
      case mean
      case max
    }

    /// 0 for off.
    public var weight = 0.0
    /// The function a.
    public var aggregate = Aggregate.mean
  }

  /// Images are smooth.
  public var totalVariation = TotalVariation()
  /// Pixel values are small.
  public var norm = Norm()
  /// The running statistics fit.
  public var batchNorm = BatchNorm()
  /// The last layer reads what its gradient tells.
  public var features = Features()
  /// Several dummy batches agree.
  public var group = Group()
  /// Images of a batch differ.
  public var orthogonality = Orthogonality()
  /// Pixels lie in 0...1.
  public var box = Box()
  /// The model is sure of the labels.
  public var label = Label()
  /// Epochs see the same images.
  public var epochOrder = EpochOrder()

  /// All weights with their names.
  var weights: [(name: String, weight: Double)] {
    [
      ("totalVariation", totalVariation.weight), ("norm", norm.weight),
      ("batchNorm", batchNorm.weight), ("features", features.weight), ("group", group.weight),
      ("orthogonality", orthogonality.weight), ("box", box.weight), ("label", label.weight),
      ("epochOrder", epochOrder.weight),
    ]
  }

  /// Whether any prior is switched on.
  var areActive: Bool { weights.contains { $0.weight > 0 } }
}
