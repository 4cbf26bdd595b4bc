import TensorGraph

let resizingOperators: [OperatorEntry] = []
