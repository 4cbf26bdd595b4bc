import TensorGraph

let attentionOperators: [OperatorEntry] = []
