import Attacks
import Federation
import TensorGraph

/// What results are compared with: the victim's pictures of the target class, as many that nobody trained on, and held-out
/// pictures of all classes.
struct GANMeasures {
  /// The victim's pictures of the class, of which the first ones are compared.
  let training: TrainingSet
  /// Pictures of the class that nobody trained on, as many as are compared.
  let heldOut: TrainingSet
  /// Others of the class that nobody trained on.
  let fresh: TrainingSet
  /// Held-out pictures of all classes.
  private let all: TrainingSet
  /// Where the fresh pictures are among all.
  private let freshPositions: [Int]
  /// Pictures of each of the two sets in which the nearest is looked for.
  let count: Int
  /// The mean of the victim's pictures of the class, [C, H, W].
  let mean: [Float]

  /// - Parameters:
  ///   - training: the victim's pictures of the class.
  ///   - heldOut: of all classes.
  ///   - freshCount: of pictures that measures are taken of for comparison.
  /// - Throws: ``FederationError`` when there are too few.
  init(
    training: TrainingSet, heldOut: TrainingSet, targetClass: Int, freshCount: Int
  ) throws(FederationError) {
    let positions = heldOut.labels.indices.filter { heldOut.labels[$0] == targetClass }
    let freshCount = min(freshCount, positions.count / 2)
    freshPositions = Array(positions.prefix(freshCount))
    count = min(training.count, positions.count - freshCount)
    guard count >= 2, freshCount >= 1 else {
      throw FederationError(
        "class \(targetClass) has \(training.count) pictures to train on and \(positions.count) held out, and results are "
          + "compared with 2 or more of each; take another class or more examples", .badInput)
    }
    self.training = training
    self.heldOut = heldOut.choosing(Array(positions.dropFirst(freshCount).prefix(count)))
    fresh = heldOut.choosing(freshPositions)
    all = heldOut
    mean = training.mean
  }

  /// The measures of a picture.
  func distances(of picture: [Float]) -> GANRecord.Distances {
    distances(of: picture, besides: nil)
  }

  /// The measures of pictures that nobody trained on.
  var ofFresh: [GANRecord.Distances] {
    freshPositions.indices.map {
      distances(of: Array(fresh.picture($0)), besides: freshPositions[$0])
    }
  }

  private func distances(of picture: [Float], besides own: Int?) -> GANRecord.Distances {
    let trained = training.nearest(to: picture, among: 0..<count)
    let near = heldOut.nearest(to: picture, among: 0..<count)
    let any = all.nearest(to: picture, among: 0..<all.count, besides: own)
    return GANRecord.Distances(
      nearestTraining: trained.distance, nearestTrainingIndex: trained.index,
      nearestHeldOut: near.distance, classMean: rootMeanSquare(picture[...], mean[...]),
      nearestClass: all.labels[any.index])
  }

  /// The mean distance between pairs of results; nil for no pairs.
  ///
  /// - Parameter pairs: compared with each other.
  static func spread(_ pairs: [(ArraySlice<Float>, ArraySlice<Float>)]) -> Double? {
    guard !pairs.isEmpty else { return nil }
    return pairs.reduce(0) { $0 + rootMeanSquare($1.0, $1.1) } / Double(pairs.count)
  }

  /// Pairs of different pictures of a set.
  static func pairs(_ set: TrainingSet, _ count: Int) -> [(ArraySlice<Float>, ArraySlice<Float>)] {
    let count = min(count, set.count)
    return (0..<count).flatMap { first in
      (0..<first).map { (set.picture(first), set.picture($0)) }
    }
  }
}

extension TrainingSet {
  /// The numbers of one picture.
  func picture(_ index: Int) -> ArraySlice<Float> {
    pixels[index * shape.elementCount..<(index + 1) * shape.elementCount]
  }

  /// The mean of all pictures.
  var mean: [Float] {
    var sum = [Double](repeating: 0, count: shape.elementCount)
    for index in 0..<count {
      for (element, value) in picture(index).enumerated() { sum[element] += Double(value) }
    }
    return sum.map { Float($0 / Double(max(count, 1))) }
  }

  /// The nearest picture and the root mean squared error from it.
  fileprivate func nearest(
    to picture: [Float], among range: Range<Int>, besides own: Int? = nil
  ) -> (index: Int, distance: Double) {
    var best = (index: range.lowerBound, square: Float.infinity)
    let size = shape.elementCount
    pixels.withUnsafeBufferPointer { pixels in
      picture.withUnsafeBufferPointer { picture in
        for index in range where index != own {
          var square: Float = 0
          let start = index * size
          for element in 0..<size {
            let difference = pixels[start + element] - picture[element]
            square += difference * difference
          }
          if square < best.square { best = (index, square) }
        }
      }
    }
    return (best.index, (Double(best.square) / Double(size)).squareRoot())
  }
}

/// The root mean squared difference of two pictures of one size.
private func rootMeanSquare(_ first: ArraySlice<Float>, _ second: ArraySlice<Float>) -> Double {
  var sum = 0.0
  for (a, b) in zip(first, second) { sum += Double(a - b) * Double(a - b) }
  return (sum / Double(max(first.count, 1))).squareRoot()
}
