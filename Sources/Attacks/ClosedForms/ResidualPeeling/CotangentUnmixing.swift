import Solvers
import TensorGraph

/// Tells the cotangents of single images from combinations of them, by their having few values.
///
/// A rectifier's cotangent below a global pooling is, at a channel o and an image n, either 0 or one number
/// γ[n, o]. Of N mixtures e = Mᵀ c the vectors e(o, q) of all units are therefore sums of some of the
/// columns γ[n, o] M[n, ...]; where one image's unit alone is active, the direction is that image's row of M,
/// whatever the channel. Directions that recur in many channels are rows of M; sums of several recur within one
/// channel only, as long as the ratios of the γ differ from channel to channel.
struct CotangentUnmixing {
  /// Of each image, each up to a scalar, in no order; as the mixtures, [channels, positions].
  let cotangents: [[Double]]

  /// Norm, relative to the largest, below which a unit is off in all images, for each unit of errors.
  private static let quiet = 3e3
  /// Sine of the angle between vectors of one direction, for each unit of errors.
  private static let parallel = 1e3
  /// Candidates that are looked at.
  private static let mostCandidates = 3000
  /// Channels in which a direction recurs at least.
  private static let fewestChannels = 4

  /// - Parameters:
  ///   - mixtures: as many as there are images, [channels, positions].
  ///   - channelCount: channels of each.
  ///   - tolerance: relative errors of the numbers that the mixtures were found from.
  /// - Returns: nil when not so many directions recur.
  /// - Throws: ``GraphError`` when the backend fails.
  init?(
    _ mixtures: [[Double]], channelCount: Int, tolerance: Double, backend: any Backend
  ) throws(GraphError) {
    let count = mixtures.count
    guard count > 1 else {
      cotangents = mixtures
      return
    }
    let units = mixtures[0].count
    let positions = units / channelCount
    let vectors = (0..<units).map { unit in mixtures.map { $0[unit] } }
    let norms = vectors.map { dot($0, $0).squareRoot() }
    let edge = Self.quiet * tolerance * norms.reduce(0, max)
    let widest = Self.parallel * tolerance * Self.parallel * tolerance
    var live = vectors.indices.filter { norms[$0] > edge }
    let directions = zip(vectors, norms).flatMap { vector, norm in vector.map { $0 / norm } }
    func cosine(_ first: Int, _ second: Int) -> Double {
      (0..<count).reduce(0) {
        $0 + directions[first * count + $1] * directions[second * count + $1]
      }
    }
    func isParallel(_ first: Int, _ second: Int) -> Bool {
      let cosine = cosine(first, second)
      return 1 - cosine * cosine < widest
    }

    var rows: [[Double]] = []
    while rows.count < count {
      let stride = max(1, live.count / Self.mostCandidates)
      var best: (unit: Int, channels: Int)?
      for place in Swift.stride(from: 0, to: live.count, by: stride) {
        var channels = 0
        var last = -1
        for other in live
        where other / positions != last && isParallel(live[place], other) {
          channels += 1
          last = other / positions
        }
        if channels > best?.channels ?? 0 { best = (live[place], channels) }
      }
      guard let best, best.channels >= Self.fewestChannels else { return nil }
      // Their sum, in which the longest, which errors turn the least, count the most.
      var row = [Double](repeating: 0, count: count)
      for other in live where isParallel(best.unit, other) {
        let sign = cosine(best.unit, other) < 0 ? -1.0 : 1
        for index in 0..<count { row[index] += sign * vectors[other][index] }
      }
      let norm = dot(row, row).squareRoot()
      rows.append(row.map { $0 / norm })
      live.removeAll { isParallel(best.unit, $0) }
    }

    // e = Mᵀ c, at all units at once.
    let block = MapEquations.Block(
      channels: 0..<units, rowCount: count,
      matrix: (0..<count * count).map { rows[$0 % count][$0 / count] },
      rightHandSide: mixtures.flatMap { $0 })
    guard let solution = try MapSolution(block, positionCount: count, backend: backend),
      solution.openCount == 0
    else { return nil }
    cotangents = (0..<count).map { Array(solution.values[$0 * units..<($0 + 1) * units]) }
  }
}
