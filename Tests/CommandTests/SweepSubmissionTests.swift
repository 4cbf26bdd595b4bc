import Testing

@testable import gradleak

/// Jobs that run sweeps on clusters.
@Suite struct SweepSubmissionTests {
  @Test func jobsSayWhatTheyRun() throws {
    let submission = SweepSubmission(
      program: "/opt/gradleak", plan: ["my plan.yaml", "--seeds", "3"],
      results: "/data/s w.sqlite", shards: 8, threads: 2, memory: 2048, minutes: 30,
      image: "gradleak:1")
    let script = submission.slurmScript
    for line in [
      "#SBATCH --array=0-7", "#SBATCH --cpus-per-task=2", "#SBATCH --mem=2048M",
      "#SBATCH --time=30", "#SBATCH --requeue", "#SBATCH --signal=B:TERM@60",
      "/opt/gradleak sweep run 'my plan.yaml' --seeds 3 --results '/data/s w.sqlite' --threads 2 --quiet --shard "
        + "\"$SLURM_ARRAY_TASK_ID\"/8 &",
    ] {
      #expect(script.split(separator: "\n").contains { $0 == line }, "\(line)")
    }
    #expect(submission.mergeCommand == "/opt/gradleak sweep merge --results '/data/s w.sqlite'")
    let manifest = submission.kubernetesManifest
    for words in [
      "completions: 8", "completionMode: Indexed", "\"$(JOB_COMPLETION_INDEX)/8\"",
      "\"my plan.yaml\"", "memory: \"2048Mi\"", "activeDeadlineSeconds: 1800",
    ] {
      #expect(manifest.contains(words), "\(words)")
    }
  }
}
