import Solvers
import TensorGraph

/// Factors the weight gradient of a convolution into its output's cotangent and its input, neither of which
/// is known, up to one scalar.
///
/// With G[o, i, k] = Σ_q c[o, q] a[i, q + k] and patches of m x m elements, m = (kernel + 1) / 2, the matrix
/// H[(o, k'), (i, k)] = G[o, i, k - k'] = Σ_q c[o, q + k'] a[i, q + k] has the rank of the number of
/// patches, (height + m - 1) (width + m - 1), when channels are enough. Its row space then holds all patches
/// of a; that patches overlap makes a the single null vector of a linear system, as in blind
/// deconvolution by subspaces (Xu, Liu, Tong & Kailath 1995; Moulines et al. 1995). c follows by
/// least squares.
struct BlindFactorization {
  /// c, [outputs, height x width], up to a scalar.
  let cotangent: [Double]
  /// Smallest and next eigenvalue of the system for a: a true solution stands far below the next.
  let eigenvalues: (smallest: Double, next: Double)

  /// Most unknowns of the system, whose factorisation takes the cube of them.
  private static let largestOrder = 5000
  /// Singular values relative to the largest above which a direction counts, in f64 and f32.
  static let tolerance = (double: 1e-10, single: 1e-6)

  /// - Parameters:
  ///   - gradient: [outputs, inputs, k, k], of a convolution that keeps the extent, k odd.
  ///   - support: positions at which the cotangent may differ from 0.
  ///   - height: of the map.
  ///   - width: of the map.
  /// - Returns: nil when the channels are too few, or the gradient is not of one image.
  /// - Throws: ``GraphError`` when the backend fails.
  init?(
    _ gradient: Tensor, support: [Bool], height: Int, width: Int, tolerance: Double,
    backend: any Backend
  ) throws(GraphError) {
    let (outputs, inputs, kernel) = (gradient.shape[0], gradient.shape[1], gradient.shape[2])
    let patch = (kernel + 1) / 2
    let taps = patch * patch
    let places = PatchSpace.places(height: height, width: width, patch: patch, support: support)
    let patches = places.count
    guard patches > 0 else { return nil }
    let positions = height * width
    let algebra = backend.linearAlgebra
    // Rows (o, k) of channels i, and rows (i, k) of channels o.
    let elements = gradient.doubles
    let byInput = Self.rows(of: elements, outputs, inputs, kernel * kernel, ofInputs: true)
    let byOutput = Self.rows(of: elements, outputs, inputs, kernel * kernel, ofInputs: false)
    guard
      let inputBasis = try Self.rowSpace(
        byInput, inputs, limit: positions, tolerance: tolerance, backend),
      let outputBasis = try Self.rowSpace(
        byOutput, outputs, limit: positions, tolerance: tolerance, backend)
    else { return nil }
    // Few channels suffice: r of them give patches (taps r - patches) equations for positions r unknowns.
    func needed(_ abundance: Double) -> Int {
      let surplus = Double(taps * patches) - abundance * Double(positions)
      return max(Int(Double(patches * patches) / max(surplus, 1)), patches / taps) + 4
    }
    let rank = min(
      inputBasis.shape[0], needed(Self.abundance),
      max(needed(Self.leastAbundance), Self.largestOrder / positions))
    let outputRank = outputBasis.shape[0]
    guard taps * rank > patches, taps * outputRank >= patches,
      rank * positions <= Self.largestOrder
    else { return nil }
    let basis = Tensor([rank, inputs], .f64(Array(inputBasis.doubles[..<(rank * inputs)])))

    // G in these coordinates, [k][outputRank, rank].
    var small: [[Double]] = []
    for tap in 0..<kernel * kernel {
      var slice = [Double](repeating: 0, count: outputs * inputs)
      for index in slice.indices { slice[index] = elements[index * kernel * kernel + tap] }
      let left = try backend.product(outputBasis, Tensor([outputs, inputs], .f64(slice)))
      small.append(try backend.product(left, basis, transposeB: true).doubles)
    }
    let offsets = (0..<taps).map { (y: $0 / patch, x: $0 % patch) }
    var hankel = [Double](repeating: 0, count: taps * outputRank * taps * rank)
    for (low, lower) in offsets.enumerated() {
      for (high, upper) in offsets.enumerated() {
        let tap = (upper.y - lower.y + patch - 1) * kernel + upper.x - lower.x + patch - 1
        for row in 0..<outputRank {
          let target = ((low * outputRank + row) * taps + high) * rank
          for column in 0..<rank { hankel[target + column] = small[tap][row * rank + column] }
        }
      }
    }
    guard
      let decomposition = algebra.singularValueDecomposition(
        HostBuffer(Tensor([taps * outputRank, taps * rank], .f64(hankel)))),
      decomposition.values.count >= patches, decomposition.values[patches - 1] > 0
    else { return nil }
    if decomposition.values.count > patches,
      decomposition.values[patches] > Self.clearFall * decomposition.values[patches - 1]
    {
      return nil
    }
    let space = Array(decomposition.right[..<(patches * taps * rank)])
    guard
      let found = try PatchSpace(
        basis: space, places: places, rank: rank, patch: patch, height: height, width: width
      ).map(backend)
    else { return nil }
    eigenvalues = found.eigenvalues
    guard
      let cotangent = try Self.cotangent(
        small: elements, basis: basis, map: found.map, outputs: outputs, inputs: inputs,
        kernel: kernel, height: height, width: width, backend)
    else { return nil }
    self.cotangent = cotangent
  }

  /// Equations for each unknown that are asked for where the gradient has them.
  private static let abundance = 2.0
  /// Equations for each unknown at least.
  private static let leastAbundance = 1.2
  /// Ratio of the singular values at the rank's end that speaks for it.
  private static let clearFall = 0.03

  /// The gradient as a matrix whose columns are input or output channels.
  private static func rows(
    of elements: [Double], _ outputs: Int, _ inputs: Int, _ taps: Int, ofInputs: Bool
  ) -> [Double] {
    let columns = ofInputs ? inputs : outputs
    var result = [Double](repeating: 0, count: elements.count)
    for output in 0..<outputs {
      for input in 0..<inputs {
        for tap in 0..<taps {
          let row = (ofInputs ? output : input) * taps + tap
          result[row * columns + (ofInputs ? input : output)] =
            elements[(output * inputs + input) * taps + tap]
        }
      }
    }
    return result
  }

  /// Orthonormal rows that span those of a matrix whose rank is at most `limit`, strongest first.
  private static func rowSpace(
    _ matrix: [Double], _ columns: Int, limit: Int, tolerance: Double, _ backend: any Backend
  ) throws(GraphError) -> Tensor? {
    var tensor = Tensor([matrix.count / columns, columns], .f64(matrix))
    let sketched = limit + 8
    if tensor.shape[0] > 2 * sketched {
      // Random combinations of the rows span the same space (Halko, Martinsson & Tropp 2011).
      var source = RandomSource(seed: 0xb11d)
      let mix = source.normalTensor([sketched, tensor.shape[0]], .f64)
      tensor = try backend.product(mix, tensor)
    }
    guard
      let decomposition = backend.linearAlgebra.singularValueDecomposition(HostBuffer(tensor)),
      let largest = decomposition.values.first, largest > 0
    else { return nil }
    let rank = min(decomposition.values.prefix { $0 > tolerance * largest }.count, limit)
    return Tensor([rank, columns], .f64(Array(decomposition.right[..<(rank * columns)])))
  }

  /// The cotangent c with G = c * a for a known a, by least squares over some channels of a.
  private static func cotangent(
    small elements: [Double], basis: Tensor, map: [Double], outputs: Int, inputs: Int, kernel: Int,
    height: Int, width: Int, _ backend: any Backend
  ) throws(GraphError) -> [Double]? {
    let (rank, taps, positions) = (basis.shape[0], kernel * kernel, height * width)
    // Rows (channel, tap) of shifted maps.
    var matrix = [Double](repeating: 0, count: rank * taps * positions)
    var right = [Double](repeating: 0, count: rank * taps * outputs)
    let plane = Size2D(height, width)
    Convolution(padding: Padding2D(kernel / 2)).forEachProduct(
      input: plane, kernel: Size2D(kernel, kernel), output: plane
    ) { tap, place, position in
      for channel in 0..<rank {
        matrix[(channel * taps + tap) * positions + place] = map[channel * positions + position]
      }
    }
    for tap in 0..<taps {
      var slice = [Double](repeating: 0, count: outputs * inputs)
      for index in slice.indices { slice[index] = elements[index * taps + tap] }
      let projected = try backend.product(
        basis, Tensor([outputs, inputs], .f64(slice)), transposeB: true
      ).doubles
      for channel in 0..<rank {
        for output in 0..<outputs {
          right[(channel * taps + tap) * outputs + output] = projected[channel * outputs + output]
        }
      }
    }
    let block = MapEquations.Block(
      channels: 0..<outputs, rowCount: rank * taps, matrix: matrix, rightHandSide: right)
    guard let solution = try MapSolution(block, positionCount: positions, backend: backend) else {
      return nil
    }
    var result = [Double](repeating: 0, count: outputs * positions)
    for position in 0..<positions {
      for output in 0..<outputs {
        result[output * positions + position] = solution.values[position * outputs + output]
      }
    }
    return result
  }
}
