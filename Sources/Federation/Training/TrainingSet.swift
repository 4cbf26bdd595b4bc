import Solvers
import TensorGraph

/// Labelled pictures to train on.
package struct TrainingSet: Sendable {
  /// [C, H, W] of each.
  package let shape: Shape
  /// Values in 0...1, one picture after another.
  package let pixels: [Float]
  /// A class for each.
  package let labels: [Int]

  /// - Parameters:
  ///   - shape: [C, H, W].
  ///   - pixels: of as many pictures as there are labels.
  package init(shape: Shape, pixels: [Float], labels: [Int]) {
    precondition(
      pixels.count == labels.count * shape.elementCount,
      "\(pixels.count) numbers for \(labels.count) pictures of \(shape)")
    self.shape = shape
    self.pixels = pixels
    self.labels = labels
  }

  /// Number of pictures.
  package var count: Int { labels.count }

  /// Some of the pictures [N, C, H, W] in f32, in the order asked for.
  package func images(_ positions: [Int]) -> Tensor {
    Tensor(Shape([positions.count] + shape.dimensions), .f32(choosing(positions).pixels))
  }

  /// Some of the pictures with their labels, in the order asked for.
  package func choosing(_ positions: [Int]) -> TrainingSet {
    let size = shape.elementCount
    var chosen: [Float] = []
    chosen.reserveCapacity(positions.count * size)
    for position in positions { chosen += pixels[position * size..<(position + 1) * size] }
    return TrainingSet(shape: shape, pixels: chosen, labels: positions.map { labels[$0] })
  }
}

/// Labelled pictures that are made when they are asked for, so that a worker holds its own alone.
package struct PictureSource: Sendable {
  /// [C, H, W] of each.
  package let shape: Shape
  /// A class for each.
  package let labels: [Int]
  private let pixels: @Sendable (Int) -> [Float]

  /// - Parameters:
  ///   - shape: [C, H, W].
  ///   - pixels: makes the numbers of one picture, in 0...1.
  package init(shape: Shape, labels: [Int], pixels: @escaping @Sendable (Int) -> [Float]) {
    self.shape = shape
    self.labels = labels
    self.pixels = pixels
  }

  /// Number of pictures.
  package var count: Int { labels.count }

  /// Some of the pictures.
  package func part(_ positions: [Int]) -> TrainingSet {
    var all: [Float] = []
    all.reserveCapacity(positions.count * shape.elementCount)
    for position in positions { all += pixels(position) }
    return TrainingSet(shape: shape, pixels: all, labels: positions.map { labels[$0] })
  }

  /// Some of the pictures, still to be made.
  package func choosing(_ positions: [Int]) -> PictureSource {
    PictureSource(shape: shape, labels: positions.map { labels[$0] }) { [pixels] in
      pixels(positions[$0])
    }
  }

  /// How examples are shared out among workers.
  package enum Shards: String, Codable, Sendable, CaseIterable {
    /// Each has a random part of the same size.
    case equal
    /// The k-th of n has k of n(n + 1)/2 equal parts.
    case unequal
    /// Sorted by class first: each has few classes (McMahan et al. 2017, section 3).
    case byClass = "by-class"
  }

  /// The positions of one worker's examples, by the seed.
  package func shard(
    _ worker: Int, of count: Int, _ shards: Shards, seed: UInt64
  ) -> [Int] {
    shards.positions(of: worker, count, labels: labels, seed: seed)
  }
}

extension PictureSource.Shards {
  /// The positions of one worker's examples, by the seed.
  ///
  /// - Parameters:
  ///   - count: of workers.
  ///   - labels: the class of each example.
  package func positions(of worker: Int, _ count: Int, labels: [Int], seed: UInt64) -> [Int] {
    var source = RandomSource(seed: seed).derive(label: "shards")
    let all = labels.count
    var order = source.permutation(of: all)
    if self == .byClass {
      order = order.enumerated().sorted {
        (labels[$0.element], $0.offset) < (labels[$1.element], $1.offset)
      }.map(\.element)
    }
    let ends = (0...count).map { index in
      self == .unequal
        ? all * (index * (index + 1)) / (count * (count + 1)) : all * index / count
    }
    return Array(order[ends[worker]..<ends[worker + 1]])
  }
}
