import Clients
import Solvers
import TensorGraph

/// What an attacker believes of images before seeing an update: pixels lie around mid-grey, and
/// neighbours differ little. A Gaussian random field, so that its energy is a sum of squares and
/// Levenberg-Marquardt takes it as it is.
///
/// With noise of variance v on the update, the most probable images minimise the matching loss plus v
/// times this energy (Balunovic et al. 2022, arXiv 2111.04706, section 4). Of inputs of a known structure, such as rows of a
/// table, none is a neighbour, and each lies around the middle of what it can be.
struct PixelPrior: Hashable, Sendable {
  /// Standard deviation of a pixel around 0.5. Values lie in 0...1.
  static let pixelDeviation = 0.5
  /// Standard deviation of the difference of neighbouring pixels. Of the bundled photographs at 32x32
  /// it is 0.09.
  static let neighbourDeviation = 0.1

  /// [N, C, H, W].
  let shape: Shape
  /// Of each input of an example; of pictures one for all.
  private let centres: [Double]
  private let weights: [Double]
  private let neighbourWeight: Double

  /// - Parameters:
  ///   - noiseVariance: of an element of the matched update; not 0.
  ///   - structure: of an example's inputs; nil of pictures.
  init(shape: Shape, noiseVariance: Double, structure: InputStructure? = nil) {
    self.shape = shape
    guard let beliefs = structure?.beliefs else {
      centres = [0.5]
      weights = [noiseVariance / (PixelPrior.pixelDeviation * PixelPrior.pixelDeviation)]
      neighbourWeight =
        noiseVariance / (PixelPrior.neighbourDeviation * PixelPrior.neighbourDeviation)
      return
    }
    centres = beliefs.map(\.mean)
    weights = beliefs.map { noiseVariance / ($0.deviation * $0.deviation) }
    neighbourWeight = 0
  }

  private func centre(_ index: Int) -> Double { centres[index % centres.count] }
  private func weight(_ index: Int) -> Double { weights[index % weights.count] }

  /// The weighted energy at `point`, whose leading elements are the pixels; adds its gradient.
  func addEnergy(at point: Vector, gradient: MutableVector) -> Double {
    var energy = 0.0
    for index in 0..<shape.elementCount {
      let offset = point[index] - centre(index)
      energy += weight(index) * offset * offset
      gradient[index] += 2 * weight(index) * offset
    }
    forEachPair { left, right in
      let difference = point[right] - point[left]
      energy += neighbourWeight * difference * difference
      gradient[right] += 2 * neighbourWeight * difference
      gradient[left] -= 2 * neighbourWeight * difference
    }
    return energy
  }

  /// Adds half the energy's second derivative times `direction`: its share of JᵀJ.
  func addProduct(_ direction: Vector, to result: MutableVector) {
    for index in 0..<shape.elementCount { result[index] += weight(index) * direction[index] }
    forEachPair { left, right in
      let product = neighbourWeight * (direction[right] - direction[left])
      result[right] += product
      result[left] -= product
    }
  }

  /// Adds the same as a matrix to `matrix` [n, n], f32 or f64, n being at least the number of pixels.
  func addMatrix(to matrix: HostBuffer) {
    let order = matrix.type.shape[0]
    func add(_ row: Int, _ column: Int, _ value: Double) {
      switch matrix.type.dtype {
      case .f64: matrix.pointer(as: Double.self)[row * order + column] += value
      case .f32: matrix.pointer(as: Float.self)[row * order + column] += Float(value)
      case .i32, .i64, .bool: preconditionFailure("a normal matrix of \(matrix.type)")
      }
    }
    for index in 0..<shape.elementCount { add(index, index, weight(index)) }
    forEachPair { left, right in
      add(left, left, neighbourWeight)
      add(right, right, neighbourWeight)
      add(left, right, -neighbourWeight)
      add(right, left, -neighbourWeight)
    }
  }

  /// Calls `body` with the flat indices of all pixels side by side or one above the other.
  private func forEachPair(_ body: (Int, Int) -> Void) {
    guard neighbourWeight > 0 else { return }
    let (height, width) = (shape[2], shape[3])
    for plane in 0..<shape[0] * shape[1] {
      for row in 0..<height {
        let start = (plane * height + row) * width
        for column in 0..<width {
          if column + 1 < width { body(start + column, start + column + 1) }
          if row + 1 < height { body(start + column, start + column + width) }
        }
      }
    }
  }
}
