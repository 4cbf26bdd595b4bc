import TensorGraph

/// What is chosen about a model that comes from a file.
public struct ImportOptions: Hashable, Sendable {
  /// Shape [C, H, W] of one image; nil for the file's.
  public var inputShape: Shape?
  /// Height and width of one image where the file leaves them open.
  public var size: Int?
  /// Of rows of a table the inputs of each column of words, of which one is 1; none of other data.
  public var words: [Range<Int>] = []
  /// Open extents of the file by name.
  public var dimensions: [String: Int] = [:]
  /// The output that holds the logits, by name; nil for the likeliest.
  public var output: String?
  /// Batches that the model will be run with.
  public var batchSizes: Set<Int>
  /// How the client's model computed.
  public var mode: ForwardMode

  /// Options that are the usual ones but for those given.
  public init(batchSizes: Set<Int> = [1], mode: ForwardMode = .evaluation) {
    precondition(
      !batchSizes.isEmpty && batchSizes.allSatisfy { $0 >= 1 }, "batches of \(batchSizes) images")
    self.batchSizes = batchSizes
    self.mode = mode
  }
}
