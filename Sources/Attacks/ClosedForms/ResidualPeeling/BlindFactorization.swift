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
///
/// The gradient of N images is the sum of N such products, its row space holds the patches of all of them, and
/// N null vectors span their maps; ``CotangentUnmixing`` tells which combinations of the cotangents are
/// those of one image.
struct BlindFactorization {
  /// c of each image, [outputs, height x width], each up to a scalar, in no order.
  let cotangents: [[Double]]
  /// Largest eigenvalue of the system for a that belongs to an image, and the next: true solutions stand far
  /// below the next.
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
  ///   - imageCount: of how many images the gradient is.
  /// - Returns: nil when the channels are too few, or the gradient is not of so many images.
  /// - Throws: ``GraphError`` when the backend fails.
  init?(
    _ gradient: Tensor, support: [Bool], height: Int, width: Int, imageCount: Int = 1,
    tolerance: Double, backend: any Backend
  ) throws(GraphError) {
    let (outputs, inputs, kernel) = (gradient.shape[0], gradient.shape[1], gradient.shape[2])
    let patch = (kernel + 1) / 2
    let taps = patch * patch
    let places = PatchSpace.places(height: height, width: width, patch: patch, support: support)
    let patches = imageCount * places.count
    guard patches > 0 else { return nil }
    let positions = height * width
    let algebra = backend.linearAlgebra
    // Rows (o, k) of channels i, and rows (i, k) of channels o.
    let elements = gradient.doubles
    let byInput = Self.rows(of: elements, outputs, inputs, kernel * kernel, ofInputs: true)
    let byOutput = Self.rows(of: elements, outputs, inputs, kernel * kernel, ofInputs: false)
    guard
      let inputBasis = try Self.rowSpace(
        byInput, inputs, limit: imageCount * positions, tolerance: tolerance, backend),
      let outputBasis = try Self.rowSpace(
        byOutput, outputs, limit: imageCount * positions, tolerance: tolerance, backend)
    else { return nil }
    // Few channels suffice: r of them give places (taps r - patches) equations for positions r unknowns.
    func needed(_ abundance: Double) -> Int {
      let surplus = Double(taps * places.count) - abundance * Double(positions)
      return max(Int(Double(places.count * patches) / max(surplus, 1)), patches / taps) + 4
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
      ).maps(imageCount, backend)
    else { return nil }
    eigenvalues = found.eigenvalues
    guard
      let mixed = try Self.cotangents(
        small: elements, basis: basis, maps: found.maps, outputs: outputs, inputs: inputs,
        kernel: kernel, height: height, width: width, backend),
      let unmixing = try CotangentUnmixing(
        mixed, channelCount: outputs, tolerance: tolerance, backend: backend)
    else { return nil }
    cotangents = unmixing.cotangents
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

  /// The cotangents c with G = Σ c * a for known maps a, by least squares over some channels of a.
  private static func cotangents(
    small elements: [Double], basis: Tensor, maps: [[Double]], outputs: Int, inputs: Int,
    kernel: Int, height: Int, width: Int, _ backend: any Backend
  ) throws(GraphError) -> [[Double]]? {
    let (rank, taps, positions) = (basis.shape[0], kernel * kernel, height * width)
    // Rows (channel, tap) of shifted maps, which stand beside each other.
    let columns = maps.count * positions
    var matrix = [Double](repeating: 0, count: rank * taps * columns)
    var right = [Double](repeating: 0, count: rank * taps * outputs)
    let plane = Size2D(height, width)
    Convolution(padding: Padding2D(kernel / 2)).forEachProduct(
      input: plane, kernel: Size2D(kernel, kernel), output: plane
    ) { tap, place, position in
      for (index, map) in maps.enumerated() {
        for channel in 0..<rank {
          matrix[(channel * taps + tap) * columns + index * positions + place] =
            map[channel * positions + position]
        }
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
    guard let solution = try MapSolution(block, positionCount: columns, backend: backend) else {
      return nil
    }
    return maps.indices.map { index in
      (0..<outputs * positions).map {
        solution.values[(index * positions + $0 % positions) * outputs + $0 / positions]
      }
    }
  }
}
