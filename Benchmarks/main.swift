// Times one evaluation of the DLG objective and its gradient, LeNet at batch 1, 8 and 64.
//
//   swift run -c release EvaluationBenchmark [threads] [steps]
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
  for index in elements.indices {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    elements[index] = Float(state >> 40) / Float(1 << 24) - 0.5
  }
}

for batch in [1, 8, 64] {
  let objective = LeNetObjective(batch: batch, .f32)
  let clock = ContinuousClock()
  let options = CPUBackend.Options(threadCount: threadCount, recordsStepTimes: printsSteps)
  var compiled: CPUExecutable?
  let compileTime = try clock.measure {
    compiled = try CPUBackend(options).makeExecutable(objective.graph)
  }
  guard let executable = compiled else { break }
  var buffers: [HostBuffer] = []
  for (index, input) in objective.graph.inputs.enumerated() {
    let buffer = HostBuffer(input.type)
    fill(buffer, seed: UInt64(index))
    executable.bind(input: index, to: buffer)
    buffers.append(buffer)
  }
  for (index, type) in objective.graph.outputTypes.enumerated() {
    let buffer = HostBuffer(type)
    executable.bind(output: index, to: buffer)
    buffers.append(buffer)
  }
  for _ in 0..<10 { executable.run() }
  let repeats = max(20, 4000 / batch)
  var times: [Double] = []
  for _ in 0..<repeats {
    let time = clock.measure { executable.run() }
    times.append(Double(time.components.attoseconds) * 1e-15)
  }
  times.sort()
  print(
    "lenet batch \(batch): median \(times[repeats / 2]) ms, best \(times[0]) ms, "
      + "\(objective.graph.nodes.count) nodes, compiled in \(compileTime), "
      + "\(executable.workspaceByteCount) bytes")
  if printsSteps {
    for step in executable.stepTimes {
      let microseconds = (step.seconds * 1e8).rounded() / 100
      print("  \(microseconds) us  \(step.name)")
    }
  }
}
