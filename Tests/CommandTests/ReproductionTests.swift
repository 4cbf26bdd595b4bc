import Audit
import Foundation
import Leakage
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

  private func commands(_ records: [RunRecord], folder: String?) throws -> [ReproductionCommand] {
    Report(ReportInput(records: records, folder: folder, path: "run.json")).commands
  }

  @Test func isReadBackAsTheSameConfiguration() throws {
    folder.picture("photo-57x37.png", as: "it's a photo.png")
    let records = try run([
      "reconstruct", "it's a photo.png", "chelsea", "--batch-size", "2", "--attack", "dlg",
      "--size",
      "8", "--classes", "5", "--width", "3", "--iterations", "7", "--trials", "2", "--snapshots",
      "0",
      "--threshold", "1e-7", "--seed", "18446744073709551615", "--activation", "tanh",
      "--precision", "f32", "--defence", "prune:0.3+fp16", "--naive-attack",
    ])
    let command = try #require(try commands(records, folder: folder("out")).first)
    #expect(command.note == nil)
    let parsed = try ReconstructCommand.parse(Array(command.arguments.dropFirst()))
    #expect(
      try parsed.attack.configuration(.dlg, seed: parsed.attack.seed) == records[0].configuration)
    #expect(parsed.attack.chosenAttack == .dlg && parsed.batchSize == 2)
    #expect(try parsed.defence.choice().chain == records[0].defence?.chain)
    #expect(try parsed.defence.choice().isAdaptive == false)
    #expect(parsed.selection.width == 3)

    // And the run itself comes out the same, but for the names of the pictures.
    let again = try BuiltTool.run(
      command.arguments + ["--quiet", "--out", "again"], in: folder.path)
    #expect(again.status == 0, "\(again.errors)")
    let repeated = try RunRecord.read(contentsOf: folder("again/run.json"))
    #expect(repeated.map(\.update.fingerprint) == records.map(\.update.fingerprint))
    #expect(repeated.map(\.model) == records.map(\.model))
    #expect(repeated.map(\.matchingLoss) == records.map(\.matchingLoss))
  }

  @Test func theDemoIsKnownByItsRecords() throws {
    let arguments = [
      "demo", "--model", "mlp", "--attack", "linear", "--seed", "4", "--seeds", "2",
    ]
    let records = try run(arguments)
    let commands = try commands(records, folder: nil)
    #expect(commands.map(\.arguments) == [arguments])
    // One run less is no longer the demo.
    let rest = try self.commands(Array(records.dropLast()), folder: nil)
    #expect(rest.map { $0.arguments[0] } == ["reconstruct", "reconstruct"])
  }

  @Test func shellsTakeNamesLiterally() throws {
    folder.picture("rgb.png", as: "$(touch oops) 'x'.png")
    let records = try run([
      "reconstruct", "$(touch oops) 'x'.png", "--attack", "linear", "--model", "mlp",
    ])
    var named = records
    named[0].images[0].name = "-$(touch oops) 'x'\"`"
    let command = try #require(try commands(named, folder: nil).first)
    #expect(command.note != nil)
    #expect(command.line.contains("'./-$(touch oops) '\\''x'\\''\"`'"))
  }
}
