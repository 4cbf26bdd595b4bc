import TensorGraph

/// How long the contractions of a graph take at least on a machine (Williams, Waterman and Patterson 2009): each by its operations or
/// by its bytes, whichever takes longer. Elementwise work is fused into them or small beside them, and is not counted.
struct Roofline: Encodable {
  let row: String
  let batch: Int
  /// Of all contractions, one after the other.
  let leastMs: Double
  /// The share of this that is bound by bytes rather than operations.
  let bandwidthShare: Double
  /// The machine's, measured in the row's precision.
  let peakGflops: Double
  let peakGbytesPerS: Double
  /// The kinds that take most of the time, each with its share and the operations for each byte.
  let heaviest: [Kind]

  struct Kind: Encodable {
    let name: String
    let count: Int
    let share: Double
    let flopsPerByte: Double
  }

  init(_ graph: Graph, row: String, batch: Int, gflops: Double, gbytes: Double) {
    (self.row, self.batch, peakGflops, peakGbytesPerS) = (row, batch, gflops, gbytes)
    var kinds: [String: (count: Int, seconds: Double, flops: Double, bytes: Double)] = [:]
    var (total, bound) = (0.0, 0.0)
    for node in graph.nodes {
      guard let flops = graph.contractionFlops(of: node) else { continue }
      let operands = node.operands.map { graph[$0] }
      let bytes = (operands + [node]).reduce(0.0) {
        $0 + Double($1.shape.elementCount * $1.dtype.byteCount)
      }
      let (byWork, byBytes) = (flops / gflops * 1e-9, bytes / gbytes * 1e-9)
      let seconds = max(byWork, byBytes)
      total += seconds
      if byBytes > byWork { bound += seconds }
      let shapes = operands.map { "\($0.shape)" }.joined(separator: " x ")
      let before = kinds["\(shapes) -> \(node.shape)"] ?? (0, 0, 0, 0)
      kinds["\(shapes) -> \(node.shape)"] = (
        before.count + 1, before.seconds + seconds, before.flops + flops, before.bytes + bytes
      )
    }
    leastMs = total * 1e3
    bandwidthShare = total > 0 ? bound / total : 0
    heaviest = kinds.sorted { ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key) }.prefix(6)
      .map { name, kind in
        Kind(
          name: name, count: kind.count, share: kind.seconds / total,
          flopsPerByte: kind.flops / kind.bytes)
      }
  }
}
