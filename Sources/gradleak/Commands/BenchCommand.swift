import ArgumentParser
import Audit
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// Benchmarks of the attacks themselves.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures the attacks on many runs.",
    subcommands: [
      SuccessCommand.self, LabelsCommand.self, EncodingsCommand.self, PlantedCommand.self,
    ])
}

/// How often, and how fast, an attack recovers its images.
struct SuccessCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "success",
    abstract: "Success rate with its confidence interval, evaluations and seconds.",
    discussion: """
      Every run has its own weights, labels and dummy data. Without --fashion the images are the \
      seven bundled photographs; a batch takes consecutive ones, around the end, \
      and their mirror images where it is larger.

      EXAMPLES
        gradleak bench success --seeds 3
        gradleak bench success --attack peeling --size 16
        gradleak bench success --batch-size 4 --width 24 --repeat-labels
      """)

  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(help: ArgumentHelp("Weight seeds, from --seed up.", valueName: "n"))
  var seeds = 1

  @Option(help: ArgumentHelp("Images that share one gradient.", valueName: "n"))
  var batchSize = 1

  @Flag(help: ArgumentHelp("Give all images of a batch one label.", visibility: .rare))
  var repeatLabels = false

  @Option(
    help: ArgumentHelp("Fashion-MNIST images: N x 28 x 28 bytes.", valueName: "file"),
    completion: .file())
  var fashion: String?

  @Option(help: ArgumentHelp("Runs at most for each seed.", valueName: "n"))
  var runs: Int?

  @Option(
    help: ArgumentHelp(
      "PSNR in dB from which an image counts as recovered.", valueName: "dB", visibility: .rare))
  var psnr = LeakThreshold.fullPSNR

  @Option(
    help: ArgumentHelp(
      "Folder for the weights, images and labels of every run, for other programs to repeat.",
      valueName: "folder", visibility: .rare), completion: .directory)
  var export: String?

  func validate() throws {
    try check("--seeds", seeds, 1...100_000)
    try check("--batch-size", batchSize, 1...1000)
    if let runs { try check("--runs", runs, 1...100_000) }
  }

  func run() throws {
    let selected = try selection.select(batchSizes: [batchSize])
    let model = selected.model
    try checkPictures(model)
    let clientLoss = try loss.clientLoss(of: selected)
    let labelCount = clientLoss.labelCount(classCount: model.classCount)
    let pictures = try loadPictures(size: BundledImages.size(forHeight: model.inputShape[1]))
    let runCount = Double(seeds) * Double(min(pictures.count, runs ?? pictures.count))
    guard runCount * Double(batchSize) <= 10_000_000 else {
      throw ValidationError(
        "--seeds, --runs and --batch-size make \(runCount) runs of \(batchSize) images; 10 million images "
          + "in all are allowed, take fewer.")
    }
    let runner = PictureRunner(selected, backend: try output.backend)
    let session = ExperimentSession(runner, output)
    var prepared: [PreparedPictures] = []
    for offset in 0..<seeds {
      var experiment = try Experiment(
        selection, loss: loss, attack: attack, by: threat, default: .automatic,
        seedOffset: UInt64(offset))
      var labels = RandomSource(seed: experiment.attack.seed).derive(label: "labels")
      for first in 0..<min(pictures.count, runs ?? pictures.count) {
        let repeated = labels.integer(below: labelCount)
        let batch = (0..<batchSize).map { pictures[(first + $0) % pictures.count] }
        experiment.data.pictures = batch.map(\.name)
        experiment.data.labels = batch.indices.map { index in
          let label = repeatLabels || index == 0 ? repeated : labels.integer(below: labelCount)
          return ExampleLabel(String(label))
        }
        experiment.data.turns = batch.indices.map { $0 / pictures.count & 3 }
        if experiment.data.turns?.allSatisfy({ $0 == 0 }) == true { experiment.data.turns = nil }
        prepared.append(
          try runner.prepare(
            experiment,
            pictures: batch.enumerated().map { index, picture in
              PrivateExample(
                name: picture.name, picture: picture.image, label: nil,
                inputShape: model.inputShape
              ).mirrored(turn: index / pictures.count)
            }))
      }
    }
    let writer = try output.folder().map { ResultWriter(folder: $0) }
    if let export {
      try OutputFolder(export, setsOthersAside: output.force).replace { staged in
        try write(prepared, of: selected, to: staged)
      }
    }
    let outcomes = try session.run(prepared)
    let report = SuccessReport(outcomes: outcomes, psnr: psnr)
    let written = try writer?.write(outcomes)
    if output.json {
      Terminal.print(try ResultWriter.json(report))
    } else {
      for line in report.lines { Terminal.printParagraph(line) }
      if let written { Terminal.printWritten(written) }
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; these are the runs so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }

  /// One safetensors file for each run: the parameters under their names, `images` and `labels`.
  private func write(
    _ prepared: [PreparedPictures], of selected: SelectedModel, to folder: StagedFolder
  )
    throws
  {
    let model = selected.model
    for (index, job) in prepared.enumerated() {
      let weighted = selected.weighted(seed: job.experiment.attack.seed)
      let images = Tensor(
        Shape([job.batch.count] + model.inputShape.dimensions),
        .f64(job.batch.flatMap(\.image.doubles)))
      let labels = Tensor([job.batch.count], .i64, job.batch.map { Double($0.label ?? 0) })
      var tensors = Dictionary(
        uniqueKeysWithValues: zip(model.parameters.map(\.name), weighted.parameters))
      tensors["images"] = images
      tensors["labels"] = labels
      try Safetensors.write(
        tensors, to: folder.path(of: "run-\(index).safetensors"))
    }
  }

  private func loadPictures(size: Int) throws -> [(name: String, image: Image)] {
    guard let fashion else { return BundledImages.all(size: size) }
    return try loadFashion(fashion)
  }
}

/// Grey images of 28x28 pixels, one byte each, without a header.
func loadFashion(_ path: String) throws -> [(name: String, image: Image)] {
  let count = 28 * 28
  // All of Fashion-MNIST, training and test.
  let bytes = try InputFile.bytes(
    at: path, expected: "Fashion-MNIST images, N x 28 x 28 bytes", limit: 70_000 * count)
  try WantedFile.rawPixels.refuseOthers(bytes, path: path)
  guard !bytes.isEmpty, bytes.count % count == 0 else {
    throw ValidationError(
      "\(path) has \(bytes.count) bytes, not a multiple of 28 x 28; give uncompressed images.")
  }
  return (0..<bytes.count / count).map { index in
    let pixels = bytes[index * count..<(index + 1) * count].flatMap { [$0, $0, $0] }
    return ("fashion-\(index)", Image(width: 28, height: 28, pixels: pixels))
  }
}

/// What a success benchmark measured.
struct SuccessReport: Encodable {
  private struct Quantiles: Encodable {
    /// Half of the runs have no more.
    let median: Double
    /// Nine of ten runs have no more.
    let percentile90: Double

    init(_ values: [Double]) {
      median = values.isEmpty ? 0 : quantile(0.5, of: values)
      percentile90 = values.isEmpty ? 0 : quantile(0.9, of: values)
    }

    var text: String { String(format: "median %.4g, 90th percentile %.4g", median, percentile90) }
  }

  /// Attacks, one for each image and seed.
  private let runs: Int
  /// Runs of which every image came back with at least the threshold and its label.
  private let successes: Int
  /// Successes by runs.
  private let rate: Double
  /// Wilson's interval of the rate at 95 %.
  private let interval: [Double]
  /// PSNR from which a run is a success, in dB.
  private let threshold: Double
  /// Runs whose labels were all found.
  private let labelsRight: Int
  /// Of the objective and its gradient.
  private let evaluations: Quantiles
  /// Linear systems that were solved.
  private let secondOrderSteps: Quantiles
  /// Products with the matrix of second-order steps.
  private let normalMatrixProducts: Quantiles
  /// For each run.
  private let seconds: Quantiles
  /// Of the reconstructions, in dB.
  private let psnr: Quantiles
  /// How often each verdict was given, by its name.
  private let verdicts: [String: Int]
  /// The same for people, with the interval.
  private let rateText: String

  /// A run succeeds when every image of its batch has `psnr` dB and its label is right.
  init(outcomes: [AuditOutcome], psnr threshold: Double) {
    let records = outcomes.map(\.record)
    let success = SuccessRate(
      records.map { record in
        record.images.allSatisfy { ($0.psnr?.value ?? 0) >= threshold && $0.isLabelRight == true }
      })
    runs = success.count
    successes = success.successes
    rate = success.rate
    interval = [success.interval.lowerBound, success.interval.upperBound]
    rateText = success.description
    self.threshold = threshold
    labelsRight = records.count { $0.images.allSatisfy { $0.isLabelRight == true } }
    func total(_ record: RunRecord, _ count: (TrialRecord) -> Int) -> Double {
      Double(record.trials.reduce(0) { $0 + count($1) })
    }
    evaluations = Quantiles(records.map { total($0) { $0.evaluations } })
    secondOrderSteps = Quantiles(records.map { total($0) { $0.secondOrder?.steps ?? 0 } })
    normalMatrixProducts = Quantiles(records.map { total($0) { $0.secondOrder?.products ?? 0 } })
    seconds = Quantiles(outcomes.map { $0.timing.compileSeconds + $0.timing.attackSeconds })
    psnr = Quantiles(records.flatMap { $0.images.compactMap(\.psnr?.value).filter(\.isFinite) })
    verdicts = Dictionary(
      records.compactMap(\.diagnosis?.verdict.rawValue).map { ($0, 1) }, uniquingKeysWith: +)
  }

  var lines: [String] {
    [
      "Recovered \(rateText): every image at \(threshold) dB or more and its label right.",
      "All labels right in \(labelsRight) of \(runs) runs.",
      "PSNR, dB: \(psnr.text).",
      "Evaluations: \(evaluations.text).",
      "Second-order steps: \(secondOrderSteps.text); products with JtJ: "
        + "\(normalMatrixProducts.text).",
      "Seconds: \(seconds.text).",
    ] + verdicts.sorted { $0.key < $1.key }.map { "Diagnosis \($0.key): \($0.value) of \(runs)." }
  }
}
