import Attacks
import Clients
import Defences
import TensorGraph

/// What a server gets back from many InstaHide encodings of one client's images: a gradient of each
/// encoding, the encoding and its labels' shares from each gradient, and the images from all of them.
package struct EncodingBenchmark: Codable, Sendable, Equatable {
  /// One number of mixed images and of encodings.
  package struct Row: Codable, Sendable, Equatable {
    /// Images mixed into each encoding.
    package var mixed: Int
    /// Encodings that were shared.
    package var encodings: Int
    /// The client's images.
    package var images: Int
    /// Mean PSNR in dB of the encodings that the gradients gave, against the client's.
    package var encodingPSNR: JSONNumber
    /// Share of the images' elements whose equations were solved.
    package var solvedShare: Double
    /// PSNR in dB of each decoded image, in the images' order; of all or all their negatives, whichever
    /// is better, which nobody who looks at them mistakes.
    package var psnr: [JSONNumber]
    /// Images that came back as ``LeakLevel/recognisable``.
    package var recognisable: Int
  }

  /// Of the format.
  package var version = 1
  /// Version of gradleak that made it.
  package var tool = GradleakVersion.current
  /// Seed of all that is drawn.
  package var seed: UInt64
  /// One for each number of encodings.
  package private(set) var rows: [Row] = []

  package init(seed: UInt64) {
    self.seed = seed
  }

  /// Encodes each of the client's images in turn, one to a round, until there are `encodings`; attacks the
  /// gradient of each; decodes. Every image has a label of its own.
  ///
  /// - Parameters:
  ///   - images: [C, H, W], values in 0...1; more than `mixed`, and at most as many as classes.
  ///   - observe: called before each round with its number; the measurement ends without a row when it
  ///     says true.
  /// - Throws: ``AttackError`` when layer peeling does not apply to the model, or the encodings are too few.
  package mutating func measure(
    _ model: Model, images: [Tensor], mixed: Int, encodings: Int, backend: any Backend,
    observe: (Int) -> Bool = { _ in false }
  ) throws(AttackError) {
    let weighted = WeightedModel(untrained: model, seed: seed)
    let peeling = try LayerPeeling(model: model, backend: backend)
    let chain: DefenceChain
    do throws(DefenceError) {
      chain = try DefenceChain([InstaHide(count: mixed)])
    } catch {
      throw AttackError(error.message)
    }
    var pipeline = DefencePipeline(chain, seed: seed)
    var observations: [EncodingDecoder.Observation] = []
    var encodingDecibels: [Double] = []
    for round in 0..<encodings {
      if observe(round) { return }
      let own = round % images.count
      let shared = try weighted.share(
        images: stacked([images[own]]), labels: [own],
        companions: images.indices.filter { $0 != own }.map {
          Companion(image: images[$0], label: $0)
        }, through: &pipeline, backend: backend)
      guard let shares = LabelRecovery.shares(of: shared.update, weighted) else {
        throw AttackError("the last layer of \(model.name) does not tell the labels' shares")
      }
      let found = unstacked(try peeling.reconstruct(shared.update, weighted).images)[0]
      observations.append(EncodingDecoder.Observation(encoding: found, shares: shares))
      if let encoding = shared.encodings?.first {
        encodingDecibels.append(ImageMetrics.peakSignalToNoiseRatio(found, encoding))
      }
    }
    let decoded = try EncodingDecoder().decode(observations, seed: seed)
    func decibels(sign: Double) -> [Double] {
      images.indices.map { (index: Int) -> Double in
        guard let position = decoded.labels.firstIndex(of: index) else { return 0 }
        let image = decoded.images[position]
        let signed = Tensor(image.shape, .f64(image.doubles.map { 0.5 + sign * ($0 - 0.5) }))
        return ImageMetrics.peakSignalToNoiseRatio(clamped(signed), images[index])
      }
    }
    let (positive, negative) = (decibels(sign: 1), decibels(sign: -1))
    let isNegative = negative.reduce(0, +) > positive.reduce(0, +)
    let psnr = isNegative ? negative : positive
    let mean = encodingDecibels.reduce(0, +) / Double(max(encodingDecibels.count, 1))
    let grey = images.map {
      ImageMetrics.peakSignalToNoiseRatio(Tensor($0.shape, .f64, repeating: 0.5), $0)
    }
    rows.append(
      Row(
        mixed: mixed, encodings: encodings, images: images.count,
        encodingPSNR: JSONNumber(mean),
        solvedShare: decoded.solvedShare, psnr: psnr.map(JSONNumber.init),
        recognisable: zip(psnr, grey).count {
          $0 >= LeakThreshold.recognisablePSNR && $0 >= $1 + LeakThreshold.marginOverGrey
        }))
  }
}
