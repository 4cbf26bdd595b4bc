import ArgumentParser
import Audit
import ModelIO

/// How well the check of received weights tells planted from honest ones.
struct PlantedCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "planted",
    abstract: "Detection and false alarms of check-model, over planted and honest models.",
    discussion: """
      Plants weights in many ways, lets the server read what comes back of seven photographs, and checks \
      every model as a client would; then checks all built-in models with fresh weights. Trained networks \
      are checked by scripts/checks/trained-models.py.

      EXAMPLES
        gradleak bench planted --seeds 5
      """)

  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(help: ArgumentHelp("Seeds of weights and images for every kind.", valueName: "n"))
  var seeds = 3

  @Flag(help: "Leave the honest models out.")
  var plantedOnly = false

  func validate() throws { try check("--seeds", seeds, 1...1000) }

  func run() throws {
    let backend = try output.backend
    let folder = try output.folder()
    let progress = LiveDisplay(isEnabled: !output.quiet)
    Interruption.listen()
    var benchmark = PlantedModelBenchmark()
    let range = 0..<UInt64(seeds)
    let show = { (kind: String) -> Bool in
      progress.update { kind }
      return Interruption.isRequested
    }
    try benchmark.measurePlanted(seeds: range, backend: backend, didFinish: show)
    if !plantedOnly, !Interruption.isRequested {
      try benchmark.measureHonest(seeds: range, backend: backend, didFinish: show)
    }
    progress.clear()
    if let folder {
      try folder.replace { staged in
        try AtomicFile.write(try ResultWriter.json(benchmark), to: staged.path(of: "planted.json"))
      }
    }
    if output.json {
      Terminal.print(try ResultWriter.json(benchmark))
    } else {
      table(of: benchmark)
    }
    if Interruption.isRequested { throw FinishedWithStatus(status: ExitStatus.interrupted) }
  }

  private func table(of benchmark: PlantedModelBenchmark) {
    var table = TextTable([
      ("weights", .left), ("read of 7", .right), ("found in tensors", .right),
      ("found in model", .right),
    ])
    for row in benchmark.rows {
      let reads =
        row.reads.isEmpty
        ? "-"
        : String((10 * Double(row.reads.reduce(0, +)) / Double(row.reads.count)).rounded() / 10)
      func found(_ outcomes: [Bool]) -> String { "\(outcomes.count { $0 })/\(outcomes.count)" }
      table.append([row.kind, reads, found(row.isFoundInTensors), found(row.isFoundInModel)])
    }
    Terminal.print(table)
    Terminal.print()
    for isPlanted in [true, false] {
      let rows = benchmark.rows.filter { $0.isPlanted == isPlanted }
      guard !rows.isEmpty else { continue }
      Terminal.printParagraph(
        "\(isPlanted ? "Planted" : "Honest") models that were accused: by their tensors "
          + "\(SuccessRate(rows.flatMap(\.isFoundInTensors))); by the model "
          + "\(SuccessRate(rows.flatMap(\.isFoundInModel))).")
    }
    let harmful = benchmark.rows.flatMap { row in
      zip(row.reads, row.isFoundInModel).filter { $0.0 >= 2 }.map { $0.1 }
    }
    if !harmful.isEmpty {
      Terminal.printParagraph(
        "Planted models off which 2 or more of 7 images were read: found \(SuccessRate(harmful)).")
    }
  }
}
