import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Defences
@testable import Solvers

/// What is known of an update as intervals.
@Suite struct IntervalLossTests {
  /// Of known, clipped, zeroed and rounded numbers and of signs; see scripts/fixtures/defences-intervals.py.
  @Test(arguments: [DType.f32, .f64]) func lossAndGradientArePyTorchs(_ dtype: DType) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let golden = try SafetensorsFile(
      contentsOf: folder.appendingPathComponent("Fixtures/defences/intervals.safetensors").path
    ).tensors()
    func tensor(_ name: String) throws -> Tensor { try #require(golden[name]) }
    let (weight, guess) = (try tensor("weight"), try tensor("guess"))
    func weighted(_ name: String) throws -> Tensor {
      Tensor(weight.shape, .f64(zip(try tensor(name).doubles, weight.doubles).map { $0 * $1 }))
    }
    let builder = GraphBuilder()
    let view = MatchingView(isWeighted: true, hasIntervals: true)
    let gradient = builder.input("gradient", guess.shape, dtype)
    let target = builder.input("target", guess.shape, dtype, role: .fixed)
    let inputs = view.inputs(builder, [ParameterSpec("w", guess.shape, .zeros)], dtype)
    let loss = squaredDistance(view.seen([gradient], inputs), [target])
    let slope = loss.gradient(withRespectTo: [gradient])[0]
    let function = try CompiledFunction(
      builder.function(computing: [loss, slope]), on: AttackedClient.backend)
    function.bind(gradient.handle, to: guess)
    function.bind(target.handle, to: try weighted("sent"))
    function.bind(
      inputs.handles,
      to: [weight, try weighted("sent"), try weighted("below"), try weighted("above")])
    let (value, slopes) = (function.output(loss.handle), function.output(slope.handle))
    try function.run()
    let tolerance = dtype == .f32 ? 1e-5 : 1e-13
    let expected = try tensor("loss").doubles[0]
    #expect(abs(value.number(at: 0) - expected) <= tolerance * expected)
    for (left, right) in zip(slopes.read().doubles, try tensor("gradient").doubles) {
      #expect(abs(left - right) <= tolerance * max(abs(right), 1))
    }
  }

  private func percentile(_ values: [Double], _ spec: String) throws -> [UpdateInTransit.Slack] {
    var transit = UpdateInTransit([Tensor([values.count], .f64(values))])
    var round = ClientRound(
      batchSize: 1, reduction: .mean, training: nil, names: [], examples: [], representation: nil,
      source: RandomSource(seed: 0))
    var chain = try DefenceChain(spec).defences
    for index in chain.indices {
      guard var defence = chain[index] as? any UpdateDefence else { continue }
      defence.apply(to: &transit, in: &round)
      chain[index] = defence
    }
    return transit.parts[0].slack ?? []
  }

  /// What the filter tells of each number, and no more.
  @Test func theFilterTellsIntervals() throws {
    let values = [0.3, -0.5, 0.02, -0.01, 0.1, 0]
    typealias Slack = UpdateInTransit.Slack
    let slack = try percentile(values, "nvflare-percentile:50,0.25")
    // 0.06 is the median: of what is left the least is 0.1.
    #expect(
      slack == [
        Slack(above: .infinity), Slack(below: -.infinity), Slack(below: -0.1, above: 0.1),
        Slack(below: -0.1, above: 0.1), .none, Slack(below: -0.1, above: 0.1),
      ])
    // Where all that is left was clipped, nothing bounds what was zeroed.
    #expect(
      try percentile(values, "nvflare-percentile:50,0.05")[2]
        == Slack(below: -.infinity, above: .infinity))
    // Bounds of most numbers are left out.
    #expect(
      try percentile(values, "nvflare-percentile:70,0.45")[2]
        == Slack(below: -.infinity, above: .infinity))
    // Zeros that the percentile is 0 for were zeros before.
    #expect(
      try percentile([0, 0, 0, 1], "nvflare-percentile:50,2") == [.none, .none, .none, .none])
    // A factor scales intervals, noise leaves them.
    let scaled = try percentile(values, "nvflare-percentile:50,0.25+gaussian:1e-9")
    #expect(scaled == slack)
  }

  /// Read back although a part was clipped and a part zeroed, by who knows that, and by nobody else.
  @Test func intervalsUndoThePercentileFilter() throws {
    let client = try AttackedClient.leNet()
    var pipeline = DefencePipeline(try DefenceChain("nvflare-percentile:10,0.01"), seed: 0)
    let shared = try client.weighted.share(
      images: client.images, labels: client.labels, through: &pipeline,
      backend: AttackedClient.backend)
    func psnr(isAdaptive: Bool) throws -> Double {
      let result = try AttackProblem(
        client.weighted, update: shared.update,
        configuration: AttackConfiguration(attack: .levenbergMarquardt, trials: 2, iterations: 500),
        counter: isAdaptive ? shared.counterAttack : .none, backend: AttackedClient.backend
      ).run()
      return client.psnr(of: result.images)
    }
    #expect(shared.counterAttack.slack != nil)
    #expect(try psnr(isAdaptive: true) > 80)
    #expect(try psnr(isAdaptive: false) < 30)
  }
}
