import Foundation
import TensorGraph
import TestSupport

/// One case of Tests/Fixtures/composites/pytorch.json, written by scripts/fixtures/composites.py.
struct CompositeGolden: Decodable {
  struct Array: Decodable {
    let shape: [Int]
    let values: [Double]

    var tensor: Tensor { Tensor(Shape(shape), .f64(values)) }
  }

  let inputs: [Array]
  let output: Array
  /// Inputs whose gradients follow.
  let differentiable: [Int]
  /// Gradients of Σ output · wave(output shape, phase: 9).
  let gradients: [Array]

  static let all: [String: CompositeGolden] = {
    let url = URL(fileURLWithPath: fixtures + "/composites/pytorch.json")
    do {
      return try JSONDecoder().decode([String: CompositeGolden].self, from: Data(contentsOf: url))
    } catch {
      fatalError("\(url.path): \(error)")
    }
  }()
}

/// Distinct values without a random generator: the script's function of the same name.
func wave(_ shape: Shape, phase: Double) -> Tensor {
  Tensor(
    shape, .f64((0..<shape.elementCount).map { sin(1.7 * Double($0) + 0.9 * phase + 0.3) }))
}
