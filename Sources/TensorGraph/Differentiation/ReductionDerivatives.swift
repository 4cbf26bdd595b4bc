extension Value {
  func reductionCotangents(_ op: ReductionOp, for cotangent: Value) -> [Value?] {
    switch op {
    case .reduce(.sum, let axes):
      return [cotangent.broadcast(to: operands[0].shape, axes: keptAxes(without: axes))]
    case .reduce(.maximum, let axes):
      let spread = cotangent.broadcast(to: operands[0].shape, axes: keptAxes(without: axes))
      return [spread * shareOfMaximum(axes)]
    case .argmax, .windowArgmax:
      return [nil]
    }
  }

  func reductionTangent(_ op: ReductionOp, _ tangents: [Value?]) -> Value? {
    guard let tangent = tangents[0] else { return nil }
    switch op {
    case .reduce(.sum, let axes):
      return tangent.sum(axes: axes)
    case .reduce(.maximum, let axes):
      return (tangent * shareOfMaximum(axes)).sum(axes: axes)
    case .argmax, .windowArgmax:
      return nil
    }
  }

  /// The operand's axes that the reduction keeps.
  private func keptAxes(without axes: [Int]) -> [Int] {
    (0..<operands[0].shape.rank).filter { !axes.contains($0) }
  }

  /// For each operand element its share in the maximum: 1 / ties where it is the largest, else 0.
  private func shareOfMaximum(_ axes: [Int]) -> Value {
    let operand = operands[0]
    let kept = keptAxes(without: axes)
    let isLargest = operand.equal(to: broadcast(to: operand.shape, axes: kept))
    let ones = isLargest.select(operand.filled(with: 1), operand.filled(with: 0))
    return ones / ones.sum(axes: axes).broadcast(to: operand.shape, axes: kept)
  }
}
