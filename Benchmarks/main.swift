// Times one evaluation of the DLG objective and its gradient: LeNet at batch 1, 8 and 64, ResNet-18 at
// batch 1 and 8.
//
//   swift run -c release EvaluationBenchmark [threads] [resnet] [steps]
//
// With `steps`, prints the time of every step of the plan as well.

import CPUBackend
import TensorGraph

let arguments = CommandLine.arguments.dropFirst()
let threadCount = arguments.compactMap { Int($0) }.first
let printsSteps = arguments.contains("steps")

func fill(_ buffer: HostBuffer, seed: UInt64) {
  var state = seed
  let elements = buffer.pointer(as: Float.self)
  let scale = buffer.type.shape.elementCount > 1 << 12 ? Float(0.1) : 1
  for index in elements.indices {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    elements[index] = scale * (Float(state >> 40) / Float(1 << 24) - 0.5)
  }
}

func measure(_ name: String, _ graph: Graph, repeats: Int) throws {
  let clock = ContinuousClock()
  let options = CPUBackend.Options(threadCount: threadCount, recordsStepTimes: printsSteps)
  let start = clock.now
  let executable = try CPUBackend(options).makeExecutable(graph)
  let compileTime = clock.now - start
  for (index, input) in graph.inputs.enumerated() {
    let buffer = HostBuffer(input.type)
    fill(buffer, seed: UInt64(index))
    executable.bind(input: index, to: buffer)
  }
  for (index, type) in graph.outputTypes.enumerated() {
    executable.bind(output: index, to: HostBuffer(type))
  }
  for _ in 0..<3 { executable.run() }
  var times: [Double] = []
  for _ in 0..<repeats {
    let time = clock.measure { executable.run() }
    times.append(
      Double(time.components.attoseconds) * 1e-15 + Double(time.components.seconds) * 1e3)
  }
  times.sort()
  print(
    "\(name): median \(times[repeats / 2]) ms, best \(times[0]) ms, \(graph.nodes.count) nodes, "
      + "compiled in \(compileTime), \(executable.workspaceByteCount) bytes")
  if printsSteps {
    for step in executable.stepTimes {
      print("  \((step.seconds * 1e8).rounded() / 100) us  \(step.name)")
    }
  }
}

if arguments.contains("resnet") {
  for batch in [1, 8] {
    try measure("resnet18 batch \(batch)", ResNetObjective(batch: batch, .f32).graph, repeats: 7)
  }
} else {
  for batch in [1, 8, 64] {
    try measure(
      "lenet batch \(batch)", LeNetObjective(batch: batch, .f32).graph,
      repeats: max(40, 4000 / batch))
  }
}
