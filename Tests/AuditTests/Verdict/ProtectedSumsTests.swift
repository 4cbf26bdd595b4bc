import Attacks
import CPUBackend
import Clients
import Defences
import TensorGraph
import Testing

@testable import Audit

/// Sums of clients, transformed images, and what verdicts say of them.
@Suite struct ProtectedSumsTests {
  private func image(_ psnr: Double, transformed: Double? = nil) -> ImageResult {
    var image = ImageResult(
      name: "image", preparation: nil, meanSquaredError: 0.01, psnr: psnr, ssim: nil, trueLabel: 1,
      recoveredLabel: 1, randomGuessPSNR: 7, greyImagePSNR: 10)
    image.transformedPSNR = transformed.map(JSONNumber.init)
    return image
  }

  private func report(_ records: [RunRecord]) -> Report {
    Report(ReportInput(records: records, folder: nil, path: "run.json"))
  }

  @Test func saysWhatIsSimulatedAndWhatIsNot() throws {
    let plain = report([sampleRecord(images: [image(50)])]).protections
    #expect(plain.count == 2)
    #expect(plain[0].contains("was not simulated here"))
    #expect(plain[1].contains("nothing was simulated"))
    let sum = try sampleRecord(
      images: [image(12), image(30)], defence: DefenceChain("secure-aggregation:4"))
    let measured = report([sampleRecord(images: [image(50)]), sum]).protections[0]
    #expect(measured.contains("in the sum of 4 clients 1 of 2"))
    #expect(measured.contains("without the cryptography"))
    #expect(report([]).protections.isEmpty)
  }

  /// An image that came back as the client transformed it can be recognised, but is not back in full.
  @Test func transformedImagesCount() {
    #expect(LeakLevel(image(8, transformed: 60)) == .recognisable)
    #expect(LeakLevel(image(8)) == .label)
    #expect(LeakLevel(image(8, transformed: 12)) == .label)
  }

  /// A stronger defence with few runs does not undo what a weaker one was shown to stop.
  @Test func fewerRunsOfStrongerOnesDecideNothing() throws {
    let records =
      try (0..<20).map { index in
        try sampleRecord(
          images: [image(8)], seed: UInt64(index), defence: DefenceChain("gaussian:0.01"))
      } + [sampleRecord(images: [image(8)], defence: DefenceChain("gaussian:1"))]
    let series = try #require(SweepReport(records: records)?.series.first { $0.axis == .strength })
    #expect(series.stopsAt == "gaussian:0.01", "\(series.statement)")
  }

  /// Noise is what DP-SGD's strengths differ in.
  @Test func privateTrainingIsOrderedByItsNoise() throws {
    let records = try [10.0, 0.01, 1].map { noise in
      try sampleRecord(
        images: [image(8)], defence: DefenceChain("dp-sgd:27,\(noise)"), update: "u\(noise)")
    }
    let series = try #require(SweepReport(records: records)?.series.first { $0.axis == .strength })
    #expect(series.points == ["dp-sgd:27,0.01", "dp-sgd:27,1", "dp-sgd:27,10"])
  }

  @Test func quantilesAreOfTheValues() {
    #expect(quantile(0.5, of: [3, 1, 2]) == 2)
    #expect(quantile(0.9, of: (1...10).map(Double.init)) == 9)
    #expect(quantile(0, of: [5, 4]) == 4)
    #expect(quantile(0.5, of: []).isNaN)
  }

  private func run(_ defence: String, size: Int = 8) throws -> RunRecord {
    let model = try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: [3, size, size], classCount: 5))
    let audit = SimulatedAudit(
      WeightedModel(untrained: model, seed: 0), activation: "sigmoid", weights: .drawn(seed: 0),
      backend: CPUBackend(CPUBackend.Options(threadCount: 1)))
    let (name, picture) = BundledImages.all(size: 32)[0]
    let example = PrivateExample(
      name: name, picture: picture, label: 2, inputShape: model.inputShape)
    return try audit.run(
      [example],
      configuration: AttackConfiguration(attack: .automatic, seed: 0, trials: 1, iterations: 60),
      defences: DefenceChain(defence)
    ).record
  }

  /// A whole run behind each: what is recorded of the image, the encoding and the sum.
  @Test func recordsTellTheEncodings() throws {
    let mixed = try run("mixup")
    #expect((mixed.images[0].encodedPSNR?.value ?? 0) > 30)
    #expect(mixed.images[0].transformedPSNR == nil)
    let transformed = try run("transform:29")
    #expect((transformed.images[0].transformedPSNR?.value ?? 0) > 60)
    #expect(LeakLevel(transformed.images[0]) == .recognisable)
    let sum = try run("secure-aggregation:2")
    #expect(sum.images.count == 1 && sum.update.batchSize == 2)
    let adapted = try run("lora:1")
    #expect(adapted.model.name == "lenet")
    #expect(10 * adapted.model.parameterCount < adapted.defence?.plainByteCount ?? 0)
    #expect((adapted.defence?.wireByteCount ?? 0) < 4 * 100 * 10)
    #expect(try run("soteria:0.5").images[0].decibels > 40)
  }
}
