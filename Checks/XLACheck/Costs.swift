import Foundation
import TensorGraph

extension XLACheck {
  /// What one call costs beside the work itself, and what a compilation does.
  func printCosts() {
    for (name, shape) in [
      ("16 numbers", [16] as Shape), ("a picture of 3x32x32", [1, 3, 32, 32]),
      ("a picture of 3x224x224", [1, 3, 224, 224]),
    ] {
      measure(name, inputs: 1, shape)
    }
    measure("two pictures, 20 fixed tensors of 512x512", inputs: 2, [1, 3, 32, 32], fixed: 20)
  }

  /// Sums, so that little is computed and what is bound is read.
  private func measure(_ name: String, inputs: Int, _ shape: Shape, fixed: Int = 0) {
    let builder = GraphBuilder()
    let varying = (0..<inputs).map { builder.input("x\($0)", shape, .f32) }
    let weights = (0..<fixed).map { builder.input("w\($0)", [512, 512], .f32, role: .fixed) }
    let factor = weights.reduce(builder.constant(1, .f32)) {
      $0 + $1.slice(starts: [0, 0], limits: [1, 1], strides: [1, 1]).reshape(to: [])
    }
    let results =
      varying.map { ($0 * factor.broadcast(to: shape, axes: [])).sum() } + varying.map { $0 * 2 }
    let graph = builder.build(outputs: results)
    let tensors = graph.inputs.map { Tensor($0.type.shape, .f32, repeating: 1) }
    let clock = ContinuousClock()
    let start = clock.now
    do throws(GraphError) {
      let runnable = try Runnable(graph, tensors, on: backend)
      let compiled = (clock.now - start).milliseconds
      _ = try runnable.milliseconds(runs: 100)
      let time = try runnable.milliseconds(runs: 2000)
      print(
        String(
          format: "one call, %@ in and out: %.1f us (median of 2000); compiled in %.0f ms",
          name, time * 1e3, compiled))
    } catch {
      print("one call, \(name): \(error.message)")
    }
  }
}
