import OperatorTable
import TensorGraph

/// Products, convolutions, reductions and rearrangements whose extents are no multiple of any vector:
/// what the operator table's rows, made for different attributes, leave out.
enum OddShapes {
  private static let extents = [1, 3, 7, 17]

  static var rows: [OperatorRow] {
    products + convolutions + reductions + rearrangements + fusedWork
  }

  private static var products: [OperatorRow] {
    var rows: [OperatorRow] = []
    for left in extents {
      for inner in extents {
        for right in extents {
          for (turnsA, turnsB) in [(false, false), (false, true), (true, false), (true, true)] {
            rows.append(
              OperatorRow(
                "odd product \(left)x\(inner)x\(right) \(turnsA) \(turnsB)",
                [
                  .uniform(turnsA ? [inner, left] : [left, inner]),
                  .uniform(turnsB ? [right, inner] : [inner, right]),
                ], highestOrder: 1
              ) { $0[0].matmul($0[1], transposeA: turnsA, transposeB: turnsB) })
          }
        }
      }
    }
    return rows
  }

  private static var convolutions: [OperatorRow] {
    var rows: [OperatorRow] = []
    let sizes = [(1, 1), (3, 7), (7, 3), (17, 1), (1, 17), (17, 7)]
    for (height, width) in sizes {
      for (channels, kernels) in [(1, 3), (3, 1), (3, 7), (7, 17)] {
        for kernel in [Size2D(1, 1), Size2D(3, 3), Size2D(3, 1), Size2D(1, 7)] {
          for stride in [Size2D(1, 1), Size2D(2, 3)] {
            let convolution = Convolution(strides: stride, padding: Padding2D(1))
            let input: Shape = [3, channels, height, width]
            let weight: Shape = [kernels, channels, kernel.height, kernel.width]
            guard
              convolution.outputSize(input: Size2D(height, width), kernel: kernel) != nil
            else { continue }
            rows.append(
              OperatorRow(
                "odd convolution \(input) \(weight) \(stride)",
                [.uniform(input), .uniform(weight)],
                highestOrder: 1
              ) { $0[0].convolve($0[1], convolution) })
          }
        }
      }
    }
    return rows
  }

  private static var reductions: [OperatorRow] {
    extents.flatMap { first in
      extents.flatMap { second in
        [[0], [1], [2], [0, 2], [0, 1, 2]].flatMap { axes -> [OperatorRow] in
          let shape: Shape = [first, second, 7]
          let name = "odd reduction \(shape) over \(axes)"
          return [
            OperatorRow(name + ", sum", [.uniform(shape)], highestOrder: 1) {
              $0[0].exp().sum(axes: axes)
            },
            OperatorRow(name + ", max", [.distinct(shape)], highestOrder: 1) {
              $0[0].max(axes: axes)
            },
          ]
        }
      }
    }
  }

  private static var rearrangements: [OperatorRow] {
    extents.flatMap { first in
      extents.flatMap { second -> [OperatorRow] in
        let shape: Shape = [first, 3, second]
        return [
          OperatorRow("odd transpose \(shape)", [.uniform(shape)], highestOrder: 1) {
            $0[0].transpose([2, 0, 1]) * 2
          },
          OperatorRow("odd pad \(shape)", [.uniform(shape)], highestOrder: 1) {
            $0[0].pad(low: [1, 0, 3], high: [0, 2, 1], interior: [0, 1, 2])
          },
          OperatorRow("odd slice \(shape)", [.uniform(shape)], highestOrder: 1) {
            $0[0].slice(starts: [0, 1, 0], limits: [first, 3, second], strides: [1, 2, 1])
          },
          OperatorRow(
            "odd rows \(shape)", [.uniform(shape), .integers([first, 7], in: -2...4)],
            highestOrder: 1
          ) { $0[0].gather($0[1]) },
        ]
      }
    }
  }

  /// Values without a whole number in reach, beyond the integers' range and none at all, through
  /// conversions and comparisons; bias and activation behind products.
  private static var fusedWork: [OperatorRow] {
    let wild: [Double] = [.nan, .infinity, -.infinity, 1e30, -1e30, 2_147_483_648, -0.0]
    var rows: [OperatorRow] = [DType.i32, .i64, .bool].map { dtype in
      OperatorRow(
        "wild numbers to \(dtype)", [.listed([7], wild)], highestOrder: 0
      ) { $0[0].convert(to: dtype) }
    }
    for extent in extents {
      rows.append(
        OperatorRow(
          "odd layer of \(extent)",
          [.uniform([7, 17]), .uniform([extent, 17]), .uniform([extent])],
          highestOrder: 1
        ) { ($0[0].matmul($0[1], transposeB: true) + $0[2]).tanh() })
      rows.append(
        OperatorRow(
          "odd functions of \(extent)", [.uniform([extent, 3], in: 0.1...2)], highestOrder: 1
        ) { ($0[0].log() + $0[0].sqrt().sin() * $0[0].rsqrt()).tanh() })
    }
    return rows
  }
}
