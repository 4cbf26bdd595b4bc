import Audit
import Foundation
import ModelIO
import TestSupport
import Testing

@testable import gradleak

/// The command that a report gives repeats the run that it was made from.
struct ReproductionTests {
  let folder = TestFolder()

  private func run(_ arguments: [String]) throws -> [RunRecord] {
    let run = try BuiltTool.run(arguments + ["--quiet", "--out", "out"], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    return try RunRecord.read(contentsOf: folder("out/run.json"))
  }

  private func commands(_ records: [RunRecord]) -> [ReproductionCommand] {
    Report(
      ReportInput(records: records, folder: nil, path: "run.json"),
      makeCommands: ExperimentCommandLine.commands(for:)
    ).commands
  }

  /// The experiments that a command line asks for.
  private func experiments(_ arguments: [String]) throws -> [Experiment] {
    let parsed = try ReconstructCommand.parse(Array(arguments.dropFirst()))
    return try parsed.experiments(on: try parsed.selection.select())
  }

  @Test func isReadBackAsTheSameExperiment() throws {
    folder.picture("photo-57x37.png", as: "it's a photo.png")
    let records = try run([
      "reconstruct", "it's a photo.png", "chelsea", "--batch-size", "2", "--attack", "dlg",
      "--size",
      "8", "--classes", "5", "--width", "3", "--iterations", "7", "--trials", "2", "--snapshots",
      "0",
      "--threshold", "1e-7", "--seed", "18446744073709551615", "--activation", "tanh",
      "--precision", "f32", "--defence", "prune:0.3+fp16", "--naive-attack",
    ])
    let command = try #require(commands(records).first)
    // The tests run elsewhere, where the picture is not.
    #expect(command.note == "Give the pictures' own files in place of their names.")
    #expect(try experiments(command.arguments) == records.map(\.experiment))
    #expect(records[0].experiment?.model.width == 3)

    // And the run itself comes out the same, but for the names of the pictures.
    let again = try BuiltTool.run(
      command.arguments + ["--quiet", "--out", "again"], in: folder.path)
    #expect(again.status == 0, "\(again.errors)")
    let repeated = try RunRecord.read(contentsOf: folder("again/run.json"))
    #expect(repeated.map(\.update.fingerprint) == records.map(\.update.fingerprint))
    #expect(repeated.map(\.model) == records.map(\.model))
    #expect(repeated.map(\.matchingLoss) == records.map(\.matchingLoss))
  }

  @Test func runsThatDifferInPicturesShareOneCommand() throws {
    let records = try run([
      "demo", "--model", "mlp", "--attack", "linear", "--seed", "4", "--seeds", "2",
    ])
    let commands = commands(records)
    #expect(commands.map(\.note) == [nil, nil])
    #expect(Array(commands[0].arguments.prefix(8)) == ["reconstruct"] + BundledImages.names)
    #expect(try commands.flatMap { try experiments($0.arguments) } == records.map(\.experiment))
  }

  /// Records of older versions hold no experiment.
  @Test func oldRecordsHaveNoCommand() throws {
    var records = try run(["reconstruct", "coffee", "--attack", "linear", "--model", "mlp"])
    #expect(commands(records).count == 1)
    records[0].experiment = nil
    records[0].version = 2
    let path = folder("old.json")
    try AtomicFile.write(ResultWriter.json(records), to: path)
    #expect(commands(try RunRecord.read(contentsOf: path)).isEmpty)
  }

  @Test func shellsTakeNamesLiterally() throws {
    folder.picture("rgb.png", as: "$(touch oops) 'x'.png")
    let records = try run([
      "reconstruct", "$(touch oops) 'x'.png", "--attack", "linear", "--model", "mlp",
    ])
    var experiment = try #require(records[0].experiment)
    experiment.data.pictures = ["-$(touch oops) 'x'\"`"]
    let command = ExperimentCommandLine.commands(for: [experiment])[0]
    #expect(command.note != nil)
    #expect(command.line.contains("'./-$(touch oops) '\\''x'\\''\"`'"))
  }
}
