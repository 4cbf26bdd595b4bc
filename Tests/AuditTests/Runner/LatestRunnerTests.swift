import Clients
import Defences
import TensorGraph
import Testing

@testable import Audit

@Suite struct LatestRunnerTests {
  private func experiment(_ kind: DataKindName = .pictures) -> Experiment {
    var experiment = Experiment()
    experiment.data = ExperimentData(kind)
    experiment.data.examples = ["coffee"]
    experiment.model = ModelChoice(name: DataKinds.descriptor(kind).usualModel)
    return experiment
  }

  /// What is attacked, how and against which defences is no reason for another model; all else is.
  @Test func experimentsOnOneModelShareARunner() throws {
    var runners = LatestRunner(on: ReferenceInterpreter())
    let first = experiment()
    let runner = try runners.runner(for: first) as? PictureRunner
    var other = first
    other.data.examples = ["chelsea"]
    other.attack.seed = 3
    other.defences = try DefenceChain("fp16")
    other.loss.kind = .meanSquaredError
    #expect(try runners.runner(for: other) as? PictureRunner === runner)
    for change: (inout Experiment) -> Void in [
      { $0.model.classes = 5 }, { $0.mode = .training }, { $0.client.count = 2 },
      { $0.data.examples.append("rocket") }, { $0 = self.experiment(.texts) },
    ] {
      var changed = other
      change(&changed)
      let latest = try runners.runner(for: changed)
      #expect(latest as? PictureRunner !== runner)
      // The former one was given up.
      #expect(try runners.runner(for: other) as? PictureRunner !== runner)
    }
  }
}
