import ArgumentParser

/// Many attacks on many defences, here or on a cluster.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Tries defences at many strengths: where leakage stops.",
    discussion: """
      Runs every combination of a plan, and tells how often data leaked in each cell. Every result is kept at once. \
      Without a name it is 'sweep run', whose help lists what plans are made of.

      EXAMPLES
        gradleak sweep --preset dlg-paper --results paper.sqlite
        gradleak sweep --defence none --defence fp16 --attack auto --size 16
        gradleak sweep plan.yaml --shard 3/8                 one of eight workers
        gradleak sweep submit plan.yaml --to slurm --shards 8
        gradleak sweep merge                                 what all workers found
      """,
    subcommands: [SweepRunCommand.self, SweepMergeCommand.self, SweepSubmitCommand.self],
    defaultSubcommand: SweepRunCommand.self)
}
