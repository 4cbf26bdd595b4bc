import Attacks
import Clients
import ModelIO
import TensorGraph

/// What `gradleak analyse` found for one batch.
package struct AnalysisRecord: Codable, Sendable, Equatable {
  /// One row of the noise table.
  package struct NoiseRow: Codable, Sendable, Equatable {
    /// Variance of the Gaussian noise on every component of the gradient.
    package let variance: Double
    /// The same, relative to the gradient's mean square.
    package let relativeVariance: JSONNumber
    /// PSNR in dB that no unbiased reconstruction is expected to exceed; nil when none is unbiased.
    package let cramerRaoPSNR: JSONNumber?
    /// PSNR in dB that no reconstruction is expected to exceed: a prediction, linearised at the private images.
    package let bayesianPSNR: JSONNumber
    /// PSNR in dB of the mean squared error that no reconstruction can go below on average over a prior of independent pixels
    /// (density 2 sin²(pi x)), at 95 %; nil for models that are not smooth, which have no such bound, and in older records.
    package let boundPSNR: JSONNumber?
  }

  /// Version of gradleak that made it.
  package let tool: String
  /// Names of the batch's images.
  package let images: [String]
  /// The model's name.
  package let model: String
  /// Pixel values of the batch.
  package let unknowns: Int
  /// No attack can have more independent equations from this gradient.
  package let equationBound: Int
  /// Eigenvalues above the threshold: all that count, or, in an estimate, those resolved.
  package let rank: Int
  /// Whether the spectrum was estimated by the Lanczos process, the matrix being too large; nil in
  /// records of gradleak 0.1.
  package let isEstimate: Bool?
  /// Of JᵀJ, where J is the derivative of the gradient with respect to the pixels.
  package let largestEigenvalue: JSONNumber
  /// Of JᵀJ likewise; 0 where directions are not determined.
  package let smallestEigenvalue: JSONNumber
  /// Largest by smallest eigenvalue.
  package let condition: JSONNumber
  /// What noise on the gradient does to the best estimate, one row for each strength.
  package let noise: [NoiseRow]
  /// Noise variance above which no reconstruction is expected to exceed 20 dB; nil when none is needed.
  package let varianceFor20dB: Double?

  package init(
    _ analysis: GradientAnalysis, images: [String], model: String, update: SharedUpdate
  ) {
    tool = GradleakVersion.current
    self.images = images
    self.model = model
    unknowns = analysis.unknowns
    equationBound = analysis.equationBound
    rank = analysis.rank
    isEstimate = !analysis.spectrum.isExact
    largestEigenvalue = JSONNumber(analysis.spectrum.eigenvalues.first ?? 0)
    smallestEigenvalue = JSONNumber(analysis.spectrum.eigenvalues.last ?? 0)
    condition = JSONNumber(analysis.condition)
    let count = update.gradients.reduce(0) { $0 + $1.shape.elementCount }
    let meanSquare = update.squaredNorm / Double(max(count, 1))
    noise = stride(from: -12, through: 0, by: 1).map { exponent in
      let variance = AnalysisRecord.powerOfTen(exponent)
      return NoiseRow(
        variance: variance, relativeVariance: JSONNumber(variance / meanSquare),
        cramerRaoPSNR: analysis.cramerRaoError(noiseVariance: variance).map {
          JSONNumber(ImageMetrics.peakSignalToNoiseRatio(meanSquaredError: $0))
        },
        bayesianPSNR: JSONNumber(
          ImageMetrics.peakSignalToNoiseRatio(
            meanSquaredError: analysis.bayesianError(noiseVariance: variance))),
        boundPSNR: analysis.priorBound.map {
          JSONNumber(
            ImageMetrics.peakSignalToNoiseRatio(
              meanSquaredError: $0.error(noiseVariance: variance)))
        })
    }
    varianceFor20dB = analysis.noiseVariance(forPSNR: 20)
  }

  private static func powerOfTen(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 0 }
}

/// Writes an analysis to a folder: `analysis.json`, `spectrum.csv`, `spectrum.png`, and for each image
/// maps of determinacy and noise.
package struct AnalysisWriter: Sendable {
  private let folder: OutputFolder

  package init(folder: OutputFolder) {
    self.folder = folder
  }

  /// - Returns: what was written, for people.
  package func write(_ analysis: GradientAnalysis, _ record: AnalysisRecord) throws -> String {
    let kept = try folder.replace { try write(analysis, record, to: $0) }
    let maps = analysis.determinacy == nil ? "" : " and the maps"
    return "\(folder.path(of: "analysis.json")), spectrum.png, spectrum.csv\(maps)"
      + OutputFolder.note(kept)
  }

  private func write(
    _ analysis: GradientAnalysis, _ record: AnalysisRecord, to folder: StagedFolder
  ) throws {
    try AtomicFile.write(try ResultWriter.json(record), to: folder.path(of: "analysis.json"))
    let eigenvalues = analysis.spectrum.expanded
    let rows = eigenvalues.enumerated().map { "\($0 + 1),\($1)" }
    try AtomicFile.write(
      "index,eigenvalue\n" + rows.joined(separator: "\n") + "\n",
      to: folder.path(of: "spectrum.csv"))
    let plot = SpectrumPlot(
      title: "\(record.model): \(record.isEstimate == true ? "estimate, above the line" : "rank") "
        + "\(record.rank) of \(record.unknowns)",
      eigenvalues: eigenvalues, threshold: analysis.threshold)
    try plot.image().writePNG(to: folder.path(of: "spectrum.png"))
    guard let determinacy = analysis.determinacy.map(unstacked),
      let noise = analysis.noiseAmplification.map(unstacked)
    else { return }
    for (index, name) in record.images.enumerated() {
      try AnalysisWriter.enlarged(Image(AnalysisWriter.overChannels(determinacy[index])))
        .writePNG(to: folder.path(of: "\(name)-determinacy.png"))
      try AnalysisWriter.enlarged(Image(AnalysisWriter.logarithmic(noise[index])))
        .writePNG(to: folder.path(of: "\(name)-noise.png"))
    }
  }

  /// The mean over channels, [1, H, W].
  private static func overChannels(_ image: Tensor) -> Tensor {
    let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
    let elements = image.doubles
    let means = (0..<height * width).map { pixel in
      (0..<channels).reduce(0) { $0 + elements[$1 * height * width + pixel] } / Double(channels)
    }
    return Tensor([1, height, width], .f64(means))
  }

  /// Black where noise is amplified least, white where most, on a logarithmic scale.
  private static func logarithmic(_ image: Tensor) -> Tensor {
    let mean = overChannels(image)
    let powers = mean.doubles.map { Double($0 > 0 ? $0.exponent : 0) + fraction($0) }
    let (low, high) = (powers.min() ?? 0, powers.max() ?? 0)
    return Tensor(mean.shape, .f64(powers.map { high > low ? ($0 - low) / (high - low) : 0 }))
  }

  /// The significand, less 1: makes the exponent a continuous, monotone scale.
  private static func fraction(_ value: Double) -> Double { value > 0 ? value.significand - 1 : 0 }

  /// Each pixel as a square, so that a small map can be looked at.
  private static func enlarged(_ map: Image) -> Image {
    let scale = max(256 / max(map.width, map.height), 1)
    var canvas = Canvas(width: map.width * scale, height: map.height * scale)
    canvas.draw(map, x: 0, y: 0, scale: scale)
    return canvas.image
  }
}
