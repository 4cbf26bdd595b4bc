import TensorGraph

extension Graph {
  /// The graph as a StableHLO module with one function, `main`, whose arguments are all inputs, read or not, and
  /// whose results are the outputs.
  func stableHLO() -> String {
    var builder = StableHLOBuilder()
    var values: [StableHLOBuilder.Value] = []
    values.reserveCapacity(nodes.count)
    for node in nodes {
      values.append(node.op.lower(node.operands.map { values[$0.index] }, node.type, &builder))
    }
    let arguments = inputs.enumerated().map { "%arg\($0): \(StableHLO.text($1.type))" }
    let types = outputTypes.map(StableHLO.text).joined(separator: ", ")
    let results = outputs.map { values[$0.index].name }.joined(separator: ", ")
    let lines =
      ["func.func public @main(\(arguments.joined(separator: ", "))) -> (\(types)) {"]
      + builder.lines.map { "  " + $0 }
      + [outputs.isEmpty ? "  return" : "  return \(results) : \(types)", "}", ""]
    return lines.joined(separator: "\n")
  }
}

extension Op {
  /// The operations that compute this operator as the reference interpreter does.
  func lower(
    _ operands: [StableHLOBuilder.Value], _ type: TensorType, _ builder: inout StableHLOBuilder
  ) -> StableHLOBuilder.Value {
    switch self {
    case .input(let index, let type):
      StableHLOBuilder.Value(name: "%arg\(index)", type: type)
    case .constant(let value, _):
      builder.splat(value, type)
    case .iota(let type, let axis):
      builder.iota(type, axis: axis)
    case .elementwise(let op):
      op.lower(operands, type, &builder)
    case .reduction(let op):
      op.lower(operands[0], type, &builder)
    case .contraction(let op):
      op.lower(operands[0], operands[1], type, &builder)
    case .structural(let op):
      op.lower(operands, type, &builder)
    case .indexing(let op):
      op.lower(operands[0], operands[1], type, &builder)
    }
  }
}
