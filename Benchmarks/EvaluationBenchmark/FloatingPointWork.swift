import TensorGraph

extension Graph {
  /// Floating-point operations of the contractions: two for each product. Elementwise work is small
  /// beside it.
  var contractionFlops: Double {
    nodes.reduce(0) { $0 + (contractionFlops(of: $1) ?? 0) }
  }

  /// The same of one node; nil of others than contractions.
  func contractionFlops(of node: Node) -> Double? {
    guard case .contraction(let op) = node.op else { return nil }
    let (left, right) = (self[node.operands[0]].shape, self[node.operands[1]].shape)
    switch op {
    case .matmul(let transposeA, _):
      let inner = transposeA ? left[left.rank - 2] : left[left.rank - 1]
      return 2 * Double(node.shape.elementCount * inner)
    case .convolution:
      return 2 * Double(node.shape.elementCount * right[1] * right[2] * right[3])
    case .convolutionInputGradient:
      return 2 * Double(left.elementCount * right[1] * right[2] * right[3])
    case .convolutionWeightGradient:
      return 2 * Double(right.elementCount * node.shape[1] * node.shape[2] * node.shape[3])
    }
  }

  /// Bytes of all inputs, each of which an evaluation has to read once at least.
  var inputByteCount: Double {
    inputs.reduce(0) { $0 + Double($1.type.byteCount) }
  }
}
