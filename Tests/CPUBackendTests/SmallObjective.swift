import CPUBackend
import TensorGraph

/// A matching objective and its gradient: a small convolutional network with every kind of kernel, large
/// enough that work is shared among threads.
struct SmallObjective: Sendable {
  let graph: Graph
  let inputs: [Tensor]

  init(_ dtype: DType) {
    let builder = GraphBuilder()
    let image = builder.input("x", [3, 2, 24, 20], dtype)
    let weights = [
      builder.input("w0", [13, 2, 5, 3], dtype, role: .fixed),
      builder.input("w1", [18, 13, 3, 3], dtype, role: .fixed),
      builder.input("fc", [9, 18 * 6 * 9], dtype, role: .fixed),
    ]
    let label = builder.input("label", [3, 9], dtype)
    var hidden = image.convolve(
      weights[0],
      Convolution(
        strides: Size2D(2, 1), padding: Padding2D(top: 2, bottom: 1, left: 0, right: 1))
    ).sigmoid()
    hidden = hidden.convolve(
      weights[1], Convolution(strides: Size2D(2, 2), padding: Padding2D(1), dilations: Size2D(1, 2))
    ).tanh()
    let features = hidden.shape.elementCount / 3
    let fullyConnected = weights[2].slice(axis: 1, 0..<features)
    let logits = hidden.reshape(to: [3, features]).matmul(fullyConnected, transposeB: true)
    let shifted = logits - logits.max(axes: [1], keepsAxes: true)
    let logProbabilities = shifted - shifted.exp().sum(axes: [1], keepsAxes: true).log()
    let loss = -(label * logProbabilities).sum()
    let distance = loss.gradient(withRespectTo: weights)
      .map { ($0 - $0.filled(with: 0.01)).squared().sum() }.reduce(builder.constant(0, dtype), +)
    graph = builder.build(
      outputs: [distance] + distance.gradient(withRespectTo: [image, label]))
    var state: UInt64 = 7
    inputs = graph.inputs.map { input in
      let elements = (0..<input.type.shape.elementCount).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 40) / Double(1 << 24) - 0.5
      }
      return Tensor(input.type.shape, dtype, elements)
    }
  }
}

/// An executable with buffers for all inputs and outputs.
final class BoundExecutable {
  let executable: CPUExecutable
  let outputs: [HostBuffer]

  init(
    _ graph: Graph, _ inputs: [Tensor],
    _ options: CPUBackend.Options = CPUBackend.Options(threadCount: 1)
  ) throws {
    executable = try CPUBackend(options).makeExecutable(graph)
    outputs = graph.outputTypes.map { HostBuffer($0) }
    for (index, tensor) in inputs.enumerated() {
      executable.bind(input: index, to: HostBuffer(tensor))
    }
    for (index, buffer) in outputs.enumerated() { executable.bind(output: index, to: buffer) }
  }

  func run() { executable.run() }

  var results: [Tensor] { outputs.map { $0.read() } }
}
