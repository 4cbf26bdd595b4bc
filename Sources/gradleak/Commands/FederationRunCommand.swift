import ArgumentParser
import Attacks
import Audit
import Federation
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// A whole federation on this machine.
struct FederationRunCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Starts a server and workers, trains, and attacks what was seen.",
    discussion: """
      Workers are processes of their own on this machine. A study looks on: it taps some rounds, writes what each party \
      saw as files of updates, and attacks them. Accuracy is that of pictures that no worker has.

      EXAMPLES
        gradleak federation --out scene
        gradleak federation --topology ring --batch-size 1 --out ring
        gradleak federation --protection secure-aggregation --out masked
        gradleak federation --protection ckks --server colluders --out encrypted
      """)

  @OptionGroup(title: "Federation") var federation: FederationOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Rounds that are tapped, from the first to the last.", valueName: "n"))
  var taps = 3

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Workers whose shares are attacked one by one.", valueName: "n", visibility: .rare))
  var victims = 1

  @Flag(
    help: ArgumentHelp(
      "Start no workers; print how they are started by hand.", visibility: .rare))
  var byHand = false

  @Option(
    help: ArgumentHelp(
      "Where workers connect. Another address than this machine's own lets others in.",
      valueName: "host:port", visibility: .rare))
  var listen = "127.0.0.1:0"

  /// Seconds that workers started here have to come, and such as are started by hand.
  private static let patience = (spawned: 60.0, byHand: 3600.0)
  /// Seconds of attack on one observation where nothing else is asked for.
  private static let attackSeconds = 20.0

  func validate() throws {
    try check("--taps", taps, 0...10_000)
    try check("--victims", victims, 1...1000)
    if selection.mode != .evaluation {
      throw ValidationError(
        "--mode: a federation's models compute as in evaluation; leave it out.")
    }
  }

  func run() throws {
    guard let address = Address(listen) else {
      throw ValidationError(
        "--listen is \(listen.quotedForMessage); give an address and a port, such as 127.0.0.1:4711."
      )
    }
    var settings = federation.settings(seed: attack.seed)
    settings.tapped = FederationRunCommand.spread(taps, over: settings.rounds)
    let data = try federation.dataChoice()
    let model = try selection.choice(
      of: selection.chosenModel ?? DataKinds.descriptor(data.kind).usualModel)
    var plan = FederationPlan(settings: settings, model: model, data: data)
    if federation.server == .robbingTheFed { plan.imprintBins = federation.bins }
    let backend = try output.backend
    let scene = try naming { try plan.read(backend: backend) }
    for note in scene.notes { Notes.remark(note) }
    FederationOptions.remark(on: plan.data, isChosen: federation.data != nil)
    let folder = try output.folder()
    let attacker = try attack.federationConfiguration(
      on: data.kind, by: threat, seconds: FederationRunCommand.attackSeconds)
    Interruption.listen()
    let connections = Connections(
      largestBody: FederationPlan.largestBody(scene.vector, settings))
    defer { connections.shutDown() }
    let port = try connections.listen(host: address.host, port: address.port)
    let token = FederationRunCommand.newToken()
    let study = try FederationStudy(
      plan, scene, connections, token: token, adversary: federation.server, backend: backend)
    let processes = WorkerProcesses()
    defer { processes.end(after: 3) }
    try startWorkers(processes, Address(host: address.host, port: port), token)
    try train(study, processes)
    processes.end(after: 3)
    try conclude(study, folder, attacker, on: backend)
  }

  /// Rounds that are evenly spread from the first to the last.
  static func spread(_ count: Int, over rounds: Int) -> [Int] {
    guard count > 1 else { return count == 1 ? [0] : [] }
    return Set((0..<count).map { $0 * (rounds - 1) / (count - 1) }).sorted()
  }

  private static func newToken() -> String {
    (0..<4).map { _ in
      let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  // MARK: - Training

  private func startWorkers(
    _ processes: WorkerProcesses, _ address: Address, _ token: String
  ) throws {
    let isLoopback = ["127.0.0.1", "localhost", "::1"].contains(address.host)
    if !isLoopback {
      Terminal.printNote(
        "Others than this machine can reach \(address), and what is sent there is in the clear but for --protection.",
        head: "warning: ")
    }
    guard byHand else {
      let executable = try WorkerProcesses.ownExecutable()
      return try processes.start(
        executable, count: federation.workers, token: token
      ) { worker in
        [
          "federation", "worker", "--connect", address.description, "--number", String(worker + 1),
          "--quiet",
        ]
      }
    }
    let (reachable, remark) = address.reachableFromOutside
    Terminal.printError("Start \(federation.workers) workers, each with")
    Terminal.printError(
      "  \(WorkerProcesses.tokenVariable)=\(token) gradleak federation worker --connect \(reachable)"
    )
    if let remark { Terminal.printError(remark) }
  }

  private func train(_ study: FederationStudy, _ processes: WorkerProcesses) throws {
    let display = LiveDisplay(isEnabled: !output.quiet)
    defer { display.clear() }
    let count = federation.workers
    try study.gather(
      seconds: byHand ? FederationRunCommand.patience.byHand : FederationRunCommand.patience.spawned
    ) { present in
      display.update { "waiting for workers: \(present) of \(count)" }
      // One that cannot begin has said why.
      let isFailed = !byHand && !processes.ended.isEmpty
      return Interruption.isRequested || isFailed ? .stop(.interrupted) : .proceed
    }
    let start = Date()
    try study.train { record in
      display.update {
        let rounds = record.rounds.count
        var text = ProgressText()
        text.add("round \(rounds)/\(federation.rounds)", importance: 9)
        text.addBar(Double(rounds) / Double(federation.rounds), importance: 2)
        let seconds = Date().timeIntervalSince(start)
        text.add(
          TimeLeft.about(seconds / Double(rounds) * Double(federation.rounds - rounds)).text,
          importance: 5)
        text.add(
          String(
            format: "accuracy %.1f %%", record.accuracy(after: rounds - 1) * 100), importance: 6)
        return text.line
      }
      return Interruption.isRequested ? .stop(.interrupted) : .proceed
    }
  }

  // MARK: - Results

  private func conclude(
    _ study: FederationStudy, _ folder: OutputFolder?, _ attacker: AttackConfiguration,
    on backend: any Backend
  ) throws {
    let tapped = TappedUpdates(
      study.plan, study.scene, attack: attacker, victims: Array(0..<victims),
      adversary: federation.server, backend: backend)
    let display = LiveDisplay(isEnabled: !output.quiet)
    func work(_ folder: OutputFolder, _ staged: StagedFolder) throws {
      let results = try tapped.attack(study.taps, in: staged, folder: folder) { progress in
        display.update {
          "attack \(progress.done + 1)/\(progress.count): \(progress.name)"
            + (progress.attack.stage.map { ", \($0)" } ?? "")
        }
        return Interruption.isRequested ? .stop(.interrupted) : .proceed
      }
      study.enter(results.seen)
      try FederationWriter(study, results, folder: folder).write(to: staged)
    }
    var written: String?
    try FederationFolder.work(in: folder, work) {
      written =
        $0.path(of: "report.html") + ", federation.json, run.json and what was seen"
        + OutputFolder.note($1)
    }
    display.clear()
    if output.json {
      Terminal.print(try ResultWriter.json(study.record))
    } else {
      FederationTable(study.record, seconds: study.seconds).print()
      if let written { Terminal.printWritten(written) }
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is what there is so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
    if study.record.failure != nil { throw FinishedWithStatus(status: ExitStatus.undetermined) }
  }
}

extension Address {
  /// What workers elsewhere are told to connect to, and a word on it: an address that stands for all of this machine's own
  /// is none that others can reach, so this machine's name stands in its place.
  var reachableFromOutside: (address: Address, remark: String?) {
    guard ["0.0.0.0", "::"].contains(host) else { return (self, nil) }
    var bytes = [CChar](repeating: 0, count: 256)
    let isKnown = gethostname(&bytes, bytes.count - 1) == 0
    let name = String(
      decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard isKnown, !name.isEmpty else {
      return (Address(host: "HOST", port: port), "HOST is an address of this machine.")
    }
    return (
      Address(host: name, port: port),
      "Where others do not know \(name), give an address of this machine in its place."
    )
  }
}
