import ArgumentParser
import Audit
import ModelIO

/// Runs an experiment that a file describes.
struct RunCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs an experiment that a JSON file describes.",
    discussion: """
      An experiment says everything that a result depends on: the client's data, model, loss, training and \
      defences, and the attacker's attack, knowledge and seed. What a file leaves out has its default. Every \
      record in run.json holds its own, under "experiment".

      EXAMPLES
        gradleak run experiment.json --out out

      AN EXPERIMENT
        {
          "data": {"pictures": ["coffee", "photo.jpg"], "labels": [3, 7]},
          "model": {"name": "lenet", "size": 32},
          "client": {"epochs": 2, "miniBatch": 1, "learningRate": 0.1},
          "defences": "prune:0.3+fp16",
          "attack": {"attack": "auto", "seed": 4, "unknown": ["labels"]}
        }

      Texts are data as pictures are:
        {"data": {"texts": ["call me back"]}, "model": {"name": "minilm", "head": "classification"}}
      """)

  @Argument(help: ArgumentHelp("The experiment in JSON.", valueName: "file"), completion: .json)
  var file: String

  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  func run() throws {
    let experiment = try Experiment.read(contentsOf: file)
    let outcomes: [AuditOutcome]
    let writer: ResultWriter?
    let session: ExperimentSession
    do {
      let runner = try experiment.runner(on: output.backend)
      for note in runner.notes { Notes.remark(note) }
      session = ExperimentSession(runner, output)
      let pictures = experiment.data.pictures
      let prepared = try runner.prepare(
        try runner.labelled(experiment),
        names: pictures.isEmpty
          ? nil : PictureNames.unique(pictures, outputFolder: output.out))
      let inputs =
        experiment.data.pictures + [file, experiment.data.update?.file].compactMap(\.self)
      writer = try output.folder(besides: inputs).map { ResultWriter(folder: $0) }
      for note in prepared.notes { Notes.remark(note) }
      outcomes = try session.run([prepared])
    } catch let error as ExperimentError {
      throw FileError(
        path: file, problem: error.message, remedy: "see 'gradleak help run' for what there is")
    }
    try session.finish(outcomes, writer)
  }
}
