import ArgumentParser
import CPUBackend
import TensorGraph

/// What computes: the only place that knows which backends there are.
enum BackendChoice: String, CaseIterable, ExpressibleByArgument {
  case cpu, reference

  /// - Parameter threads: that share the work of a run; nil for all processors.
  func backend(threads: Int? = nil) -> any Backend {
    switch self {
    case .cpu: CPUBackend(CPUBackend.Options(threadCount: threads))
    case .reference: ReferenceInterpreter()
    }
  }
}
