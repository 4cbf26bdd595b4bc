import ArgumentParser
import Audit
import Foundation
import ModelIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension SweepSubmission.Scheduler: ExpressibleByArgument {}

/// A sweep as a job of a cluster.
struct SweepSubmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Hands a sweep to Slurm or Kubernetes, a worker for each share.",
    discussion: """
      Writes RESULTS.sbatch (an array job, and a job after it that merges) or RESULTS.yaml (an indexed job), and gives it to \
      sbatch or kubectl. All workers need to see the folder of the results, and the plan's files. Time is estimated from \
      runs that RESULTS has already; without any it is the cluster's own limit.

      EXAMPLES
        gradleak sweep submit plan.yaml --to slurm --shards 16 --dry-run
        gradleak sweep submit --preset dlg-paper --to kubernetes --shards 8
      """)

  @OptionGroup(title: HelpTitle.plan) var planned: SweepPlanOptions

  @Option(help: ArgumentHelp("slurm or kubernetes.", valueName: "scheduler"))
  var to: SweepSubmission.Scheduler

  @Option(parsing: .unconditional, help: ArgumentHelp("Workers.", valueName: "n"))
  var shards: Int

  @Option(
    help: ArgumentHelp("SQLite file of the results.", valueName: "file"),
    completion: .file(extensions: ["sqlite"]))
  var results = "sweep.sqlite"

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Runs at a time of each worker.", valueName: "n"))
  var threads = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Minutes of each worker; estimated by default.", valueName: "n"))
  var minutes: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("MiB of each worker; estimated by default.", valueName: "MiB"))
  var memory: Int?

  @Option(help: ArgumentHelp("Image for Kubernetes.", valueName: "image"))
  var image = "gradleak:\(GradleakVersion.current)"

  @Flag(help: "Print what would be submitted, and submit nothing.")
  var dryRun = false

  func validate() throws {
    try check("--shards", shards, SweepShard.counts)
    try check("--threads", threads, 1...1024)
    if let minutes { try check("--minutes", minutes, 1...1_000_000) }
    if let memory { try check("--memory", memory, 64...16_000_000) }
  }

  func run() throws {
    let tasks = try planned.tasks().tasks
    guard !tasks.isEmpty else {
      throw ValidationError(
        "There is nothing to run; give a plan, a --preset or a --defence, see 'gradleak sweep submit --help'."
      )
    }
    let submission = try submission(of: tasks)
    let text = to == .slurm ? submission.slurmScript : submission.kubernetesManifest
    if dryRun { return Terminal.write(text, to: .standardOutput) }
    let file = results + (to == .slurm ? ".sbatch" : ".yaml")
    try AtomicFile.write(text, to: file)
    switch to {
    case .slurm: try submitToSlurm(file, submission)
    case .kubernetes:
      Terminal.write(try output(of: ["kubectl", "apply", "-f", file]), to: .standardOutput)
      Terminal.print("When its workers have ended: \(submission.mergeCommand)")
    }
  }

  private func submitToSlurm(_ file: String, _ submission: SweepSubmission) throws {
    try FileManager.default.createDirectory(
      atPath: submission.logFolder, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let job =
      try output(of: ["sbatch", "--parsable", file]).split(whereSeparator: \.isNewline)
      .first?.split(separator: ";").first.map(String.init) ?? ""
    let merge =
      try output(of: [
        "sbatch", "--parsable", "--job-name=gradleak-merge", "--dependency=afterany:\(job)",
        "--output=\(submission.logFolder)/%j-merge.log", "--wrap", submission.mergeCommand,
      ]).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    Terminal.print(
      "Job \(job) of \(shards) workers, and job \(merge), which merges after it. 'squeue --me' shows them; "
        + "\(submission.mergeCommand) tells what is there so far.")
  }

  private func submission(of tasks: [SweepTask]) throws -> SweepSubmission {
    let path = URL(fileURLWithPath: results).standardizedFileURL.path
    let seconds = try SweepRunner.secondsLeft(
      of: tasks, known: try ShardFolder(of: results).seconds())
    var minutes = minutes
    if minutes == nil, let seconds {
      // The slowest share has more than its part, and other processors are slower.
      minutes = Int((seconds / Double(shards * threads) / 60 * 3).rounded(.up)) + 10
    } else if minutes == nil {
      Notes.remark(
        """
        No run of this plan is known yet, so the time is the cluster's own limit. A worker that runs out of it goes on in a \
        new start.
        """)
    }
    guard let program = Bundle.main.executablePath else {
      throw ValidationError("the program's own file is not known; call it by its path.")
    }
    return SweepSubmission(
      program: program, plan: absolute(planned.words), results: path, shards: shards,
      threads: threads, memory: memory ?? estimatedMemory, minutes: minutes, image: image)
  }

  /// Files of the plan with their folders: workers start elsewhere.
  private func absolute(_ words: [String]) -> [String] {
    let files = Set(
      [planned.plan, planned.images, planned.texts, planned.model].compactMap(\.self))
    return words.map { word in
      files.contains(word) && FileManager.default.fileExists(atPath: word)
        ? URL(fileURLWithPath: word).standardizedFileURL.path : word
    }
  }

  /// Twice what checking the plan took here, for each thread, and at least 1 GiB.
  private var estimatedMemory: Int {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
      getrusage(RUSAGE_SELF, &usage)
    #endif
    return max(2 * threads * Int(usage.ru_maxrss) >> 10, 1024)
  }

  /// What a program prints.
  private func output(of words: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ValidationError(
        "\(words[0]) ended with status \(process.terminationStatus); its reason stands above. The job is in \(results)."
      )
    }
    return String(decoding: data, as: UTF8.self)
  }
}
