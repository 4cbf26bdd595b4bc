import Foundation
import Testing

@testable import Attacks

@Suite struct PlanDocumentTests {
  private func plan(_ json: String) throws -> OptimizationPlan {
    try PlanDocument(json: Array(json.utf8), source: "test").applied(to: OptimizationPlan())
  }

  @Test func anEmptyDocumentChangesNothing() throws {
    #expect(try plan("{}") == OptimizationPlan())
  }

  @Test func changesWhatItNames() throws {
    let plan = try plan(
      """
      {"objective": "l1", "prior": {"norm": 0.5, "group": {"weight": 1, "seeds": 3}},
       "solver": {"schedule": "cosine"}, "scales": [0.5, 1], "constraints": {"box": false}}
      """)
    var expected = OptimizationPlan()
    expected.objective.kind = .l1
    expected.prior.norm.weight = 0.5
    expected.prior.group = .init(weight: 1, seeds: 3)
    expected.solver.schedule = .cosine
    expected.scales = [0.5, 1]
    expected.constraints.box = false
    #expect(plan == expected)
  }

  @Test(arguments: AttackPresets.all.map(\.plan)) func survivesItsOwnJSON(
    _ plan: OptimizationPlan
  ) throws {
    let json = try JSONEncoder().encode(plan)
    let read = try PlanDocument(json: Array(json), source: "test").applied(to: OptimizationPlan())
    #expect(read == plan)
  }

  @Test func settingsAreSinglePaths() throws {
    let plan = try ["prior.totalVariation=0.01", "solver.rate=0.5", "labels=joint", "name=mine"]
      .reduce(OptimizationPlan()) { try PlanDocument(setting: $1).applied(to: $0) }
    #expect(plan.prior.totalVariation.weight == 0.01)
    #expect(plan.solver.rate == 0.5)
    #expect(plan.labels == .joint)
    #expect(plan.name == "mine")
  }

  @Test(arguments: [
    (
      #"{"prior": {"totalVaration": 1}}"#,
      "a plan has no \"prior.totalVaration\"; did you mean totalVariation? The keys there are "
        + "batchNorm, box, epochOrder, features, group, label, norm, orthogonality, totalVariation"
    ),
    (#"{"objctive": "l2"}"#, "a plan has no \"objctive\"; did you mean objective?"),
    (#"{"objective": "l3"}"#, "objective.kind is \"l3\"; did you mean l2? It is one of l2, l1"),
    (#"{"prior": 3}"#, "prior is a number; it must be an object"),
    (#"{"prior": {"norm": "x"}}"#, "prior.norm is a word; it must be a number, the weight, or"),
    (#"{"solver": {"rate": "x"}}"#, "solver.rate is a word; it must be a number"),
    (#"{"solver": {"rate": null}}"#, "solver.rate is null; it must be a number"),
    (#"{"iterations": 1.5}"#, "iterations is 1.5; it must be a whole number"),
    (#"{"iterations": 0}"#, "iterations is 0.0; give a number from 1.0 to 100000000.0"),
    (#"{"iterations": 1e300}"#, "iterations is 1e+300; it must be a whole number"),
    (#"{"solver": {"rate": -1}}"#, "solver.rate is -1.0; give a number from"),
    (#"{"scales": [0.5]}"#, "scales is [0.5]; give at most 16 numbers above 0 and up to 1"),
    (#"{"scales": ["a"]}"#, "scales"),
    (#"{"solver": "lbfgs"}"#, "solver is lbfgs, which keeps no constraints"),
    (
      #"{"labels": "joint", "prior": {"group": {"seeds": 2}}}"#,
      "labels is joint, which takes one group seed"
    ),
    (#"{"precision": "f16"}"#, "precision has a value that does not fit"),
    (#"[1]"#, "test is a list; a plan is a JSON object in braces"),
    (#"{"a": "#, "test is not JSON: check quotes, commas and braces"),
  ])
  func wrongPlansAreRefused(_ json: String, _ words: String) throws {
    let message = try #require(attackErrorMessage { _ = try plan(json) })
    #expect(message.hasPrefix(words))
  }

  @Test func hugeAndDeepDocumentsAreRefused() throws {
    let huge = "{\"name\": \"" + String(repeating: "x", count: PlanDocument.largestSize) + "\"}"
    #expect(attackErrorMessage { _ = try plan(huge) }?.hasPrefix("test has 1048") == true)
    let deep = String(repeating: "[", count: 100_000)
    #expect(attackErrorMessage { _ = try plan(deep) }?.hasPrefix("test is not JSON") == true)
  }

  @Test(arguments: ["", "prior", "=3"]) func settingsNeedAKey(_ setting: String) {
    let message = attackErrorMessage { _ = try PlanDocument(setting: setting) }
    #expect(message == "\"\(setting)\" is no setting; write one as prior.totalVariation=0.01")
  }
}
