import Clients
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
package struct GradientAnalysis: Sendable {
  /// Number of pixel values in the batch.
  package let unknowns: Int
  /// See ``Model/equationBound(batchSize:)``.
  package let equationBound: Int
  /// The spectrum of JᵀJ: every eigenvalue, or an estimate where the matrix is too large.
  package let spectrum: SpectralDensity
  /// Number of eigenvalues above ``threshold``.
  package let rank: Int
  /// For each pixel value the share of it that the gradient determines, 0 to 1: the diagonal of the
  /// projector on the determined directions. [N, C, H, W]; nil where the spectrum is an estimate.
  package let determinacy: Tensor?
  /// For each pixel value the variance of its best unbiased estimate, divided by the variance of the
  /// noise: the diagonal of the pseudo-inverse of JᵀJ. Where the pixel is not determined it tells of
  /// its determined part alone. [N, C, H, W]; nil where the spectrum is an estimate.
  package let noiseAmplification: Tensor?
  /// What no reconstruction can do better under noise; nil where the model is not smooth, or the gradient not finite at some pictures
  /// of the prior.
  package let priorBound: PriorBound?

  /// Share of the largest eigenvalue below which one counts as 0: about the rounding of products in
  /// f64.
  package static let rankTolerance = 1e-14

  /// Bytes that all eigenvalues of `unknowns` pixel values need at most: the matrix, and the work space
  /// of its eigenvectors.
  package static func byteCount(unknowns: Int) -> Int { 3 * unknowns * unknowns * 8 }

  /// Random vectors and Lanczos steps of an estimate.
  static let (probes, steps) = (4, 240)

  /// Bytes that an estimate for `unknowns` pixel values needs.
  package static func estimateByteCount(unknowns: Int) -> Int { (steps + 4) * unknowns * 8 }

  /// All eigenvalues where `memoryLimit` allows, else an estimate.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W], the private batch; `labels` its classes.
  ///   - sharedParameters: indices of the parameters whose gradients are shared; nil for all.
  ///   - memoryLimit: bytes at most.
  ///   - shouldStop: asked now and then.
  /// - Throws: ``AttackError`` when the batch is too large, the model cannot be run, or `shouldStop` said so.
  package init(
    _ weighted: WeightedModel, images: Tensor, labels: [Int],
    loss: ClientLoss = .meanCrossEntropy, sharedParameters: [Int]? = nil,
    mode: ForwardMode = .evaluation,
    memoryLimit: Int = 8 << 30, backend: any Backend, shouldStop: () -> Bool = { false }
  ) throws(AttackError) {
    let order = images.shape.elementCount
    let algebra = backend.linearAlgebra
    let needed = GradientAnalysis.estimateByteCount(unknowns: order)
    guard needed <= memoryLimit else {
      throw AttackError(
        "the spectrum for \(order) pixel values needs \(needed >> 20) MiB, more than the limit of "
          + "\(memoryLimit >> 20) MiB; use smaller images, a smaller batch or a higher limit")
    }
    let signature = UpdateSignature(
      weighted.model, batchSize: images.shape[0], loss: loss, sharedParameters: sharedParameters,
      mode: mode)
    let products = try AttackError.naming(weighted.model.name, "analysed") {
      () throws(GraphError) in
      try GaussNewtonProducts(weighted, signature, labels: labels, dtype: .f64, backend: backend)
    }
    images.doubles.withUnsafeBufferPointer { products.move(to: $0) }
    unknowns = order
    equationBound = weighted.model.equationBound(
      batchSize: images.shape[0], sharedParameters: sharedParameters, mode: mode)
    let isExact =
      GradientAnalysis.byteCount(unknowns: order) <= memoryLimit
      && order <= algebra.largestEigenvalueOrder
    let rankBound = min(equationBound, order)
    let decomposition = try AttackError.naming(weighted.model.name, "analysed") {
      () throws(GraphError) in
      isExact
        ? try Decomposition(products, shape: images.shape, algebra, shouldStop)
        : try Decomposition(
          estimating: products, order: order, rankBound: rankBound, algebra,
          shouldStop)
    }
    guard let decomposition else {
      guard !shouldStop() else {
        throw AttackError("the analysis was stopped before its end", .stopped)
      }
      throw AttackError(
        "the eigenvalues did not converge: the gradient of \(weighted.model.name) is not finite here"
      )
    }
    spectrum = decomposition.spectrum
    determinacy = decomposition.determinacy
    noiseAmplification = decomposition.noiseAmplification
    rank = spectrum.count(above: GradientAnalysis.threshold(of: spectrum))
    priorBound =
      weighted.model.smoothness(mode: mode).isSmooth
      ? try AttackError.naming(weighted.model.name, "analysed") { () throws(GraphError) in
        try PriorBound(products, order: order, basis: decomposition.basis, seed: 0, shouldStop)
      }
      : nil
    guard !shouldStop() else {
      throw AttackError("the analysis was stopped before its end", .stopped)
    }
  }

  /// Eigenvalues up to this cannot be told from 0: because of rounding or, in an estimate, because the
  /// Lanczos process does not resolve them (about (π / 2 steps)² of the largest).
  package var threshold: Double { GradientAnalysis.threshold(of: spectrum) }

  private static func threshold(of spectrum: SpectralDensity) -> Double {
    let resolution = 2.5 / Double(steps * steps)
    return (spectrum.isExact ? rankTolerance : resolution) * (spectrum.eigenvalues.first ?? 0)
  }

  /// Whether every pixel value is determined.
  package var isDetermined: Bool { rank == unknowns }

  /// The largest eigenvalue divided by the smallest; infinite when not all directions are determined.
  package var condition: Double {
    guard isDetermined, let largest = spectrum.eigenvalues.first,
      let smallest = spectrum.eigenvalues.last
    else {
      return .infinity
    }
    return largest / smallest
  }

  /// The least mean squared error per pixel value of any unbiased reconstruction, when Gaussian noise
  /// of this variance is added to every component of the gradient: the Cramér-Rao bound
  /// σ² tr((JᵀJ)⁻¹) / n. Nil when not all directions are determined, for then there is no unbiased one, and for an
  /// estimated spectrum, whose smallest eigenvalues are not known.
  package func cramerRaoError(noiseVariance: Double) -> Double? {
    guard isDetermined, spectrum.isExact else { return nil }
    return noiseVariance * spectrum.sum { 1 / $0 } / Double(unknowns)
  }

  /// A prediction, no bound, of the least mean squared error per pixel value of any reconstruction, unbiased
  /// or not, when pixel values are a priori independent with variance 1/12, as uniform ones in 0...1
  /// have: σ² tr((JᵀJ + 12 σ² I)⁻¹) / n, the Bayesian Cramér-Rao bound (Van Trees 1968) of the problem
  /// linearised at the private images. ``priorBound`` is a bound. It never exceeds 1/12, what knowing nothing gives.
  package func bayesianError(noiseVariance: Double) -> Double {
    guard noiseVariance > 0 else { return Double(unknowns - rank) / Double(12 * unknowns) }
    return spectrum.sum { noiseVariance / ($0 + 12 * noiseVariance) } / Double(unknowns)
  }

  /// The noise variance at which the Bayesian bound reaches a PSNR in dB; nil when even a noiseless
  /// gradient leaves less. With that much noise no reconstruction is expected to be better.
  package func noiseVariance(forPSNR decibels: Double) -> Double? {
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

/// The eigenvalues of JᵀJ, and what their eigenvectors say of each pixel.
private struct Decomposition {
  let spectrum: SpectralDensity
  var determinacy: Tensor?
  var noiseAmplification: Tensor?
  /// Eigenvectors as rows, and eigenvalues, ascending; nil for an estimate.
  var basis: (vectors: HostBuffer, values: [Double])?

  /// All of them; nil when they do not converge.
  init?(
    _ products: GaussNewtonProducts, shape: Shape, _ algebra: any LinearAlgebra,
    _ shouldStop: () -> Bool
  ) throws(GraphError) {
    let order = shape.elementCount
    let matrix = HostBuffer(TensorType([order, order], .f64))
    guard try products.assemble(into: matrix, shouldStop: shouldStop),
      let ascending = algebra.symmetricEigenvalues(matrix, vectors: true)
    else { return nil }
    let threshold = GradientAnalysis.rankTolerance * (ascending.last ?? 0)
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
    basis = (matrix, ascending)
    spectrum = SpectralDensity(ascending: ascending)
    determinacy = Tensor(shape, .f64(share))
    noiseAmplification = Tensor(shape, .f64(amplification))
  }

  /// The spectrum alone, estimated.
  init?(
    estimating products: GaussNewtonProducts, order: Int, rankBound: Int,
    _ algebra: any LinearAlgebra,
    _ shouldStop: () -> Bool
  ) throws(GraphError) {
    let density = try SpectralDensity(
      order: order, probes: GradientAnalysis.probes, steps: GradientAnalysis.steps,
      rankBound: rankBound, algebra: algebra,
      shouldStop: shouldStop, multiply: products.multiply)
    guard let density else { return nil }
    spectrum = density
  }
}
