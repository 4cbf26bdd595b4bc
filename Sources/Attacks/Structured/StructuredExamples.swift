import Clients
import Solvers

extension InputStructure {
  /// Bounds this far apart are those of numbers that were standardised: most are near 0.
  private static let wideBounds = 4.0
  /// How often a number that is 0 or 1 is 1.
  private static let markShare = 0.2

  /// An example that could be: choices evenly, numbers within their bounds.
  func randomExample(using source: inout RandomSource) -> [Double] {
    parts.flatMap { part -> [Double] in
      switch part {
      case .choice(let inputs):
        let chosen = source.integer(below: inputs.count)
        return inputs.indices.map { $0 - inputs.startIndex == chosen ? 1 : 0 }
      case .number(_, let bounds, let grid):
        let width = bounds.upperBound - bounds.lowerBound
        guard width > 0 else { return [bounds.lowerBound] }
        if let grid, grid.step >= width {
          return [source.uniform() < Self.markShare ? bounds.upperBound : bounds.lowerBound]
        }
        guard width > Self.wideBounds, bounds.contains(0) else {
          return [source.uniform(in: bounds.lowerBound..<bounds.upperBound)]
        }
        return [min(max(source.normal(), bounds.lowerBound), bounds.upperBound)]
      }
    }
  }

  /// What is believed of each input before an update is seen: of a choice that all are alike, of a number that it lies near 0
  /// where numbers were standardised, or in the middle of its bounds.
  var beliefs: [(mean: Double, deviation: Double)] {
    var beliefs = [(mean: Double, deviation: Double)](repeating: (0, 1), count: inputCount)
    for part in parts {
      switch part {
      case .choice(let inputs):
        for input in inputs { beliefs[input] = (1 / Double(inputs.count), 0.5) }
      case .number(let input, let bounds, _):
        let width = bounds.upperBound - bounds.lowerBound
        beliefs[input] =
          width > Self.wideBounds && bounds.contains(0)
          ? (0, 1) : (bounds.lowerBound + width / 2, max(width / 2, 1e-3))
      }
    }
    return beliefs
  }

  /// Several examples, one after the other, each as ``projected(_:)`` gives it.
  func projectedBatch(_ batch: [Double]) -> [Double] {
    stride(from: 0, to: batch.count, by: inputCount).flatMap {
      projected(Array(batch[$0..<$0 + inputCount]))
    }
  }

  /// The example that could be and is nearest: choices made, numbers within their bounds and on their grids.
  func projected(_ example: [Double]) -> [Double] {
    var result = example
    for part in parts {
      switch part {
      case .choice(let inputs):
        let chosen = inputs.max { example[$0] < example[$1] }
        for input in inputs { result[input] = input == chosen ? 1 : 0 }
      case .number(let input, let bounds, let grid):
        let number = min(max(example[input], bounds.lowerBound), bounds.upperBound)
        result[input] = grid?.nearest(to: number) ?? number
        if let grid, abs(example[input]) <= Self.gridTolerance * grid.step {
          // What stands for a missing number.
          result[input] = 0
        }
      }
    }
    return result
  }

  /// By how much a choice's inputs may differ from 0 and 1.
  private static let choiceTolerance = 0.2
  /// By which share of a step a number may differ from one of its grid's.
  private static let gridTolerance = 0.2

  /// An example with its choices made and its numbers on their grids, where it is near enough to them.
  ///
  /// - Returns: the example, and the inputs that are not settled; numbers without a grid never are.
  func settled(_ example: [Double]) -> (example: [Double], open: [Int]) {
    var result = example
    var open: [Int] = []
    for part in parts {
      switch part {
      case .choice(let inputs):
        let chosen = inputs.max { example[$0] < example[$1] } ?? inputs.lowerBound
        func value(_ input: Int) -> Double { input == chosen ? 1 : 0 }
        if inputs.allSatisfy({ abs(example[$0] - value($0)) <= Self.choiceTolerance }) {
          for input in inputs { result[input] = value(input) }
        } else {
          open += inputs
        }
      case .number(let input, _, let grid):
        guard let grid else {
          open.append(input)
          continue
        }
        let nearest = grid.nearest(to: example[input])
        let tolerance = Self.gridTolerance * grid.step
        if abs(nearest - example[input]) <= tolerance {
          result[input] = nearest
        } else if abs(example[input]) <= tolerance {
          // What stands for a missing number.
          result[input] = 0
        } else {
          open.append(input)
        }
      }
    }
    return (result, open)
  }
}
