import ArgumentParser
import Attacks
import Audit
import Foundation
import ModelIO
import Solvers
import TensorGraph

extension MaliciousMethod: ExpressibleByArgument {
  /// For the help of options.
  public static var allValueDescriptions: [String: String] { AttackCatalog.malicious.summaries }
}

/// What a server can read that plants weights of its own.
struct MaliciousCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "malicious",
    abstract: "Plays a server that plants weights to read images.",
    discussion: """
      A client trusts the weights it is sent; the server reads images off the gradient that comes back. \
      Private images are windows of the bundled photographs.

      EXAMPLES
        gradleak malicious --method robbing-the-fed --images 64 --bins 128 --out out
        gradleak malicious --method trap-weights --model mlp --images 20
        gradleak malicious --method fishing --images 16 --rounds 4
      """)

  @Option(help: ArgumentHelp("What is planted.", valueName: "name"))
  var method: MaliciousMethod = .robbingTheFed

  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(parsing: .unconditional, help: ArgumentHelp("Private images.", valueName: "n"))
  var images = 64

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Bins that images are sorted into (robbing-the-fed).", valueName: "n"))
  var bins = 128

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Copies of each bin: 2 or more prove which images were alone in theirs (robbing-the-fed).",
      valueName: "n"))
  var copies = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Rounds of planted weights at most (fishing).", valueName: "n"))
  var rounds = 30

  @Option(help: ArgumentHelp("Arithmetic of the client.", valueName: "type", visibility: .rare))
  var precision: Precision = .f32

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of images, labels and weights.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Fashion-MNIST images: N x 28 x 28 bytes.", valueName: "file", visibility: .rare),
    completion: .file())
  var fashion: String?

  func validate() throws {
    try check("--images", images, 1...4096)
    try check("--bins", bins, 2...65536)
    try check("--copies", copies, 1...16)
    guard copies == 1 || method == .robbingTheFed else {
      throw ValidationError(
        "--copies are of the bins of robbing-the-fed; leave them out for \(method.rawValue).")
    }
    try check("--rounds", rounds, 1...10_000)
  }

  func run() throws {
    let selected = try selection.select()
    guard selected.drawsWeights, selected.model.normalization == nil, selected.mode == .evaluation
    else {
      throw ValidationError(
        "a malicious server chooses the weights itself; leave --weights, --mode, --mean and --std out, "
          + "and name a built-in model.")
    }
    let model = selected.model
    try checkLabels(model)
    let writer = try output.folder().map { MaliciousWriter(folder: $0) }
    let pictures = try PictureSet(fashion: fashion, privateCount: images, seed: seed)
    var labels = RandomSource(seed: seed).derive(label: "labels")
    let common = labels.integer(below: model.classCount)
    let batch = pictures.secret.map { name, picture in
      let drawn = labels.integer(below: model.classCount)
      return PrivateExample(
        name: name, picture: picture, label: method == .featureFishing ? common : drawn,
        inputShape: model.inputShape)
    }
    let samples = pictures.known.map {
      PrivateExample(name: $0.name, picture: $0.image, label: 0, inputShape: model.inputShape).image
    }
    Interruption.listen()
    let simulation = try MaliciousSimulation(
      model: model, batch: batch, samples: samples, precision: precision, seed: seed,
      backend: output.backend)
    Notes.remark("The server set its weights by \(samples.count) public images.")
    let outcome = try simulation.run(
      method, bins: bins, copies: copies, rounds: rounds, shouldStop: { Interruption.isRequested })
    let written = try writer.map { try $0.write(outcome, batch) }
    if output.json {
      Terminal.print(try ResultWriter.json(outcome.record))
    } else {
      show(outcome.record)
      if let written { Terminal.printWritten(written) }
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is what was read so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }

  private func show(_ record: MaliciousRecord) {
    let rate = SuccessRate(successes: record.recoveredCount, count: record.batchSize)
    let count = record.recoveredCount
    Terminal.printVerdict(
      count == 0
        ? "None of \(record.batchSize) images came back; better attacks may get them."
        : "\(count) of \(record.batchSize) images came back in full.", count == 0 ? .yellow : .red)
    Terminal.print()
    Terminal.printParagraph(
      "Recovered \(rate)" + String(format: ": PSNR >= %.0f dB.", LeakThreshold.fullPSNR))
    if let isolated = record.isolatedCount {
      var line = "Isolated: \(isolated) of \(record.batchSize) images"
      if let expected = record.expectedIsolatedCount {
        line += String(
          format: "; expected n (1 - 1/k)^(n-1) = %.1f for n = %d, k = %d", expected,
          record.batchSize, record.bins ?? 0)
      }
      Terminal.printParagraph(line + ".")
    }
    let isolated = record.images.compactMap { $0.isIsolated == true ? $0.isRecovered : nil }
    if !isolated.isEmpty { Terminal.printParagraph("Of the isolated: \(SuccessRate(isolated)).") }
    if let copies = record.copies {
      Terminal.printParagraph(
        record.provenCount.map { count in
          "Proved by the update alone, whose \(copies) copies of a bin have rank one: \(count) of what was read is one private "
            + "image each (or several alike to rounding); \(record.provenInFull ?? 0) of these are in full."
        }
          ?? "The copies prove nothing here: they act on this model's output alike.")
    }
    let psnr = record.medianPSNR.map { ResultWriter.decibels($0.value) } ?? "-"
    Terminal.printParagraph(
      "Median PSNR \(isolated.isEmpty ? "" : "of the isolated ")\(psnr) dB; a random image has "
        + "\(ResultWriter.decibels(record.randomGuessPSNR.value)) dB, a grey one "
        + "\(ResultWriter.decibels(record.greyImagePSNR.value)) dB.")
    Terminal.printParagraph(
      "Model: \(record.model); \(record.method.rawValue); client in \(record.precision.rawValue); "
        + "\(record.rounds) \(record.rounds == 1 ? "round" : "rounds").")
    Terminal.printParagraph("Threat model: \(record.threatModel).")
    if record.findings.isEmpty {
      Terminal.printParagraph("The client's check of the weights it received finds nothing.")
    }
    for finding in record.findings {
      Terminal.printParagraph("The client could have seen it: \(finding.explanation)")
    }
  }
}

/// The private and the public images of a simulation.
struct PictureSet {
  let secret: [(name: String, image: Image)]
  let known: [(name: String, image: Image)]

  /// - Parameter fashion: path of a file of Fashion-MNIST images; nil for windows of photographs.
  init(fashion: String?, privateCount: Int, seed: UInt64) throws {
    var source = RandomSource(seed: seed).derive(label: "images")
    guard let fashion else {
      secret = BundledImages.windows(count: privateCount, using: &source)
      var others = RandomSource(seed: seed).derive(label: "public images")
      known = BundledImages.windows(count: 4096, using: &others)
      return
    }
    let all = try loadFashion(fashion)
    guard all.count > privateCount + 1 else {
      throw ValidationError(
        "\(fashion) has \(all.count) images; \(privateCount) private ones leave the server too few "
          + "to set its weights by: lower --images.")
    }
    let order = source.permutation(of: all.count)
    secret = order.prefix(privateCount).map { all[$0] }
    known = order.dropFirst(privateCount).map { all[$0] }
  }
}
