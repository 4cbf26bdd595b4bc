/// What is done to private records before anybody sees what was made of them, as far as differential privacy depends on it.
///
/// A *record* is what the guarantee is about: one example, or all of a client's where whole updates are clipped.
public struct PrivacySetting: Codable, Sendable, Equatable {
  /// What is scaled down to at most ``clip``.
  public enum ClippedUnit: String, Codable, Sendable, CaseIterable {
    /// The gradient or update of one record, all tensors together.
    case record
    /// Each tensor or layer of it by itself, each to ``clip``.
    case layer
    /// The sum or mean of a batch, after its records were added.
    case batch
  }

  /// What noise is added to.
  public enum NoisyQuantity: String, Codable, Sendable, CaseIterable {
    /// The sum over a round's records.
    case sum
    /// Their mean: the sum divided by ``batchSize``.
    case mean
  }

  /// How a round's records are chosen.
  public enum Sampling: String, Codable, Sendable, CaseIterable {
    /// Each by itself with the sampling rate.
    case poisson
    /// A set of fixed size, drawn anew each round.
    case fixed
    /// Batches of a shuffled list, each record once an epoch.
    case shuffled
  }

  /// Which two data sets must be hard to tell apart.
  public enum Adjacency: String, Codable, Sendable, CaseIterable {
    /// With and without a record.
    case addRemove = "add-remove"
    /// A record in place of another.
    case replaceOne = "replace-one"
  }

  /// What outlives or undoes the noise.
  public enum Flaw: String, Codable, Sendable, CaseIterable {
    /// Batch normalisation with the batch's own statistics.
    case batchNorm = "batch-norm"
    /// A clipping norm that is computed from the private gradients without noise.
    case clipFromData = "clip-from-data"
    /// The same random numbers in several rounds or at several clients.
    case repeatedNoise = "repeated-noise"
    /// Tensors that are sent without noise.
    case noiselessTensors = "noiseless-tensors"
    /// Noise that is added before clipping.
    case noiseBeforeClip = "noise-before-clip"
  }

  /// The norm to which ``clipped`` is scaled down; missing where nothing is clipped.
  public var clip: Double?
  /// What is scaled down.
  public var clipped = ClippedUnit.record
  /// Tensors that are clipped by themselves; used for `layer` alone.
  public var layers = 1
  /// Standard deviation of the normal noise in units of ``sensitivity``; missing where ``noise`` says it.
  public var noiseMultiplier: Double?
  /// Standard deviation of the normal noise; missing where ``noiseMultiplier`` says it. 0 is no noise.
  public var noise: Double?
  /// What noise is added to.
  public var noiseOn = NoisyQuantity.sum
  /// What a record changes at most, according to whoever chose the noise; missing where that is ``clip``.
  public var sensitivity: Double?
  /// Clients whose noise adds up to this one: each adds a share of the variance.
  public var noiseShares = 1
  /// Records by which the sum is divided; missing where it is not known.
  public var batchSize: Int?
  /// Records that batches are drawn from; missing where it is not known.
  public var records: Int?
  /// The share of records in a round, in 0...1.
  public var samplingRate = 1.0
  /// How they are chosen.
  public var sampling = Sampling.poisson
  /// Rounds or steps that touch the data.
  public var rounds = 1
  /// What must be hard to tell apart.
  public var adjacency = Adjacency.addRemove
  /// What undoes the noise.
  public var flaws: [Flaw] = []
  /// The δ of the guarantee, in 0...1 without the ends.
  public var delta = 1e-5
  /// The ε that is claimed; missing where none is.
  public var claimedEpsilon: Double?

  /// One record in each round, and nothing done to it.
  public init() {}
}

extension PrivacySetting {
  /// What the noise was chosen for.
  var usedSensitivity: Double { sensitivity ?? clip ?? 1 }

  /// Standard deviation of the noise that an observer cannot take out, on the sum or mean.
  var deviation: Double {
    (noise ?? (noiseMultiplier ?? 0) * usedSensitivity) / Double(max(noiseShares, 1)).squareRoot()
  }

  /// What one record more or less changes at most of what noise is added to; infinite where nothing bounds it.
  var trueSensitivity: Double {
    guard let clip else { return .infinity }
    switch clipped {
    // Whatever the record is, the clipped batch can turn into any other.
    case .batch: return 2 * clip
    case .layer: return clip * Double(max(layers, 1)).squareRoot() / divisor
    case .record: return clip / divisor
    }
  }

  private var divisor: Double { noiseOn == .mean ? Double(max(batchSize ?? 1, 1)) : 1 }

  /// By how much more another record in its place changes it.
  var replacementFactor: Double { clipped == .batch ? 1 : 2 }
}
