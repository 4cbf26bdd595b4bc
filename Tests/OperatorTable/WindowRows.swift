import TensorGraph

let windowRows: [OperatorRow] = [
  OperatorRow(
    "window argmax, all attributes different", [.distinct([2, 3, 6, 7])], highestOrder: 0
  ) {
    $0[0].windowArgmax(
      Window(
        size: Size2D(3, 2), strides: Size2D(2, 3),
        padding: Padding2D(top: 1, bottom: 2, left: 3, right: 4), dilations: Size2D(1, 2)))
  },
  OperatorRow("window argmax with ties", [.ties([1, 2, 6, 6])], highestOrder: 0) {
    $0[0].windowArgmax(Window(size: Size2D(2, 2), strides: Size2D(2, 2)))
  },
  OperatorRow(
    "window argmax with ties, windows that overlap", [.ties([1, 2, 7, 8])], highestOrder: 0
  ) {
    $0[0].windowArgmax(
      Window(
        size: Size2D(3, 3), strides: Size2D(1, 2), padding: Padding2D(1), dilations: Size2D(2, 1)))
  },
  OperatorRow("window argmax in the padding alone", [.uniform([1, 1, 3, 3])], highestOrder: 0) {
    $0[0].windowArgmax(Window(size: Size2D(2, 2), strides: Size2D(1, 1), padding: Padding2D(3)))
  },
  OperatorRow(
    "window argmax with NaN",
    [
      .listed(
        [1, 1, 2, 6],
        [0, .nan, .nan, .nan, -.infinity, -.infinity, 3, 9, 1, 2, -.infinity, -.infinity])
    ], highestOrder: 0
  ) { $0[0].windowArgmax(Window(size: Size2D(2, 2), strides: Size2D(2, 2))) },
]
