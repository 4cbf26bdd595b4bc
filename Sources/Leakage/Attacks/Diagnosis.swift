/// What an attack's end means: whether the data came back, and if not, why.
public struct Diagnosis: Codable, Sendable, Equatable {
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    /// The matching loss is at rounding level and the solution is locally the only one.
    case recovered
    /// The matching loss is at rounding level, and all but a few directions are determined.
    case recoveredUpToAmbiguity = "recovered up to ambiguity"
    /// No point with a matching loss at rounding level was found.
    case stuck
    /// The matching loss is at rounding level, but many other batches have the same gradient.
    case notDetermined = "not determined by this gradient"
  }

  public var verdict: Verdict
  /// One or two sentences for people.
  public var explanation: String
  /// Matching loss divided by the squared norm of the shared update.
  public var relativeMatchingLoss: Double
  /// Numbers sought: pixels of the batch.
  public var unknowns: Int
  /// Largest number of independent equations that the gradient can give, counted layer by layer; nil
  /// when the model is no chain of layers.
  public var equationBound: Int?
  /// Smallest and largest eigenvalue of JᵀJ at the solution, estimated; nil when not known.
  public var smallestEigenvalue: Double?
  public var largestEigenvalue: Double?

  public init(
    verdict: Verdict, explanation: String, relativeMatchingLoss: Double, unknowns: Int,
    equationBound: Int? = nil, smallestEigenvalue: Double? = nil, largestEigenvalue: Double? = nil
  ) {
    self.verdict = verdict
    self.explanation = explanation
    self.relativeMatchingLoss = relativeMatchingLoss
    self.unknowns = unknowns
    self.equationBound = equationBound
    self.smallestEigenvalue = smallestEigenvalue
    self.largestEigenvalue = largestEigenvalue
  }
}
