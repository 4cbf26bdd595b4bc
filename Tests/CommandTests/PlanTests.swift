import Attacks
import Audit
import Foundation
import TestSupport
import Testing

/// Optimisation plans on the command line.
struct PlanTests {
  let folder = TestFolder()

  private func run(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init), in: folder.path)
  }

  private func configuration(_ run: ToolRun) throws -> AttackConfiguration {
    #expect(run.status == 0, "\(run.errors)")
    let records = try JSONDecoder().decode([RunRecord].self, from: Data(run.output.utf8))
    return try #require(records.first).configuration
  }

  private let small = "--model resnet20 --size 8 --width 2 --iterations 3 --json --quiet"

  @Test func presetsSettingsAndFilesAreOnePlan() throws {
    folder.picture("photo-57x37.png")
    let preset = try configuration(run("reconstruct photo.png --attack modern \(small)"))
    #expect(preset.attack == .plan)
    #expect(preset.attackName == "modern")
    #expect(preset.iterations == 3)
    #expect(preset.precision == .f32)
    let changed = try configuration(
      run("reconstruct photo.png --attack modern --set prior.totalVariation=0.5 \(small)"))
    #expect(changed.plan?.prior.totalVariation.weight == 0.5)
    #expect(changed.plan?.prior.totalVariation.outerExponent == 0.5)

    // What `attacks NAME --json` prints is a plan.
    let printed = try run("attacks modern --json")
    #expect(printed.status == 0)
    _ = folder.file("mine.json", Array(printed.output.utf8))
    let own = try configuration(run("reconstruct photo.png --plan mine.json \(small)"))
    #expect(own.plan == preset.plan)
  }

  @Test func listsAttacksAndPresets() throws {
    let run = try run("attacks")
    #expect(run.status == 0)
    for name in AttackCatalog.names { #expect(run.output.contains(name + " ")) }
    for preset in AttackPresets.all {
      #expect(run.output.contains(preset.plan.about.title.prefix(12)))
    }
  }

  @Test func printsAPresetsNeeds() throws {
    let run = try run("attacks see-through-gradients")
    #expect(run.status == 0)
    #expect(run.output.contains("arXiv"))
    #expect(run.output.contains("normalisation"))
    #expect(run.output.contains("\"seeds\": 4"))
  }

  @Test func knownLabelsAreInTheThreatModel() throws {
    folder.picture("photo-57x37.png")
    let run = try run("reconstruct photo.png --attack modern --set labels=known \(small)")
    let records = try JSONDecoder().decode([RunRecord].self, from: Data(run.output.utf8))
    #expect(records.first?.threatModel.known.contains(.labels) == true)
  }

  @Test(arguments: [
    ("--attack modern --set prior.totalVaration=1", "did you mean totalVariation?"),
    ("--attack auto --set solver.rate=1", "name a preset with --attack"),
    ("--attack modern --plan mine.json", "exclude each other"),
    ("--plan none.json", "none.json: there is no such file"),
    ("--plan text.json", "text.json is not JSON"),
    ("--attack modren", "modern"),
  ])
  func wrongPlansAreRefused(_ options: String, _ words: String) throws {
    folder.picture("photo-57x37.png")
    _ = folder.file("text.json", Array("no plan".utf8))
    let run = try run("reconstruct photo.png \(options) --out out")
    #expect(run.status == 2)
    #expect(run.errorLines.first?.contains(words) == true)
    #expect(!FileManager.default.fileExists(atPath: folder("out")))
  }
}
