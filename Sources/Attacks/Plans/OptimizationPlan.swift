import Solvers
import TensorGraph

/// An optimisation attack as data: objective, priors, solver with its schedule, initialisation, label
/// strategy and constraints, each exchangeable.
///
/// The attack minimises `objective.weight · D(x) + Σ prior weights · R(x)` over the dummy images x,
/// and over dummy labels where those are sought too. The papers' attacks are ``AttackPresets``; a
/// user's own is read by ``PlanDocument``, as a difference from ``init()``.
public struct OptimizationPlan: Codable, Sendable, Hashable {
  /// What a plan is, for people.
  public struct About: Codable, Sendable, Hashable {
    /// For lists.
    public var title = "your own plan"
    /// Authors, year and arXiv number of the source.
    public var paper = ""
    /// The idea in a sentence or two.
    public var summary = ""
    /// What the paper assumes of the attacker beyond the update, the model and the batch size.
    public var assumes = ""
  }

  /// On the command line and as the method's name in records.
  public var name = "plan"
  /// What it is, for people.
  public var about = About()
  /// Of all graphs.
  public var precision = Precision.f32
  /// Starts; the one with the lowest objective counts.
  public var trials = 1
  /// Iterations of the solver in each trial, shared evenly by the ``scales``.
  public var iterations = 2000
  /// What the gradients' distance is.
  public var objective = MatchingObjective()
  /// What is known of images.
  public var prior = Priors()
  /// How the sum is minimised.
  public var solver = SolverSettings()
  /// Where the search starts.
  public var initialization = Initialization()
  /// Which labels go with the images.
  public var labels = LabelSource.recovered
  /// What holds after every step.
  public var constraints = Constraints()
  /// What dummy inputs can be.
  public var inputs = InputForm.free
  /// Which images a client's epochs are given.
  public var epochs = EpochVariables.shared
  /// Share of the full height and width at which the images are sought, one stage after another;
  /// each begins where the last one ended, bilinearly enlarged. The last must be 1.
  public var scales = [1.0]

  /// Inverting Gradients without a prior: signed Adam on the cosine.
  public init() {}
}

/// What the dummy gradient's distance to the shared one is.
public struct MatchingObjective: Codable, Sendable, Hashable {
  /// A distance of the dummy gradient g' from the shared one g, over the tensors l.
  public enum Kind: String, PlanChoice {
    /// Σ wₗ ‖g'ₗ - gₗ‖² (Zhu et al. 2019).
    case l2
    /// Σ wₗ ‖g'ₗ - gₗ‖₁.
    case l1
    /// Σ ‖g'ₗ - gₗ‖² + α wₗ ‖g'ₗ - gₗ‖₁ (Deng et al. 2021, arXiv 2103.06819, section 3).
    case tag
    /// 1 - cos(g', g) over all tensors together (Geiping et al. 2020, arXiv 2003.14053, section 4).
    case cosine
    /// The mean of 1 - cos(g'ₗ, gₗ) over the tensors, weighted by wₗ.
    case layerCosine = "layer-cosine"
    /// ``cosine`` over the elements whose shared gradient exceeds ``MatchingObjective/maskBelow``.
    case maskedCosine = "masked-cosine"
    /// The angle between g' and g, divided by π.
    case angular

    /// Whether the distance is a function of inner products of the gradients.
    var comparesDirections: Bool {
      switch self {
      case .cosine, .layerCosine, .angular: true
      case .l2, .l1, .tag, .maskedCosine: false
      }
    }
  }

  /// How the weights wₗ fall from the first of L tensors, 0, to the last.
  public enum LayerWeights: String, PlanChoice {
    case equal
    /// (L - l) / L.
    case linear
    /// exp(-l).
    case exponential
  }

  /// Which distance.
  public var kind = Kind.cosine
  /// Factor of the whole objective.
  public var weight = 1.0
  /// α of ``Kind/tag``.
  public var l1Weight = 0.01
  /// Of ``Kind/maskedCosine``: smaller shared elements, in absolute value, do not count.
  public var maskBelow = 1e-6
  /// The weights wₗ.
  public var layerWeights = LayerWeights.equal
  /// Names of the parameters to match, or their beginnings ("layer1", "fc"); all when empty.
  public var parameters: [String] = []
}

/// Which labels go with the dummy images.
public enum LabelSource: String, PlanChoice {
  /// Soft labels, sought as logits together with the images (Zhu et al. 2019).
  case joint
  /// iDLG's rule for one image, the analytic rule of ``LabelRecovery/batchLabels(of:_:)`` for more.
  case recovered
  /// iDLG's rule; refuses batches (Zhao et al. 2020).
  case single
  /// The batch's K classes whose weight gradients have the most negative entries; presumes that no
  /// label repeats (Yin et al. 2021, arXiv 2104.07586, section 3.1).
  case mostNegative = "most-negative"
  /// The true labels, which the attacker must have been told.
  case known
}

/// What dummy inputs can be.
public enum InputForm: String, PlanChoice {
  /// Any numbers, but for constraints.
  case free
  /// What the model's ``Clients/Model/inputStructure`` allows, from all starts pooled (Vero et al. 2023, arXiv 2210.01785).
  case structured
}

/// Which dummy images a client's epochs are given, where several mini-batches make one.
public enum EpochVariables: String, PlanChoice {
  /// The same in each epoch, in an order that must be known.
  case shared
  /// Each epoch its own, so that no order need be known; the result is the mean over epochs of the
  /// images that resemble each other (Dimitrov et al. 2022, arXiv 2206.12395, section 4).
  case separate
}

/// Where the search starts.
public struct Initialization: Codable, Sendable, Hashable {
  /// A distribution.
  public enum Kind: String, PlanChoice {
    /// N(mean, deviation²).
    case normal
    /// Uniform in mean ± deviation.
    case uniform
    /// Everywhere the mean.
    case constant
    /// A square tile of N(mean, deviation²), repeated over the image (Wei et al. 2020, section 4).
    case pattern
    /// Images that the caller gives.
    case given
  }

  /// Which distribution.
  public var kind = Kind.normal
  /// Of pixel values.
  public var mean = 0.0
  /// Of pixel values.
  public var deviation = 1.0
  /// Height and width of a ``Kind/pattern``'s tile, in pixels.
  public var tile = 4
}

/// What dummy images must satisfy after every step of a first-order solver.
public struct Constraints: Codable, Sendable, Hashable {
  /// Pixels are clamped to 0...1.
  public var box = true
  /// A 3x3 median filter replaces the images every so many iterations; 0 for never.
  public var medianFilterEvery = 0
}

/// How the objective is minimised.
public struct SolverSettings: Codable, Sendable, Hashable {
  /// A solver.
  public enum Kind: String, PlanChoice {
    case adam
    /// With a strong-Wolfe line search; has no rate, schedule, noise or constraints.
    case lbfgs
  }

  /// Which solver.
  public var kind = Kind.adam
  /// Adam's rate, in units of pixel values.
  public var rate = 0.1
  /// How Adam's rate falls.
  public var schedule = Adam.Schedule.steps
  /// Iterations over which the rate rises linearly from 0 first.
  public var warmUp = 0
  /// What Adam sees of the gradient.
  public var gradient = Adam.GradientForm.sign
  /// Largest Euclidean norm of the gradient, longer ones are shortened; 0 for no limit.
  public var clip = 0.0
  /// Langevin noise: after each step normal noise of this many rates is added.
  public var noise = 0.0
  /// Decoupled weight decay (AdamW).
  public var weightDecay = 0.0
}
