import Solvers
import TensorGraph

/// The slopes of rectifiers behind a convolution, sought together with what the convolution reads, from its
/// weight's gradient and the cotangent that its output would have if all slopes were 1.
///
/// G = B(D) A, with B linear in the slopes D, is linear in the map A as well: for given slopes least squares
/// gives it, so that the slopes alone are left to seek, by Gauss-Newton steps on what no map explains (variable
/// projection: Golub & Pereyra 1973, with the Jacobian of Kaufman 1975). Where ``BlindFactorization`` needs as many
/// independent cotangents as there are patches, this one needs fewer: that slopes of one cell of a pooling are
/// equal but for being 0 or 1 is part of its equations, and channels that are wholly on fix the scale.
struct SlopeSearch {
  let op: Op
  let convolution: Convolution
  /// Of the convolution's input, [1, C, H, W].
  let inputShape: Shape
  /// Of the weight, f64.
  let gradient: Tensor
  /// Cotangent of the output if all slopes were 1, [1, O, H, W].
  let whole: Tensor
  let backend: any Backend

  /// Slopes sought at most: each step factors a matrix of their order.
  private static let mostSlopes = 5000
  private static let mostSteps = 40
  private static let refusals = 8
  /// Added to the diagonal of the first estimate's equations, relative to its mean.
  private static let ridge = 1e-6
  /// Squared relative residual below which slopes are rounded, to see whether that is all.
  private static let nearlySolved = 1e-5

  /// One slope that is sought.
  private struct Unit {
    /// In the output.
    let index: Int
    /// Its channel among those with unknown slopes.
    let channel: Int
    let output: Int
    let place: Int
    let weight: Double
  }

  private var taps: Int { gradient.shape[2] * gradient.shape[3] }
  private var inputs: Int { gradient.shape[1] }
  private var places: Int { whole.shape[2] * whole.shape[3] }

  /// - Parameter told: the slopes that are known, in the order of the output.
  /// - Returns: 0 or 1 for each unit; 0 where no slope has an effect; nil when none explain the gradient.
  /// - Throws: ``GraphError`` when the backend fails.
  func slopes(_ told: [Double?]) throws(GraphError) -> [Double]? {
    var units: [Unit] = []
    var channels: [Int] = []
    for (index, weight) in whole.doubles.enumerated() where told[index] == nil && weight != 0 {
      let output = index / places
      if channels.last != output { channels.append(output) }
      units.append(
        Unit(
          index: index, channel: channels.count - 1, output: output, place: index % places,
          weight: weight))
    }
    let unknowns = inputs * inputShape[2] * inputShape[3] + units.count
    guard !units.isEmpty, units.count <= Self.mostSlopes,
      channels.count * taps * inputs >= units.count, gradient.shape.elementCount > unknowns
    else { return nil }
    var slopes = told.map { $0 ?? 0 }
    for unit in units { slopes[unit.index] = 0.5 }
    guard let first = try map(for: slopes) else { return nil }
    try estimate(&slopes, units, patches(of: first))
    guard var map = try map(for: slopes) else { return nil }
    var damping = 1e-3
    for _ in 0..<Self.mostSteps {
      if squared(map.relativeResidual) < Self.nearlySolved {
        let rounded = slopes.map { $0 > 0.5 ? 1.0 : 0 }
        if let end = try self.map(for: rounded),
          end.relativeResidual < ResidualPeeling.noiseEdge
        {
          return rounded
        }
      }
      let (normal, right) = try equations(units, channels, map)
      let mean = units.indices.reduce(0) { $0 + normal[$1 * units.count + $1] }
      var next: (slopes: [Double], map: MapSolution)?
      for _ in 0..<Self.refusals where next == nil {
        if let step = solve(normal, right, shift: damping * mean / Double(units.count)) {
          var trial = slopes
          for (unit, change) in zip(units, step) {
            trial[unit.index] = min(max(trial[unit.index] + change, 0), 1)
          }
          if let found = try self.map(for: trial), found.relativeResidual < map.relativeResidual {
            next = (trial, found)
          }
        }
        damping *= next == nil ? 5 : 0.2
      }
      guard let next else { return nil }
      (slopes, map) = next
    }
    return nil
  }

  private func squared(_ number: Double) -> Double { number * number }

  /// What the convolution read, if these were the slopes.
  private func map(for slopes: [Double]) throws(GraphError) -> MapSolution? {
    let cotangent = Tensor(whole.shape, .f64(zip(whole.doubles, slopes).map { $0 * $1 }))
    guard
      let equations = MapEquations(
        op, isInputFirst: true, input: inputShape, cotangent: cotangent, gradient: gradient),
      equations.blocks.count == 1
    else { return nil }
    // Errors are those of the slopes: weak directions are left out until these are right.
    return try MapSolution(
      equations.blocks[0], isNoisy: true, positionCount: equations.positionCount, backend: backend)
  }

  /// Row major [places x taps, inputs]; zeros in the padding.
  private func patches(of map: MapSolution) -> Tensor {
    var patches = [Double](repeating: 0, count: places * taps * inputs)
    convolution.forEachProduct(
      input: Size2D(inputShape[2], inputShape[3]),
      kernel: Size2D(gradient.shape[2], gradient.shape[3]),
      output: Size2D(whole.shape[2], whole.shape[3])
    ) { tap, place, position in
      for input in 0..<inputs {
        patches[(place * taps + tap) * inputs + input] = map.values[position * inputs + input]
      }
    }
    return Tensor([places * taps, inputs], .f64(patches))
  }

  /// Least squares for the slopes of each channel alone, with a map that is given.
  private func estimate(
    _ slopes: inout [Double], _ units: [Unit], _ patches: Tensor
  ) throws(GraphError) {
    let gram = try backend.product(patches, patches, transposeB: true).doubles
    let (width, elements, g) = (places * taps, patches.doubles, gradient.doubles)
    var start = 0
    while start < units.count {
      let channel = units[start].channel
      let own = Array(units[start...].prefix { $0.channel == channel })
      start += own.count
      var normal = [Double](repeating: 0, count: own.count * own.count)
      for (row, a) in own.enumerated() {
        for (column, b) in own.enumerated() {
          let sum = (0..<taps).reduce(0.0) {
            $0 + gram[(a.place * taps + $1) * width + b.place * taps + $1]
          }
          normal[row * own.count + column] = a.weight * b.weight * sum
        }
      }
      let right = own.map { unit in
        var sum = 0.0
        for tap in 0..<taps {
          for input in 0..<inputs {
            sum +=
              elements[(unit.place * taps + tap) * inputs + input]
              * g[(unit.output * inputs + input) * taps + tap]
          }
        }
        return sum * unit.weight
      }
      let mean = own.indices.reduce(0) { $0 + normal[$1 * own.count + $1] } / Double(own.count)
      guard let solution = solve(normal, right, shift: Self.ridge * mean) else { continue }
      for (unit, slope) in zip(own, solution) { slopes[unit.index] = min(max(slope, 0), 1) }
    }
  }

  /// The Gauss-Newton equations of the slopes: what of each slope's part in G no change of the map makes up for.
  private func equations(
    _ units: [Unit], _ channels: [Int], _ map: MapSolution
  ) throws(GraphError) -> (normal: [Double], right: [Double]) {
    let patches = patches(of: map)
    let gram = try backend.product(patches, patches, transposeB: true).doubles
    // The part of the sought channels' rows outside of B's columns.
    let kept = map.rowSpace.count / max(gradient.shape[0] * taps, 1)
    let rows = channels.count * taps
    var space: [Double] = []
    for channel in channels {
      space += map.rowSpace[channel * taps * kept..<(channel + 1) * taps * kept]
    }
    let basis = Tensor([rows, kept], .f64(space))
    var outside = try backend.product(basis, basis, transposeB: true).doubles.map { -$0 }
    for row in 0..<rows { outside[row * rows + row] += 1 }

    let (taps, count, width) = (taps, units.count, places * taps)
    var normal = [Double](repeating: 0, count: count * count)
    normal.withUnsafeMutableBufferPointer { normal in
      gram.withUnsafeBufferPointer { gram in
        outside.withUnsafeBufferPointer { outside in
          for i in 0..<count {
            let a = units[i]
            for j in i..<count {
              let b = units[j]
              var sum = 0.0
              for tap in 0..<taps {
                let first = (a.channel * taps + tap) * rows + b.channel * taps
                let second = (a.place * taps + tap) * width + b.place * taps
                for other in 0..<taps { sum += outside[first + other] * gram[second + other] }
              }
              sum *= a.weight * b.weight
              normal[i * count + j] = sum
              normal[j * count + i] = sum
            }
          }
        }
      }
    }
    let elements = patches.doubles
    let right = units.map { unit in
      var sum = 0.0
      for index in 0..<taps * inputs {
        sum +=
          elements[unit.place * taps * inputs + index]
          * map.residual[unit.output * taps * inputs + index]
      }
      return sum * unit.weight
    }
    return (normal, right)
  }

  /// The solution of a positive definite system with a shifted diagonal.
  private func solve(_ matrix: [Double], _ right: [Double], shift: Double) -> [Double]? {
    var matrix = matrix
    for index in right.indices { matrix[index * (right.count + 1)] += shift }
    return backend.linearAlgebra.solvePositiveDefinite(matrix, right)
  }
}

extension ResidualPeeling {
  /// Slopes behind a convolution from ``SlopeSearch``; nil where they are not determined.
  ///
  /// - Parameters:
  ///   - index: the activation that reads the convolution's output unmixed.
  ///   - cotangent: of the activation's value.
  ///   - whole: of the convolution's output, if all slopes were 1.
  func soughtSlopes(
    _ index: Int, _ contraction: ActivationGraph.Contraction, _ convolution: Convolution,
    _ gradient: Tensor, _ cotangent: Tensor, _ whole: Tensor
  ) throws(GraphError) -> [Double]? {
    guard !isNoisy, update.batchSize == 1, convolution.groups == 1 else { return nil }
    let search = SlopeSearch(
      op: network.graph[contraction.output].op, convolution: convolution,
      inputShape: network.graph[contraction.input].shape, gradient: gradient, whole: whole,
      backend: backend)
    return try search.slopes(toldSlopes(index, gradient, cotangent, whole))
  }

  /// Of channels that are wholly off, whose weights have no gradient, and wholly on, whose bias has that
  /// which slopes of 1 give.
  private func toldSlopes(
    _ index: Int, _ gradient: Tensor, _ cotangent: Tensor, _ whole: Tensor
  ) throws(GraphError) -> [Double?] {
    let outputs = whole.shape[1]
    let plane = whole.shape.elementCount / outputs
    let (elements, sums) = (gradient.doubles, whole.doubles)
    let width = elements.count / outputs
    let sizes = (0..<outputs).map { output in
      elements[output * width..<(output + 1) * width].reduce(0) { max($0, abs($1)) }
    }
    let largest = sizes.reduce(0, max)
    var told: [Double?] = (0..<outputs).map { sizes[$0] < Self.exactness * largest ? 0 : nil }
    for (parameter, expected) in try segments.biasGradients(
      shape: [outputs], argumentOf: index, cotangent)
    {
      guard model.parameters.indices.contains(parameter),
        let found = update.gradient(of: parameter)
      else { continue }
      let pairs = zip(found.converted(to: .f64).doubles, expected.doubles)
      for (output, (found, expected)) in pairs.enumerated() where expected != 0 {
        let size = sums[output * plane..<(output + 1) * plane].reduce(0) { $0 + abs($1) }
        if abs(found - expected) < Self.exactness * size { told[output] = 1 }
      }
    }
    return (0..<whole.shape.elementCount).map { told[$0 / plane] }
  }

  /// Relative error of exact sums.
  private static let exactness = 1e-10
}
