import Audit
import Foundation

/// A job that runs a sweep on a cluster, one worker for each share.
struct SweepSubmission: Sendable {
  /// What schedules the workers.
  enum Scheduler: String, Sendable, CaseIterable {
    case slurm
    case kubernetes
  }

  /// The program's file.
  let program: String
  /// The plan as words of a command line.
  let plan: [String]
  /// Path of the SQLite file, with its folder.
  let results: String
  /// Workers.
  let shards: Int
  /// Runs at a time of each worker.
  let threads: Int
  /// MiB of each worker.
  let memory: Int
  /// Minutes of each worker; nil for the cluster's own limit.
  let minutes: Int?
  /// Kubernetes: the image to run.
  let image: String

  /// Where Slurm's workers leave what they print.
  var logFolder: String { ShardFolder(of: results).path + "/logs" }

  private func command(_ program: String, shard: String) -> String {
    ReproductionCommand.line(
      [program, "sweep", "run"] + plan
        + ["--results", results, "--threads", String(threads), "--quiet", "--shard"])
      + " " + shard
  }

  /// The command that puts the shares together.
  var mergeCommand: String {
    ReproductionCommand.line([program, "sweep", "merge", "--results", results])
  }

  /// An array job for `sbatch`. Out of time or pre-empted, a worker keeps what is finished and asks to be started again: up to 20
  /// times, so that a run that never ends does not start for ever.
  var slurmScript: String {
    var lines = [
      "#!/bin/bash", "#SBATCH --job-name=gradleak-sweep", "#SBATCH --array=0-\(shards - 1)",
      "#SBATCH --ntasks=1", "#SBATCH --cpus-per-task=\(threads)", "#SBATCH --mem=\(memory)M",
    ]
    if let minutes { lines.append("#SBATCH --time=\(minutes)") }
    lines += [
      "#SBATCH --requeue", "#SBATCH --open-mode=append", "#SBATCH --signal=B:TERM@60",
      "#SBATCH --output=\(logFolder)/%A-%a.log", "",
      "# Only the shell is told that time is up; it hands that on and waits for what the worker saves.",
      command(program, shard: "\"$SLURM_ARRAY_TASK_ID\"/\(shards)") + " &",
      "worker=$!", "trap 'kill -TERM \"$worker\"' TERM",
      "wait \"$worker\"; status=$?",
      "while kill -0 \"$worker\" 2>/dev/null; do wait \"$worker\"; status=$?; done",
      "if [ \"$status\" = 143 ] && [ \"${SLURM_RESTART_COUNT:-0}\" -lt 20 ]; then",
      "  scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"", "fi",
      "exit \"$status\"", "",
    ]
    return lines.joined(separator: "\n")
  }

  /// An indexed Job. Its volume is a claim called `gradleak`, in which plan and results are.
  var kubernetesManifest: String {
    let folder = URL(fileURLWithPath: results).deletingLastPathComponent().path
    let words =
      ["gradleak", "sweep", "run"] + plan
      + [
        "--results", results, "--threads", String(threads), "--quiet", "--shard",
        "$(JOB_COMPLETION_INDEX)/\(shards)",
      ]
    let deadline = minutes.map { "\n  activeDeadlineSeconds: \($0 * 60)" } ?? ""
    return """
      # A worker that is evicted or killed starts again and goes on where it was.
      apiVersion: batch/v1
      kind: Job
      metadata:
        name: gradleak-sweep
      spec:
        completionMode: Indexed
        completions: \(shards)
        parallelism: \(shards)
        backoffLimit: \(4 * shards)\(deadline)
        template:
          spec:
            restartPolicy: OnFailure
            containers:
              - name: worker
                image: \(SweepSubmission.text(image))
                workingDir: \(SweepSubmission.text(folder))
                command: [\(words.map(SweepSubmission.text).joined(separator: ", "))]
                resources:
                  requests: {cpu: "\(threads)", memory: "\(memory)Mi"}
                  limits: {memory: "\(memory)Mi"}
                volumeMounts:
                  - {name: data, mountPath: \(SweepSubmission.text(folder))}
            volumes:
              - name: data
                persistentVolumeClaim: {claimName: gradleak}

      """
  }

  /// A string as JSON writes it, which YAML reads too.
  private static func text(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
