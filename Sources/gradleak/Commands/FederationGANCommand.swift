import ArgumentParser
import Attacks
import Audit
import Federation
import Foundation
import ModelIO
import Solvers

/// A malicious client that trains a generator against the shared model.
struct FederationGANCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "gan",
    abstract:
      "A client that learns what another's class looks like.",
    discussion: """
      Clients train by FedAvg in one process. The first, the victim, alone has a class; the last trains a generator \
      against the shared model, which is to take its pictures for that class, and shares an update of them as of an \
      artificial class (Hitaj et al. 2017). Beside it, gradients of the victim's own pictures are attacked at the same \
      weights, and both are compared: with the victim's pictures, with their mean, and with pictures that nobody \
      trained on.

      EXAMPLES
        gradleak federation gan --out gan
        gradleak federation gan --target-class 1 --runs 3 --out trousers
        gradleak federation gan --fakes 0 --out onlooker
      """)

  @OptionGroup(title: "Federation") var scene: GANOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  /// Seconds of attack on one gradient where nothing else is asked for.
  private static let attackSeconds = 5.0

  func validate() throws {
    if selection.mode != .evaluation {
      throw ValidationError(
        "--mode: a federation's models compute as in evaluation; leave it out.")
    }
  }

  func run() throws {
    let data = try scene.dataChoice()
    let folder = try output.folder()
    let attacker = try attack.federationConfiguration(
      by: threat, seconds: FederationGANCommand.attackSeconds)
    let study = try naming {
      try GANStudy(
        FederationPlan(
          settings: scene.settings(seed: attack.seed), model: try model(for: data), data: data),
        try scene.attack(on: data), scene.extent, backend: output.backend)
    }
    for note in study.notes { Notes.remark(note) }
    FederationOptions.remark(on: data, isChosen: scene.data != nil)
    Interruption.listen()
    try train(study)
    try conclude(study, folder, attacker)
  }

  /// A LeNet that learns, unless something else is asked for, with a class to spare.
  private func model(for data: FederationData) throws -> ModelChoice {
    var choice = try selection.choice()
    if selection.chosenModel == nil, choice.activation == nil { choice.activation = .leakyReLU }
    if choice.classes == nil, !choice.isFile, let usual = data.usualModel {
      choice.classes = usual.classes + 1
    }
    return choice
  }

  // MARK: - Training

  private func train(_ study: GANStudy) throws {
    let display = LiveDisplay(isEnabled: !output.quiet)
    defer { display.clear() }
    let start = Date()
    let total = scene.rounds * scene.runs
    try study.train { progress in
      display.update {
        let done = (progress.run - 1) * scene.rounds + progress.rounds
        var text = ProgressText()
        if scene.runs > 1 { text.add("run \(progress.run)/\(scene.runs)", importance: 8) }
        text.add("round \(progress.rounds)/\(scene.rounds)", importance: 9)
        text.addBar(Double(done) / Double(total), importance: 2)
        let seconds = Date().timeIntervalSince(start)
        text.add(
          TimeLeft.about(seconds / Double(done) * Double(total - done)).text, importance: 5)
        text.add(
          String(format: "taken for the class: %.0f %%", progress.score * 100), importance: 4)
        return text.line
      }
      return Interruption.isRequested ? .stop(.interrupted) : .proceed
    }
  }

  // MARK: - Results

  private func conclude(
    _ study: GANStudy, _ folder: OutputFolder?, _ attacker: AttackConfiguration
  ) throws {
    let display = LiveDisplay(isEnabled: !output.quiet)
    var written: String?
    try FederationFolder.work(in: folder) { folder, staged in
      let outcomes = try study.attack(by: attacker, in: staged, folder: folder) { progress in
        display.update {
          "gradient \(progress.done + 1)/\(progress.count)"
            + (progress.attack.stage.map { ": \($0)" } ?? "")
        }
        return Interruption.isRequested ? .stop(.interrupted) : .proceed
      }
      try GANWriter(study, outcomes, folder: folder).write(to: staged)
    } isKept: {
      written =
        $0.path(of: "gan-run-1.png") + ", gan.json and the attacks' records" + OutputFolder.note($1)
    }
    display.clear()
    if output.json {
      Terminal.print(try ResultWriter.json(study.record))
    } else {
      FederationGANTable(study.record).print()
      if let written { Terminal.printWritten(written) }
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is what there is so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }
}
