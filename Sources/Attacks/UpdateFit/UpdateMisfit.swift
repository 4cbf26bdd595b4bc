import ModelIO

/// Why an update cannot be that of this model, as it was described: what is wrong, and how to mend it.
///
/// An attack on such an update seeks a batch that does not exist, so that its failure says nothing about the
/// client.
public struct UpdateMisfit: Codable, Sendable, Equatable {
  /// What is wrong, as far as the numbers tell.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// A multiple of the update fits: another scale of the loss, or another learning rate.
    case factor
    /// The negative of the update fits.
    case reversedSign = "reversed sign"
    /// The file holds weights.
    case absoluteWeights = "absolute weights"
    /// The file holds a difference of weights and was taken for a gradient.
    case difference = "a difference"
    /// The file holds a gradient and was taken for a difference of weights.
    case gradient = "a gradient"
    /// A multiple of the weights is part of the update.
    case weightDecay = "weight decay"
    /// Moves are of one size, as an adaptive optimiser's are, or are not and are said to be.
    case optimizer
    /// Another loss fits.
    case loss
    /// Another reduction of the loss fits.
    case reduction
    /// The labels given are not the update's.
    case labels
    case batchSize = "batch size"
    /// The other forward mode fits.
    case mode
    /// The true pictures given have another update.
    case truth
    /// Nothing simple explains it: other weights, or changed numbers.
    case other
  }

  /// What does not fit.
  public let kind: Kind
  /// One or two sentences: what was found, and the remedy.
  public let sentence: Sentence
  /// The factor, learning rate, weight decay or batch size that was found.
  public let value: Double?

  /// A misfit with its sentence.
  public init(_ kind: Kind, _ sentence: Sentence, value: Double? = nil) {
    self.kind = kind
    self.sentence = sentence
    self.value = value
  }
}
