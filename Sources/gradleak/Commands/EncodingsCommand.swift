import ArgumentParser
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

/// What many InstaHide encodings of the same images give away.
struct EncodingsCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "encodings",
    abstract: "Decodes InstaHide from the gradients of many encodings of the same images.",
    discussion: """
      A client holds the seven bundled photographs, each with a label of its own, and shares one \
      gradient for each encoding. Each gradient gives its encoding and its labels' shares; from \
      the magnitudes of many the photographs come back, up to one sign for all.

      EXAMPLES
        gradleak bench encodings
        gradleak bench encodings --mixed 2 --encodings 14,28,56
      """)

  @Option(help: ArgumentHelp("Images in an encoding, separated by commas.", valueName: "counts"))
  var mixed = "2,3,4"

  @Option(help: ArgumentHelp("Numbers of encodings, separated by commas.", valueName: "counts"))
  var encodings = "14,28,56"

  @Option(
    help: ArgumentHelp("Model; see 'gradleak models'.", valueName: "name"), completion: .models)
  var model = "lenet"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of weights, shares and signs.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  func run() throws {
    let mixedCounts = try wholeNumbers(mixed, of: "--mixed", 2...6)
    let encodingCounts = try wholeNumbers(encodings, of: "--encodings", 2...100_000)
    let chosen = try ModelCatalog.model(named: model, ModelOptions())
    let shape = chosen.inputShape
    let images = BundledImages.all(size: BundledImages.size(forHeight: shape[1])).map {
      PrivateExample(name: $0.name, picture: $0.image, label: 0, inputShape: shape).image
    }
    let folder = try output.folder()
    Interruption.listen()
    let backend = try output.backend
    let progress = LiveDisplay(isEnabled: !output.quiet)
    var benchmark = EncodingBenchmark(seed: seed)
    for mixed in mixedCounts {
      for count in encodingCounts where !Interruption.isRequested {
        try benchmark.measure(
          chosen, images: images, mixed: mixed, encodings: count, backend: backend
        ) { round in
          progress.update { "\(mixed) mixed: encoding \(round + 1)/\(count)" }
          return Interruption.isRequested
        }
      }
    }
    progress.clear()
    if let folder {
      try folder.replace { staged in
        try AtomicFile.write(
          try ResultWriter.json(benchmark), to: staged.path(of: "encodings.json"))
      }
    }
    if output.json {
      Terminal.print(try ResultWriter.json(benchmark))
    } else {
      show(benchmark)
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is what was measured so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }

  private func show(_ benchmark: EncodingBenchmark) {
    var table = TextTable(
      [
        ("mixed", .right), ("encodings", .right), ("encoding dB", .right), ("solved", .right),
        ("recognisable", .right), ("median dB", .right), ("least dB", .right),
      ], dispensable: ["encoding dB", "solved", "least dB"])
    for row in benchmark.rows {
      let psnr = row.psnr.map(\.value)
      table.append([
        String(row.mixed), String(row.encodings), String(format: "%.1f", row.encodingPSNR.value),
        String(format: "%.1f %%", 100 * row.solvedShare), "\(row.recognisable) of \(row.images)",
        String(format: "%.1f", median(psnr)), String(format: "%.1f", psnr.min() ?? .nan),
      ])
    }
    Terminal.print(table)
  }
}
