import CPUBackend
import Foundation
import OperatorTable
import TensorGraph

/// Runs every kernel on small and odd shapes, for `make sanitize`: built with a sanitizer, the program
/// ends at the first wrong access, overflow or race. Results are compared with the interpreter's as well.
///
///     KernelCheck [threads] [part of a name]
///
/// Every row of the operator table and of ``OddShapes``, values and gradients, in f32 and f64, with the
/// kernels of every instruction set that the processor has. Exit status 1 tells that a result was wrong.
@main
struct KernelCheck {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    let threads = max(arguments.first.flatMap { Int($0) } ?? 1, 1)
    let part = arguments.dropFirst().first ?? ""
    let sets = CPUBackend.InstructionSet.allCases.filter(\.isAvailable)
    let rows = (operatorTable + OddShapes.rows).filter {
      part.isEmpty || $0.name.contains(part)
    }
    var (runs, wrong) = (0, 0)
    for row in rows {
      for dtype in [DType.f32, .f64] {
        for order in 0...min(row.highestOrder, 1) {
          guard let check = try? RowCheck(row, order: order, dtype) else {
            print("\(row): the interpreter refused it")
            wrong += 1
            continue
          }
          for set in sets {
            var options = CPUBackend.Options(threadCount: threads)
            options.instructionSet = set
            runs += 1
            if let problem = problem(check, options) {
              print("\(dtype), \(set): \(problem)")
              wrong += 1
            }
          }
        }
      }
    }
    print(
      "\(rows.count) expressions, \(runs) runs with \(sets.map { "\($0)" }.joined(separator: ", ")), "
        + "\(threads) threads: \(wrong) wrong")
    exit(wrong == 0 ? 0 : 1)
  }

  private static func problem(_ check: RowCheck, _ options: CPUBackend.Options) -> String? {
    do {
      return try check.disagreements(of: CPUBackend(options)).first
    } catch {
      return error.message
    }
  }
}
