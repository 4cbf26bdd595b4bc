import Attacks
import Audit
import Foundation
import ModelIO
import TestSupport
import Testing

@Suite struct SweepPlanTests {
  @Test func readsEveryKey() throws {
    let plan = try SweepPlan(
      yaml: """
        images: photos
        model: mlp
        activation: tanh
        classes: 7
        attacks: [auto, dlg/naive, dlg/naive/unknown:labels+weights]
        batch-sizes: 2
        seeds: 4
        first-seed: 9
        groups:
          - defences: [none, gaussian:1e-2, prune:0.3+fp16]
            sizes: [16, 32]
            pictures: 3
          - trials: 5
            iterations: 77
        """)
    #expect(plan.imageFolder == "photos")
    #expect(plan.groups.count == 2)
    let first = plan.groups[0]
    #expect(first.model == "mlp" && first.activation == "tanh" && first.classes == 7)
    #expect(first.defences.map(\.description) == ["none", "gaussian:0.01", "prune:0.3+fp16"])
    #expect(
      first.attacks.map(\.description) == ["auto", "dlg/naive", "dlg/naive/unknown:weights+labels"])
    #expect(first.attacks[2].unknown == [.weights, .labels] && first.attacks[1].unknown == nil)
    #expect(first.batchSizes == [2] && first.sizes == [16, 32] && first.examples == 3)
    #expect(first.seeds == 4 && first.firstSeed == 9)
    #expect(plan.groups[1].trials == 5 && plan.groups[1].iterations == 77)
    #expect(plan.groups[1].defences == [.none])
  }

  @Test(arguments: [
    ("defenses: [none]", "did you mean defences?"),
    ("defences: [gausian:1]", "did you mean gaussian"),
    ("attacks: [atuo]", "did you mean auto?"),
    ("attacks: [auto/unknown:lables]", "did you mean labels?"),
    ("attacks: [auto/naive/naive]", "each once"), ("attacks: [auto/]", "each once"),
    ("attacks: [\"auto/unknown:\"]", "no fact called"), ("seeds: many", "whole number from 1"),
    ("seeds: 0", "from 1"), ("sizes: []", "empty list"), ("sizes: [32, x]", "whole number"),
    ("groups: 3", "groups is not a list"), ("groups: [3]", "keys and values"),
    ("- a\n- b", "a plan is a list of keys"), ("a: [", "no YAML"), ("images: 3", "folder's name"),
    ("", "a plan is a list"), ("model: [a]", "model is not a name"),
    ("a: &a [x]\nb: *c", "no YAML"), ("seeds: 1\nseeds: 2", "\"seeds\" stands there twice"),
    ("groups:\n  - {seeds: 1, seeds: 2}", "stands there twice"),
    ("attacks: [plan]", "no attack called"), ("attacks: [modren]", "did you mean modern?"),
    ("a: &a [x]\nb: {[*a, *a] : 1}", "keys are plain words"),
    ("a: &a [x]\n*a : 1", "keys are plain words"), ("? [a]\n: 1", "keys are plain words"),
    // Keys that would be written out to be compared, however they are hidden.
    (hiddenBomb("{'x #': 1, *a10 : 2}"), "keys are plain words"),
    (hiddenBomb("{*a10:2}"), "keys are plain words"),
    (hiddenBomb("{?*a10 : 2}"), "keys are plain words"),
    (hiddenBomb("{b,? *a10 : 2}"), "keys are plain words"),
    (hiddenBomb("{[*a10]\n: 2}"), "keys are plain words"),
    (hiddenBomb("\"\n  # \", c: {*a10: 2}"), "no YAML"),
    // Behind a bomb that is counted first.
    (hiddenBomb(levels: 30, "{'x #': 1, *a30 : 2}"), "more than 100000 values"),
    (hiddenBomb(levels: 30, "{*a30:2}"), "more than 100000 values"),
    (hiddenBomb(levels: 30, "{?*a30 : 2}"), "more than 100000 values"),
    (hiddenBomb(levels: 30, "{b,? *a30 : 2}"), "more than 100000 values"),
    (hiddenBomb(levels: 30, "{[*a30]\n: 2}"), "more than 100000 values"),
    (hiddenBomb(levels: 30, "\"\n  # \", c: {*a30: 2}"), "more than 100000 values"),
    (bomb(["x", "y", "z", "x", "y", "z", "x", "y", "z"], levels: 9), "more than 100000 values"),
    (bomb(["x", "y"], levels: 40), "more than 100000 values"),
    (String(repeating: "[", count: 100_000), "no YAML"),
  ])
  func refusesWhatIsNoPlan(_ text: String, _ part: String) {
    let error = #expect(throws: SweepError.self) { try SweepPlan(yaml: text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  /// In time that grows with the length alone; a square of it would take minutes.
  @Test func longTextsAreRefused() {
    for (text, part) in [
      (String(repeating: "---\n", count: 100_000), "no YAML"),
      ("defences: [" + String(repeating: "a", count: 300_000) + "]", "no defence called"),
    ] {
      let error = #expect(throws: SweepError.self) { try SweepPlan(yaml: text) }
      #expect(error?.message.contains(part) == true)
    }
  }

  @Test func commentsAndColonsInWordsAreNoKeys() throws {
    let plan = try SweepPlan(
      yaml: """
        # which [none]: ? *x : all
        defences: &d [none, gaussian:0.01]  # or [fp16]: see above
        groups:
          - defences: *d
          - {defences: *d , seeds: 2}
        """)
    #expect(plan.groups.map(\.defences.count) == [2, 2] && plan.groups[1].seeds == 2)
  }

  @Test func filesThatAreNoPlansAreNamed() throws {
    let folder = TestFolder()
    #expect(throws: FileError.self) {
      try SweepPlan.read(contentsOf: folder("missing.yml"))
    }
    let path = folder("plan.yml")
    try AtomicFile.write("seeds: -1", to: path)
    let error = #expect(throws: SweepError.self) { try SweepPlan.read(contentsOf: path) }
    #expect(error?.message.hasPrefix(path) == true)
  }

  @Test func thePaperHasEnoughRunsInEveryCell() throws {
    let plan = try #require(try SweepPlan.preset(named: "dlg-paper"))
    let tasks = try plan.tasks(of: SweepExamples())
    #expect(Set(try tasks.map { try $0.key }).count == tasks.count)
    let cells = Dictionary(grouping: tasks.map(\.experiment)) {
      "\($0.defences) \($0.attack.attack) \($0.isAdaptive) \($0.batchSize) \($0.model.size ?? 0)"
    }
    #expect(cells.values.allSatisfy { $0.count >= 20 })
    #expect(cells.count == SweepReport.cellCount(of: tasks))
    let defences = Set(tasks.map(\.experiment.defences.description))
    for text in ["gaussian:0.0001", "laplacian:0.1", "fp16", "int8", "prune:0.01", "prune:0.7"] {
      #expect(defences.contains(text))
    }
    #expect(
      Set(tasks.map(\.experiment.batchSize)) == [1, 2, 4, 8]
        && Set(tasks.map(\.experiment.model.size)) == [32, 64])
  }

  @Test func foldersWithoutPicturesAreRefused() throws {
    let folder = TestFolder()
    #expect(throws: FileError.self) { try SweepExamples(folder: folder("missing")) }
    #expect(throws: FileError.self) { try SweepExamples(folder: folder.path) }
    try AtomicFile.write("no picture", to: folder("a.png"))
    #expect(throws: FileError.self) { try SweepExamples(folder: folder.path) }
  }
}

/// Lists of aliases of lists: a few bytes that stand for `items.count` to the power of `levels` values.
private func bomb(_ items: [String], levels: Int) -> String {
  var lines = ["a0: &a0 [\(items.joined(separator: ","))]"]
  for level in 1...levels {
    let aliases = items.map { _ in "*a\(level - 1)" }.joined(separator: ",")
    lines.append("a\(level): &a\(level) [\(aliases)]")
  }
  return lines.joined(separator: "\n")
}

/// A value of `b` that has an alias of a list of 2 to the power of `levels` values.
private func hiddenBomb(levels: Int = 10, _ value: String) -> String {
  bomb(["x", "y"], levels: levels) + "\nb: " + value
}

/// What a plan may ask for.
struct SweepSizeTests {
  @Test func tooManyRunsAreCountedBeforeTheyAreWrittenOut() throws {
    var group = SweepPlan.Group()
    group.seeds = 100_000
    group.sizes = Array(1...1000)
    group.batchSizes = Array(1...1000)
    let plan = SweepPlan(groups: [SweepPlan.Group](repeating: group, count: 100))
    let error = #expect(throws: SweepError.self) { try plan.tasks(of: SweepExamples()) }
    #expect(error?.message.contains("more than the 1000000") == true, "\(error?.message ?? "")")
  }

  /// A preset runs as `reconstruct --attack` runs it, unless the plan says how long.
  @Test func presetsAreSwept() throws {
    var plan = try SweepPlan(yaml: "attacks: [modern, modern/naive, tag]\nseeds: 1")
    let tasks = try plan.tasks(of: SweepExamples())
    let modern = try AttackPresets.preset(named: "modern").plan
    #expect(tasks[0].experiment.attack.attack == .plan && tasks[0].experiment.attack.plan == modern)
    #expect(
      tasks[0].experiment.attack.iterations == modern.iterations
        && tasks[0].experiment.attack.trials == modern.trials)
    #expect(
      Set(tasks.map { [$0.experiment.attack.attackName, "\($0.experiment.isAdaptive)"] })
        == [["modern", "true"], ["modern", "false"], ["tag", "true"]])
    plan.groups[0].iterations = 7
    #expect(try plan.tasks(of: SweepExamples())[0].experiment.attack.iterations == 7)
  }
}
