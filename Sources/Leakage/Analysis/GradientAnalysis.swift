import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What one gradient tells about the images behind it, before any attack: the spectrum of JᵀJ, where J
/// is the Jacobian of the shared gradient with respect to the pixels, at the private batch.
///
/// Labels count as known, which favours the attacker.
public struct GradientAnalysis: Sendable {
  /// Number of pixel values in the batch.
  public let unknowns: Int
  /// See ``Model/equationBound(batchSize:)``.
  public let equationBound: Int
  /// Eigenvalues of JᵀJ, descending; those that rounding made negative are 0.
  public let eigenvalues: [Double]
  /// Number of eigenvalues above `rankTolerance` times the largest.
  public let rank: Int
  /// For each pixel value the share of it that the gradient determines, 0 to 1: the diagonal of the
  /// projector on the determined directions. [N, C, H, W].
  public let determinacy: Tensor
  /// For each pixel value the variance of its best unbiased estimate, divided by the variance of the
  /// noise: the diagonal of the pseudo-inverse of JᵀJ. Where the pixel is not determined it tells of
  /// its determined part alone. [N, C, H, W].
  public let noiseAmplification: Tensor

  /// Share of the largest eigenvalue below which one counts as 0: about the rounding of products in
  /// f64.
  public static let rankTolerance = 1e-14

  /// Bytes that an analysis of `unknowns` pixel values needs at most: the matrix, and the work space
  /// of its eigenvectors.
  public static func byteCount(unknowns: Int) -> Int { 3 * unknowns * unknowns * 8 }

  /// - Parameters:
  ///   - images: [N, C, H, W], the private batch; `labels` its classes.
  ///   - shared: indices of the parameters whose gradients are shared; nil for all.
  ///   - memoryLimit: bytes at most.
  ///   - progress: called now and then with the share of the matrix that is filled.
  /// - Throws: ``AttackError`` when the batch is too large or the model cannot be run.
  public init(
    _ weighted: WeightedModel, images: Tensor, labels: [Int],
    loss: ClientLoss = .meanCrossEntropy, shared: [Int]? = nil, mode: ForwardMode = .evaluation,
    memoryLimit: Int = 8 << 30, backend: any Backend, progress: () -> Void = {}
  ) throws(AttackError) {
    let order = images.shape.elementCount
    let algebra = backend.linearAlgebra
    let needed = GradientAnalysis.byteCount(unknowns: order)
    guard needed <= memoryLimit else {
      throw AttackError(
        "the spectrum for \(order) pixel values needs \(needed >> 20) MiB, more than the limit of "
          + "\(memoryLimit >> 20) MiB; use smaller images, a smaller batch or a higher limit")
    }
    guard order <= algebra.largestEigenvalueOrder else {
      throw AttackError(
        "\(order) pixel values are too many for eigenvalues by \(algebra.name), which finds at most "
          + "\(algebra.largestEigenvalueOrder); install OpenBLAS (libopenblas), or use smaller images"
      )
    }
    let matrix = HostBuffer(TensorType([order, order], .f64))
    do {
      let products = try GaussNewtonProducts(
        weighted, batchSize: images.shape[0], labels: labels, loss: loss, shared: shared,
        dtype: .f64, mode: mode, backend: backend)
      let point = images.doubles
      point.withUnsafeBufferPointer { products.move(to: $0) }
      _ = products.assemble(into: matrix) {
        progress()
        return false
      }
    } catch {
      throw AttackError("\(weighted.model.name) cannot be analysed: \(error.message)")
    }
    guard let ascending = algebra.symmetricEigenvalues(matrix, vectors: true) else {
      throw AttackError(
        "the eigenvalues did not converge: the gradient of \(weighted.model.name) is not finite here"
      )
    }
    unknowns = order
    equationBound = weighted.model.equationBound(
      batchSize: images.shape[0], shared: shared, mode: mode)
    let threshold = GradientAnalysis.rankTolerance * (ascending.last ?? 0)
    rank = ascending.count { $0 > threshold }
    eigenvalues = ascending.reversed().map { max($0, 0) }
    var share = [Double](repeating: 0, count: order)
    var amplification = share
    let vectors = matrix.pointer(as: Double.self)
    for (row, eigenvalue) in ascending.enumerated() where eigenvalue > threshold {
      let inverse = 1 / eigenvalue
      for pixel in 0..<order {
        let squared = vectors[row * order + pixel] * vectors[row * order + pixel]
        share[pixel] += squared
        amplification[pixel] += squared * inverse
      }
    }
    determinacy = Tensor(images.shape, .f64(share))
    noiseAmplification = Tensor(images.shape, .f64(amplification))
  }

  /// Whether every pixel value is determined.
  public var isDetermined: Bool { rank == unknowns }

  /// The largest eigenvalue divided by the smallest; infinite when not all directions are determined.
  public var condition: Double {
    guard isDetermined, let largest = eigenvalues.first, let smallest = eigenvalues.last else {
      return .infinity
    }
    return largest / smallest
  }

  /// The least mean squared error per pixel value of any unbiased reconstruction, when Gaussian noise
  /// of this variance is added to every component of the gradient: the Cramér-Rao bound
  /// σ² tr((JᵀJ)⁻¹) / n. Nil when not all directions are determined, for then there is no unbiased one.
  public func cramerRaoError(noiseVariance: Double) -> Double? {
    guard isDetermined else { return nil }
    return noiseVariance * eigenvalues.reduce(0) { $0 + 1 / $1 } / Double(unknowns)
  }

  /// The least mean squared error per pixel value that can be expected of any reconstruction, unbiased
  /// or not, when pixel values are a priori independent with variance 1/12, as uniform ones in 0...1
  /// have: σ² tr((JᵀJ + 12 σ² I)⁻¹) / n, the Bayesian Cramér-Rao bound (Van Trees 1968) of the problem
  /// linearised here. It never exceeds 1/12, what knowing nothing gives.
  public func bayesianError(noiseVariance: Double) -> Double {
    guard noiseVariance > 0 else { return Double(unknowns - rank) / Double(12 * unknowns) }
    return eigenvalues.reduce(0) { $0 + noiseVariance / ($1 + 12 * noiseVariance) }
      / Double(unknowns)
  }

  /// The noise variance at which the Bayesian bound reaches a PSNR in dB; nil when even a noiseless
  /// gradient leaves less. With that much noise no reconstruction is expected to be better.
  public func noiseVariance(forPSNR decibels: Double) -> Double? {
    let target = pow(10, -decibels / 10)
    guard target < 1.0 / 12 else { return nil }
    var (low, high) = (-60.0, 20.0)
    guard bayesianError(noiseVariance: 0) < target else { return nil }
    for _ in 0..<80 {
      let middle = (low + high) / 2
      if bayesianError(noiseVariance: exp(middle)) < target { low = middle } else { high = middle }
    }
    return exp((low + high) / 2)
  }
}
