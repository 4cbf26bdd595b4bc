import Solvers
import TensorGraph

@testable import Audit

/// A filter in this process.
final class TestFilter: UpdateFilter {
  private let body: ([String: [Double]], inout RandomSource) -> [String: [Double]]
  private var source: RandomSource
  private let reseeds: Bool

  /// - Parameters:
  ///   - reseeds: whether each call draws the same numbers.
  ///   - body: from an update's tensors to what is sent, whose numbers it draws from the source.
  init(
    seed: UInt64 = 1, reseeds: Bool = false,
    _ body: @escaping ([String: [Double]], inout RandomSource) -> [String: [Double]]
  ) {
    self.body = body
    self.reseeds = reseeds
    source = RandomSource(seed: seed)
  }

  func apply(_ update: [String: Tensor]) throws -> [String: Tensor] {
    var own = source
    let output = body(update.mapValues(\.doubles), &own)
    if !reseeds { source = own }
    return output.reduce(into: [:]) { result, entry in
      guard let shape = update[entry.key]?.shape else { return }
      result[entry.key] = Tensor(shape, .f32, entry.value)
    }
  }
}

/// Steps of filters.
enum FilterStep {
  static func norm(_ update: [String: [Double]]) -> Double {
    update.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }.squareRoot()
  }

  static func scaled(_ update: [String: [Double]], by factor: Double) -> [String: [Double]] {
    update.mapValues { $0.map { $0 * factor } }
  }

  static func clipped(_ update: [String: [Double]], to limit: Double) -> [String: [Double]] {
    scaled(update, by: min(1, limit / max(norm(update), 1e-300)))
  }

  /// - Parameter tensors: those that get noise; all by default.
  static func noisy(
    _ update: [String: [Double]], deviation: Double, _ source: inout RandomSource,
    tensors: Set<String>? = nil
  ) -> [String: [Double]] {
    var result = update
    for name in update.keys.sorted() where tensors?.contains(name) ?? true {
      result[name] = update[name]?.map { $0 + deviation * source.normal() }
    }
    return result
  }
}

/// A filter that does not do what is claimed, and what gives it away.
struct BrokenFilter: Sendable {
  let name: String
  let fault: MechanismFault?
  let claimedEpsilon: Double
  let make: @Sendable () -> TestFilter

  static let all: [BrokenFilter] = [
    BrokenFilter(name: "clipping alone", fault: .noNoise, claimedEpsilon: 10) {
      TestFilter { update, _ in FilterStep.clipped(update, to: 1) }
    },
    BrokenFilter(name: "rounded to signs", fault: .noNoise, claimedEpsilon: 1) {
      TestFilter { update, _ in update.mapValues { $0.map { $0 == 0 ? 0 : $0 > 0 ? 1 : -1 } } }
    },
    BrokenFilter(name: "biases without noise", fault: .noiselessTensors, claimedEpsilon: 5) {
      TestFilter { update, source in
        FilterStep.noisy(
          FilterStep.clipped(update, to: 1), deviation: 1, &source, tensors: ["layer.weight"])
      }
    },
    BrokenFilter(name: "a seed in each call", fault: .repeatedNoise, claimedEpsilon: 5) {
      TestFilter(reseeds: true) { update, source in
        FilterStep.noisy(FilterStep.clipped(update, to: 1), deviation: 1, &source)
      }
    },
    BrokenFilter(name: "a seed for each tensor", fault: .repeatedNoise, claimedEpsilon: 5) {
      TestFilter { update, source in
        let start = source
        var next = source
        var result = FilterStep.clipped(update, to: 1)
        for name in update.keys.sorted() {
          var own = start
          result[name] = result[name]?.map { $0 + own.normal() }
          next = own
        }
        source = next
        return result
      }
    },
    BrokenFilter(name: "one number for a tensor", fault: .sharedNoise, claimedEpsilon: 5) {
      TestFilter { update, source in
        var result = FilterStep.clipped(update, to: 1)
        for name in update.keys.sorted() {
          let noise = source.normal()
          result[name] = result[name]?.map { $0 + noise }
        }
        return result
      }
    },
    BrokenFilter(name: "noise without a clip", fault: .unboundedResponse, claimedEpsilon: 5) {
      TestFilter { update, source in FilterStep.noisy(update, deviation: 1, &source) }
    },
    BrokenFilter(name: "a bias that is not clipped", fault: .unboundedResponse, claimedEpsilon: 5) {
      TestFilter { update, source in
        var clipped = FilterStep.clipped(update, to: 1)
        clipped["layer.bias"] = update["layer.bias"]
        return FilterStep.noisy(clipped, deviation: 1, &source)
      }
    },
    BrokenFilter(name: "noise before the clip", fault: .shrinkingNoise, claimedEpsilon: 5) {
      TestFilter { update, source in
        FilterStep.clipped(FilterStep.noisy(update, deviation: 1, &source), to: 1)
      }
    },
    BrokenFilter(name: "noise of the update's own size", fault: .growingNoise, claimedEpsilon: 5) {
      TestFilter { update, source in
        FilterStep.noisy(update, deviation: 0.1 + FilterStep.norm(update), &source)
      }
    },
    BrokenFilter(name: "half the noise", fault: nil, claimedEpsilon: 4.4) {
      TestFilter { update, source in
        FilterStep.noisy(FilterStep.clipped(update, to: 1), deviation: 0.5, &source)
      }
    },
    BrokenFilter(name: "a sensitivity of its own", fault: nil, claimedEpsilon: 10) {
      TestFilter { update, source in
        FilterStep.noisy(FilterStep.clipped(update, to: 1), deviation: 4.8e-5, &source)
      }
    },
    BrokenFilter(name: "tensors clipped one by one", fault: nil, claimedEpsilon: 1.5) {
      TestFilter { update, source in
        let clipped = update.mapValues { values in
          FilterStep.clipped(["": values], to: 2)[""] ?? values
        }
        return FilterStep.noisy(clipped, deviation: 2, &source)
      }
    },
  ]
}
