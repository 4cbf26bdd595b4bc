import TensorGraph

private let shape: Shape = [2, 3, 4, 5]

let reductionRows: [OperatorRow] =
  [[], [0], [1], [3], [0, 2], [1, 3], [2, 3], [0, 1], [0, 2, 3], [0, 1, 2, 3]].map { axes in
    OperatorRow("reduce sum over \(axes)", [.uniform(shape)], highestOrder: 2) {
      apply(.reduction(.reduce(.sum, axes: axes)), $0)
    }
  }
  + [[], [0], [1], [3], [0, 2], [1, 2, 3], [0, 1, 2, 3]].map { axes in
    OperatorRow("reduce maximum over \(axes)", [.distinct(shape)], highestOrder: 2) {
      apply(.reduction(.reduce(.maximum, axes: axes)), $0)
    }
  }
  + (0..<4).map { axis in
    OperatorRow("argmax along \(axis)", [.distinct(shape)], highestOrder: 0) {
      $0[0].argmax(axis: axis)
    }
  }
  + [
    OperatorRow("reduce sum of a long vector", [.uniform([2053])], highestOrder: 1) {
      apply(.reduction(.reduce(.sum, axes: [0])), $0)
    },
    OperatorRow("reduce sum over rows of a long matrix", [.uniform([3, 517])], highestOrder: 1) {
      apply(.reduction(.reduce(.sum, axes: [0])), $0)
    },
    OperatorRow("reduce sum of an expression", [.uniform([3, 5]), .uniform([3, 5])]) {
      ($0[0] * $0[1].tanh()).sum(axes: [1])
    },
    OperatorRow("reduce sum i32", [.integers([3, 4], in: -9...9)], highestOrder: 0) {
      apply(.reduction(.reduce(.sum, axes: [1])), $0)
    },
    OperatorRow("reduce maximum i64", [.integers([3, 4], .i64, in: -9...9)], highestOrder: 0) {
      apply(.reduction(.reduce(.maximum, axes: [0])), $0)
    },
    OperatorRow("reduce maximum with ties", [.ties([5, 6])], highestOrder: 0) {
      apply(.reduction(.reduce(.maximum, axes: [1])), $0)
    },
    OperatorRow("argmax with ties", [.ties([5, 6])], highestOrder: 0) { $0[0].argmax(axis: 1) },
    OperatorRow("argmax i32", [.integers([5, 6], in: -2...2)], highestOrder: 0) {
      $0[0].argmax(axis: 0)
    },
    OperatorRow(
      "argmax and maximum with NaN",
      [.listed([3, 3], [1, .nan, .nan, -.infinity, -.infinity, -1, .nan, .infinity, 0])],
      highestOrder: 0
    ) { $0[0].argmax(axis: 1) },
    OperatorRow(
      "reduce maximum with NaN",
      [.listed([3, 3], [1, .nan, 5, -.infinity, -.infinity, -.infinity, .nan, .infinity, 0])],
      highestOrder: 0
    ) { apply(.reduction(.reduce(.maximum, axes: [1])), $0) },
  ]
