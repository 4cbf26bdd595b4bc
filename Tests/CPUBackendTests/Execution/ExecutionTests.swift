import AllocationCounter
import CPUBackend
import Foundation
import OperatorTable
import TensorGraph
import Testing

/// How executables behave from run to run, whatever they compute.
@Suite struct ExecutionTests {
  /// Tasks and the order of partial sums are fixed when the plan is made.
  @Test(arguments: [DType.f32, .f64])
  func threadCountsGiveTheSameBits(dtype: DType) throws {
    let objective = SmallObjective(dtype)
    let reference = try run(objective, threadCount: 1)
    for threadCount in [2, 3] {
      #expect(try run(objective, threadCount: threadCount) == reference)
    }
  }

  @Test func repeatedRunsGiveTheSameBits() throws {
    let objective = SmallObjective(.f32)
    let bound = try BoundExecutable(objective.graph, objective.inputs)
    bound.run()
    let first = bound.results
    for _ in 0..<5 {
      bound.run()
      #expect(bound.results == first)
    }
  }

  @Test func executablesRunConcurrently() async throws {
    let objective = SmallObjective(.f32)
    let expected = try run(objective, threadCount: 2)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          guard
            let bound = try? BoundExecutable(
              objective.graph, objective.inputs, .init(threadCount: 2))
          else { return false }
          for _ in 0..<10 {
            bound.run()
            if bound.results != expected { return false }
          }
          return true
        }
      }
      for await agrees in group { #expect(agrees) }
    }
  }

  @Test(.enabled(if: allocation_count() >= 0)) func runsDoNotAllocate() throws {
    let objective = SmallObjective(.f32)
    let bound = try BoundExecutable(objective.graph, objective.inputs, .init(threadCount: 2))
    let beforeCompiling = allocation_count()
    bound.run()
    #expect(try BoundExecutable(objective.graph, objective.inputs).results.count == 3)
    let before = allocation_count()
    for _ in 0..<5 { bound.run() }
    let after = allocation_count()
    #expect(after == before)
    #expect(before > beforeCompiling, "allocations are not counted")
  }

  /// Work on fixed inputs is redone when one is bound anew, and only then.
  @Test func fixedInputsAreReadAgainWhenBound() throws {
    let builder = GraphBuilder()
    let weight = builder.input("weight", [2, 3], .f64, role: .fixed)
    let x = builder.input("x", [3, 1], .f64)
    let graph = builder.build(outputs: [weight.exp().matmul(x), weight.exp(), weight])
    let bound = try BoundExecutable(
      graph, [Tensor([2, 3], .f64, repeating: 0), Tensor([3, 1], .f64, [1, 2, 3])])
    bound.run()
    #expect(bound.results[0] == Tensor([2, 1], .f64, [6, 6]))
    let other = HostBuffer(Tensor([2, 3], .f64, repeating: log(2)))
    bound.executable.bind(input: 0, to: other)
    bound.outputs[1].write(Tensor([2, 3], .f64, repeating: -1))
    bound.run()
    #expect(
      bound.results[0].difference(from: Tensor([2, 1], .f64, [12, 12]), tolerance: 1e-15) == nil)
    #expect(bound.results[1].doubles.allSatisfy { abs($0 - 2) < 1e-15 })
    #expect(bound.results[2] == other.read())
  }

  @Test func outputsMayRepeatAndReshape() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [2, 2], .f32)
    let y = x * 2
    let graph = builder.build(outputs: [
      y, y, y.reshape(to: [4]), x, builder.constant(7, [3], .i32),
    ])
    let results = try CPUBackend().evaluate(graph, [Tensor([2, 2], .f32, [1, 2, 3, 4])])
    let doubled: [Double] = [2, 4, 6, 8]
    #expect(results.map(\.doubles) == [doubled, doubled, doubled, [1, 2, 3, 4], [7, 7, 7]])
  }

  @Test func reportsTheTimeOfSteps() throws {
    let objective = SmallObjective(.f32)
    let bound = try BoundExecutable(
      objective.graph, objective.inputs, .init(recordsStepTimes: true))
    bound.run()
    let times = bound.executable.stepTimes
    #expect(times.contains { $0.name.hasPrefix("convolution") && $0.seconds > 0 })
    #expect(try BoundExecutable(objective.graph, objective.inputs).executable.stepTimes.isEmpty)
  }

  @Test func tooManyAxesAreAnError() throws {
    let builder = GraphBuilder()
    let shape = Shape([Int](repeating: 2, count: 14))
    let x = builder.input("x", shape, .f32)
    let graph = builder.build(outputs: [x.transpose(Array((0..<14).reversed()))])
    #expect(throws: GraphError.self) { _ = try CPUBackend().compile(graph) }
  }

  private func run(_ objective: SmallObjective, threadCount: Int) throws -> [Tensor] {
    let bound = try BoundExecutable(
      objective.graph, objective.inputs, .init(threadCount: threadCount))
    bound.run()
    return bound.results
  }
}
