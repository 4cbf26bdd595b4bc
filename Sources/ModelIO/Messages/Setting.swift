/// What a user can set, as far as messages advise it.
///
/// Its raw value is its name in words. Commands say the option instead, programs may say their own name.
public enum Setting: String, CaseIterable, Hashable, Sendable {
  case model, weights, update, before, after, labels, mode, classes, output, adapter, head,
    method, rounds
  case loss, reduction, epochs, budget, iterations
  case labelSmoothing = "label smoothing"
  case lossScale = "loss scale"
  case keptSoftmax = "keep softmax"
  case updateKind = "update kind"
  case learningRate = "learning rate"
  /// The client's.
  case optimizer
  case weightDecay = "weight decay"
  case batchSize = "batch size"
  case timeLimit = "time limit"
  case inputShape = "input shape"
  /// Extents of a file's dimensions, by their names.
  case extents
  /// A tensor's name in a file and the model's name of it: `OLD=NEW`.
  case renaming = "a renaming"
  /// Rank of the adapters that a language model's client trains.
  case adapterRank = "an adapter rank"
  /// Whether a folder is replaced that holds what this program did not write.
  case force
  /// How much may leak before an audit fails.
  case limit = "the limit"
}
