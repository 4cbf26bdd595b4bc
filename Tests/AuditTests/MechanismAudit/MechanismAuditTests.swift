import Foundation
import Solvers
import TensorGraph
import TestSupport
import Testing

@testable import Audit

@Suite struct MechanismAuditTests {
  private let shapes: [String: Shape] = ["layer.weight": [8, 32], "layer.bias": [32]]

  private func audit(
    _ filter: any UpdateFilter, claimed: Double?, runs: Int = 60, stacked: Int? = nil
  ) throws -> MechanismRecord {
    var plan = MechanismAudit.Plan()
    (plan.clip, plan.claimedEpsilon, plan.runs, plan.stacked) = (1, claimed, runs, stacked)
    return try MechanismAudit(filter, shapes: shapes, plan: plan).run()
  }

  @Test(arguments: BrokenFilter.all.indices)
  func brokenFiltersAreFlagged(_ index: Int) throws {
    let broken = BrokenFilter.all[index]
    let record = try audit(broken.make(), claimed: broken.claimedEpsilon)
    #expect(record.verdict == .refuted || record.verdict == .doubtful, "\(broken.name)")
    if let fault = broken.fault {
      #expect(record.faults.map(\.fault).contains(fault), "\(broken.name): \(record.faults)")
    } else {
      #expect(record.faults.isEmpty, "\(broken.name): \(record.faults)")
    }
  }

  /// Forty right filters of different noise, clip and seed: at the level of the bound and of the estimate, at most a few are
  /// flagged.
  @Test func rightFiltersPass() throws {
    var flagged: [Int] = []
    for seed in 0..<40 {
      let multiplier = [0.5, 1, 2, 4][seed % 4]
      let clip = [0.1, 1, 3][seed % 3]
      let filter = TestFilter(seed: UInt64(seed)) { update, source in
        FilterStep.noisy(
          FilterStep.clipped(update, to: clip), deviation: multiplier * clip, &source)
      }
      // ε at δ = 1e-5 of the Gaussian mechanism, as published: 10 at 0.5, 4.38 at 1, 1.99 at 2; 0.92 at 4.
      let record = try audit(filter, claimed: [10, 4.38, 1.99, 0.92][seed % 4])
      if record.verdict != .notRefuted { flagged.append(seed) }
    }
    #expect(flagged.count <= 1, "\(flagged)")
  }

  @Test func noiseAndResponseAreMeasured() throws {
    let filter = TestFilter { update, source in
      FilterStep.noisy(FilterStep.clipped(update, to: 3), deviation: 0.6, &source)
    }
    let record = try audit(filter, claimed: nil, runs: 200)
    #expect(record.verdict == .noClaim && record.faults.isEmpty)
    #expect(abs(record.noise - 0.6) < 0.05)
    let estimate = try #require(record.estimate)
    #expect(abs(estimate.mu.value - 5) < 0.5 && estimate.isNormal)
    #expect(estimate.leastEpsilon.value < estimate.epsilon.value)
    // 200 runs, nearly all told apart.
    let bound = try #require(record.bounds.first)
    #expect(bound.epsilon > 2 && bound.epsilon <= bound.reach && bound.reach < 4)
  }

  @Test func otherNoiseIsNotCalledNormal() throws {
    let filter = TestFilter { update, source in
      var result = FilterStep.clipped(update, to: 1)
      for name in update.keys.sorted() {
        result[name] = result[name]?.map {
          $0 + (source.uniform(in: 0..<1) < 0.05 ? 5 : 0.3) * source.normal()
        }
      }
      return result
    }
    let estimate = try #require(try audit(filter, claimed: nil).estimate)
    #expect(!estimate.isNormal)
  }

  /// One call on a stack of examples, each clipped, whose sum gets noise.
  @Test func aStackIsAuditedInOneRun() throws {
    func filter(_ deviation: Double) -> any UpdateFilter {
      StackedFilter(deviation: deviation, clip: 1)
    }
    let loose = try audit(filter(0.2), claimed: 1, runs: 2, stacked: 200)
    let bound = try #require(loose.bounds.last)
    #expect(bound.method == "one run" && bound.canaries == 200 && bound.epsilon > 1)
    #expect(loose.verdict == .refuted)
    let right = try audit(filter(2), claimed: 2, runs: 2, stacked: 200)
    #expect(try #require(right.bounds.last).epsilon <= 2)
  }

  @Test func filtersThatGiveBackOtherTensorsAreRefused() throws {
    let missing = TestFilter { update, _ in update.filter { $0.key == "layer.bias" } }
    #expect(throws: MechanismAuditError.self) { try audit(missing, claimed: 1) }
    let infinite = TestFilter { update, _ in update.mapValues { $0.map { _ in .infinity } } }
    #expect(throws: MechanismAuditError.self) { try audit(infinite, claimed: 1) }
  }

  /// A filter that is a program.
  @Test func commandsAreFilters() throws {
    let copy = try FilterCommand("cp", timeLimit: 20)
    let record = try audit(copy, claimed: 10)
    #expect(record.verdict == .refuted)
    #expect(record.faults.map(\.fault).contains(.noNoise))
    func message(_ command: String, limit: Double = 20) throws -> String {
      do {
        _ = try audit(FilterCommand(command, timeLimit: limit), claimed: 1)
        return ""
      } catch let error as MechanismAuditError {
        return error.description
      }
    }
    #expect(try message("true").contains("wrote no file"))
    #expect(
      try message("sh -c 'echo no such layer >&2; exit 3' ").contains("status 3: no such layer"))
    #expect(try message("sleep 30 #", limit: 0.2).contains("more than 0.2 s"))
  }
}

/// DP-SGD's step: examples along the first axis, clipped, summed, with noise.
private final class StackedFilter: UpdateFilter {
  private let deviation: Double
  private let clip: Double
  private var source = RandomSource(seed: 3)

  init(deviation: Double, clip: Double) {
    self.deviation = deviation
    self.clip = clip
  }

  func apply(_ update: [String: Tensor]) throws -> [String: Tensor] {
    let count = update.values.first?.shape.dimensions.first ?? 0
    var sum = update.mapValues { [Double](repeating: 0, count: $0.shape.elementCount / count) }
    for example in 0..<count {
      let own = update.mapValues { tensor -> [Double] in
        let size = tensor.shape.elementCount / count
        return Array(tensor.doubles[example * size..<(example + 1) * size])
      }
      for (name, values) in FilterStep.clipped(own, to: clip) {
        sum[name] = zip(sum[name] ?? [], values).map(+)
      }
    }
    return FilterStep.noisy(sum, deviation: deviation, &source).reduce(into: [:]) { result, entry in
      guard let shape = update[entry.key]?.shape else { return }
      result[entry.key] = Tensor(Shape(Array(shape.dimensions.dropFirst())), .f32, entry.value)
    }
  }
}
