import Solvers
import TensorGraph

/// A map from equations with errors, some of which were made with wrong slopes.
///
/// A unit that is taken for active, or not, in error adds to each of its channel's equations a multiple of one
/// patch of the map, which all channels of the map see. How far a change of each slope would lower the sum of
/// squares is a matter of two inner products, for all slopes at once; the best ones are changed, and the map is
/// solved for again.
struct SlopeRepair {
  /// One convolution that reads the map.
  struct Reader {
    let convolution: Convolution
    let op: Op
    /// Gradient of its weight, f64.
    let gradient: Tensor
    /// Cotangent of its output, were all units active that it leads to; [N, O, oH, oW].
    let whole: Tensor
    /// Which are taken for active.
    var isActive: [Bool]
    /// Distance of each from the edge, in standard deviations: small ones are in doubt.
    var confidence: [Double]
    /// Whether slopes may be changed.
    let isOpen: Bool

    var cotangent: Tensor {
      Tensor(whole.shape, .f64(zip(whole.doubles, isActive).map { $1 ? $0 : 0 }))
    }

    /// Of one image.
    var plane: Int { whole.shape[2] * whole.shape[3] }

    /// Of all images, one after the other.
    var places: Int { whole.shape[0] * plane }

    /// Where an output channel's unit at a place stands in the output.
    func unit(_ output: Int, at place: Int) -> Int {
      (place / plane * whole.shape[1] + output) * plane + place % plane
    }
  }

  let inputShape: Shape
  let backend: any Backend
  private(set) var readers: [Reader]
  private(set) var flips = 0

  init(_ readers: [Reader], input: Shape, backend: any Backend) {
    self.readers = readers
    inputShape = input
    self.backend = backend
  }

  /// The map that fits, with what is known of its errors.
  struct Solution {
    let map: MapSolution
    /// Standard deviation of each channel's weighted equations.
    let noise: [Double]
    /// Mean squared weighted residual over its expectation: near 1 when slopes are right.
    let misfit: Double
    let rowCount: Int

    /// Of a channel's values, for those of ``MapSolution/deviations``.
    func deviation(_ channel: Int) -> Double { noise[channel] * max(1, misfit).squareRoot() }
  }

  /// Distance from the edge, in standard deviations, up to which slopes are in doubt.
  private static let doubt = 25.0
  /// What a change must gain, in units of the noise's variance.
  private static let leastGain = 20.0
  private static let rounds = 12
  /// Changes of one slope after which it is left alone.
  private static let patience = 2

  /// - Returns: nil when the equations are not finite.
  /// - Throws: ``GraphError`` when the backend fails.
  mutating func solve() throws(GraphError) -> Solution? {
    var changes = readers.map { _ in [Int: Int]() }
    var latest: Solution?
    for round in 0..<Self.rounds {
      guard let equations = joined(), let block = equations.blocks.first,
        equations.blocks.count == 1
      else { return nil }
      guard let solved = try weighted(block, equations.positionCount, isFirst: round == 0) else {
        return nil
      }
      latest = solved.solution
      guard readers.contains(where: \.isOpen) else { break }
      var didChange = false
      var firstRow = 0
      for index in readers.indices {
        let taps = readers[index].gradient.shape[2] * readers[index].gradient.shape[3]
        let rows = readers[index].gradient.shape[0] * taps
        defer { firstRow += rows }
        guard readers[index].isOpen else { continue }
        let gains = try gains(index, solved.solution, solved.weights, firstRow: firstRow)
        let chosen = choice(gains, index, &changes[index], solved.solution.misfit)
        for unit in chosen {
          readers[index].isActive[unit].toggle()
          flips += 1
        }
        didChange = didChange || !chosen.isEmpty
      }
      if !didChange { break }
    }
    return latest
  }

  private func joined() -> MapEquations? {
    var all: MapEquations?
    for reader in readers {
      guard
        let equations = MapEquations(
          reader.op, isInputFirst: true, input: inputShape, cotangent: reader.cotangent,
          gradient: reader.gradient)
      else { return nil }
      if all == nil { all = equations } else if all?.append(equations) != true { return nil }
    }
    return all
  }

  /// Rows of each output channel weigh by the inverse of the errors that its cotangent's size lets expect, then
  /// by those that are found.
  private func weighted(
    _ block: MapEquations.Block, _ positionCount: Int, isFirst: Bool
  ) throws(GraphError) -> (solution: Solution, weights: [Double])? {
    var weights: [Double] = []
    var groups: [Range<Int>] = []
    for reader in readers {
      let (outputs, taps) = (
        reader.gradient.shape[0], reader.gradient.shape[2] * reader.gradient.shape[3]
      )
      let elements = reader.gradient.doubles
      let size = elements.count / outputs
      let sizes = (0..<outputs).map { output in
        (elements[output * size..<(output + 1) * size].reduce(0) { $0 + $1 * $1 } / Double(size))
          .squareRoot()
      }
      let usual = sizes.filter { $0 > 0 }.sorted().middle ?? 1
      for own in sizes {
        groups.append(weights.count..<weights.count + taps)
        weights += [Double](repeating: 1 / (own + 0.03 * usual), count: taps)
      }
    }
    let reweightings = positionCount > Self.wideMap ? 1 : 2
    for pass in 0...reweightings {
      guard
        let map = try MapSolution(
          block, weights: weights, isNoisy: true, positionCount: positionCount, backend: backend)
      else { return nil }
      let columns = block.channels.count
      let freedom = Double(max(block.rowCount - positionCount + map.openCount, 1))
      let noise = SlopeRepair.noise(
        map.residual, rows: block.rowCount, columns: columns, freedom: freedom)
      if pass == reweightings {
        let inverse = noise.map { 1 / $0 }
        var sum = 0.0
        for row in 0..<block.rowCount {
          for column in 0..<columns {
            let value = map.residual[row * columns + column] * inverse[column]
            sum += value * value
          }
        }
        let misfit = sum / (freedom * Double(columns))
        return (
          Solution(map: map, noise: noise, misfit: misfit, rowCount: block.rowCount), weights
        )
      }
      for group in groups {
        var sum = 0.0
        for row in group {
          for column in 0..<columns {
            let value = map.residual[row * columns + column] / noise[column]
            sum += value * value
          }
        }
        let size = sum / Double(group.count * columns) * Double(block.rowCount) / freedom
        let factor = min(max(size.squareRoot(), 0.3), isFirst ? 2 : 3)
        for row in group { weights[row] /= factor }
      }
    }
    return nil
  }

  /// Positions above which a solution is dear.
  private static let wideMap = 512

  /// The standard deviation of each column's residuals, which few large ones do not move.
  private static func noise(
    _ residual: [Double], rows: Int, columns: Int, freedom: Double
  ) -> [Double] {
    let spread = (Double(rows) / freedom).squareRoot()
    // Some hundred rows tell a quantile; odd, since taps come one after the other.
    let step = max(rows / 300, 1) | 1
    var result = (0..<columns).map { column -> Double in
      var sum = 0.0
      for row in 0..<rows {
        let value = residual[row * columns + column]
        sum += value * value
      }
      let magnitudes = stride(from: 0, to: rows, by: step).map {
        abs(residual[$0 * columns + column])
      }.sorted()
      let robust = magnitudes[magnitudes.count * 9 / 10] / 1.645 * spread
      return min((sum / freedom).squareRoot(), 2 * robust)
    }
    let floor = 0.3 * (result.sorted().middle ?? 0)
    for column in result.indices { result[column] = max(result[column], floor, 1e-300) }
    return result
  }

  /// How far a change of each slope would lower the sum of squares, in units of the noise's variance.
  private func gains(
    _ index: Int, _ solution: Solution, _ weights: [Double], firstRow: Int
  ) throws(GraphError) -> [Double] {
    let reader = readers[index]
    let shape = reader.gradient.shape
    let (outputs, inputs, taps) = (shape[0], shape[1], shape[2] * shape[3])
    let columns = inputs
    let map = solution.map
    let places = reader.places
    // Patches of the map in units of each channel's noise, [(tap, channel), place].
    let patches = patches(map.values, solution.noise, reader)
    var whitened = [Double](repeating: 0, count: outputs * taps * columns)
    for row in 0..<outputs * taps {
      for column in 0..<columns {
        whitened[row * columns + column] =
          map.residual[(firstRow + row) * columns + column] / solution.noise[column]
      }
    }
    let inner = try backend.product(
      Tensor([outputs, taps * columns], .f64(whitened)),
      Tensor([taps * columns, places], .f64(patches))
    ).doubles
    var squares = [Double](repeating: 0, count: taps * taps * places)
    for first in 0..<taps {
      for second in first..<taps {
        for channel in 0..<columns {
          let (a, b) = ((first * columns + channel) * places, (second * columns + channel) * places)
          let target = (first * taps + second) * places
          for place in 0..<places {
            squares[target + place] += patches[a + place] * patches[b + place]
          }
        }
        if second > first {
          for place in 0..<places {
            squares[(second * taps + first) * places + place] =
              squares[(first * taps + second) * places + place]
          }
        }
      }
    }
    // What of a row the equations do not take up.
    let own = map.rowSpace
    let kept = own.count / solution.rowCount
    var free = [Double](repeating: 0, count: outputs * taps * taps)
    own.withUnsafeBufferPointer { own in
      for output in 0..<outputs {
        for first in 0..<taps {
          let a = firstRow + output * taps + first
          for second in 0..<taps {
            let b = firstRow + output * taps + second
            let product = dot(
              Vector(rebasing: own[a * kept..<(a + 1) * kept]),
              Vector(rebasing: own[b * kept..<(b + 1) * kept]))
            free[(output * taps + first) * taps + second] = (first == second ? 1 : 0) - product
          }
        }
      }
    }
    let lengths = try backend.product(
      Tensor([outputs, taps * taps], .f64(free)), Tensor([taps * taps, places], .f64(squares))
    ).doubles
    let whole = reader.whole.doubles
    var gains = [Double](repeating: 0, count: outputs * places)
    for output in 0..<outputs {
      for place in 0..<places {
        let unit = reader.unit(output, at: place)
        let weight = weights[firstRow + output * taps]
        let change = (reader.isActive[unit] ? -1 : 1) * whole[unit] * weight
        let entry = output * places + place
        gains[unit] = 2 * change * inner[entry] - change * change * lengths[entry]
      }
    }
    return gains
  }

  private func patches(_ values: [Double], _ noise: [Double], _ reader: Reader) -> [Double] {
    let (whole, weight) = (reader.whole.shape, reader.gradient.shape)
    let (columns, places) = (inputShape[1], reader.places)
    let plane = inputShape[2] * inputShape[3]
    var patches = [Double](repeating: 0, count: weight[2] * weight[3] * columns * places)
    reader.convolution.forEachProduct(
      input: Size2D(inputShape[2], inputShape[3]), kernel: Size2D(weight[2], weight[3]),
      output: Size2D(whole[2], whole[3])
    ) { tap, place, position in
      for image in 0..<whole[0] {
        for column in 0..<columns {
          patches[(tap * columns + column) * places + image * reader.plane + place] =
            values[(image * plane + position) * columns + column] / noise[column]
        }
      }
    }
    return patches
  }

  /// The best slope of each channel to change, where that gains enough.
  private func choice(
    _ gains: [Double], _ index: Int, _ changes: inout [Int: Int], _ misfit: Double
  ) -> [Int] {
    let reader = readers[index]
    let least = Self.leastGain * max(1, min(misfit, 9))
    var best: [(unit: Int, gain: Double)] = []
    for output in 0..<reader.whole.shape[1] {
      var winner: (unit: Int, gain: Double)?
      for unit in (0..<reader.places).lazy.map({ reader.unit(output, at: $0) })
      where gains[unit] > max(least, winner?.gain ?? 0)
        && abs(reader.confidence[unit]) < Self.doubt && changes[unit, default: 0] < Self.patience
      {
        winner = (unit, gains[unit])
      }
      if let winner { best.append(winner) }
    }
    guard let most = best.map(\.gain).max() else { return [] }
    let chosen = best.filter { $0.gain > 0.2 * most }.map(\.unit)
    for unit in chosen { changes[unit, default: 0] += 1 }
    return chosen
  }
}

extension Array where Element == Double {
  /// The middle of sorted elements.
  fileprivate var middle: Double? { isEmpty ? nil : self[count / 2] }
}
