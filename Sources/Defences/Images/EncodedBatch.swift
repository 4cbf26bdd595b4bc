import Clients
import Solvers
import TensorGraph

/// An image with its label that a client mixes into others, or that another client adds to a sum.
public struct Companion: Sendable {
  /// [C, H, W], values in 0...1.
  public let image: Tensor
  /// Its class index.
  public let label: Int

  /// Another image, which may be mixed into a batch.
  public init(image: Tensor, label: Int) {
    self.image = image
    self.label = label
  }
}

/// A private batch as it is fed to the model, after the defences that change images.
public struct EncodedBatch: Sendable {
  /// [N, C, H, W] in the batch's element type; more than the private images where others add theirs.
  public private(set) var images: Tensor
  /// The share of each class in each image, [N, K] in row-major order; a row for each pixel where the model labels them.
  public var shares: [[Double]]
  /// What was fed in each private image's place, [C, H, W]; nil when that is the image itself.
  public internal(set) var encodings: [Tensor]?

  init(images: Tensor, shares: [[Double]], encodings: [Tensor]?) {
    self.images = images
    self.shares = shares
    self.encodings = encodings
  }

  /// The images one by one, [C, H, W] in f64.
  public var elements: [Tensor] { unstacked(images).map { $0.converted(to: .f64) } }

  /// Replaces the images, whose number may grow; ``shares`` is to have a row for each.
  ///
  /// - Parameter elements: the values of each, in the order of [C, H, W].
  public mutating func setImages(_ elements: [[Double]]) {
    let shape = Shape([elements.count] + images.shape.dimensions.dropFirst())
    images = Tensor(shape, images.dtype, elements.flatMap(\.self))
  }

  /// One class for each of ``shares``; nil when some are of several.
  public var labels: [Int]? {
    let labels = shares.compactMap { $0.firstIndex(of: 1) }
    return labels.count == shares.count ? labels : nil
  }
}

/// What a client has in one round besides its batch, as far as defences of images ask.
public struct EncodingRound: Sendable {
  /// How many labels there are.
  public let classCount: Int
  /// The client's or the public's other images, and other clients'.
  public let companions: [Companion]
  /// The defences that came before.
  public let earlier: [any ImageDefence]
  /// The random numbers of this defence in this round.
  public var source: RandomSource
}

/// The shares of one class: all for `label` modulo the count.
func oneHot(_ label: Int, _ classCount: Int) -> [Double] {
  (0..<classCount).map { $0 == label % classCount ? 1 : 0 }
}
