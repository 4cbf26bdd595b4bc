import TensorGraph

extension IndexingOp {
  func lower(
    _ operand: StableHLOBuilder.Value, _ indices: StableHLOBuilder.Value, _ type: TensorType,
    _ builder: inout StableHLOBuilder
  ) -> StableHLOBuilder.Value {
    guard ![operand.type, indices.type, type].contains(where: { $0.shape.elementCount == 0 })
    else { return builder.splat(0, type) }
    switch self {
    case .gather: return rows(of: operand, at: indices, type, &builder)
    case .scatterAdd: return sums(of: operand, at: indices, type, &builder)
    }
  }
}

/// StableHLO takes the nearest row for an index outside; ours reads zeros there.
private func rows(
  of table: StableHLOBuilder.Value, at indices: StableHLOBuilder.Value, _ type: TensorType,
  _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  let rows = builder.add(
    "\"stablehlo.gather\"(\(table.name), \(indices.name)) <{dimension_numbers = "
      + "#stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [1], "
      + "operand_batching_dims = [0], start_indices_batching_dims = [0], start_index_map = [1], "
      + "index_vector_dim = 2>, slice_sizes = array<i64: 1, 1, \(type.shape[2])>, "
      + "indices_are_sorted = false}> : (\(StableHLO.text(table.type)), "
      + "\(StableHLO.text(indices.type))) -> \(StableHLO.text(type))", type)
  let isFromFirst = builder.compare(indices, .greaterOrEqual, builder.splat(0, like: indices))
  let count = builder.splat(Double(table.shape[1]), like: indices)
  let isToLast = builder.compare(indices, .less, count)
  let isInside = builder.broadcast(
    builder.and(isFromFirst, isToLast), to: type.shape, axes: [0, 1])
  return builder.select(isInside, rows, builder.splat(0, type))
}

/// StableHLO drops updates outside the operand, as ours does.
private func sums(
  of updates: StableHLOBuilder.Value, at indices: StableHLOBuilder.Value, _ type: TensorType,
  _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  let zeros = builder.splat(0, type)
  let scalar = StableHLO.text(TensorType([], type.dtype))
  let types = [type, indices.type, updates.type].map(StableHLO.text).joined(separator: ", ")
  return builder.add(type) { name in
    [
      "\(name) = \"stablehlo.scatter\"(\(zeros.name), \(indices.name), \(updates.name)) "
        + "<{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [2], "
        + "inserted_window_dims = [1], input_batching_dims = [0], "
        + "scatter_indices_batching_dims = [0], scatter_dims_to_operand_dims = [1], "
        + "index_vector_dim = 2>, indices_are_sorted = false, unique_indices = false}> ({",
      "^bb0(%a: \(scalar), %b: \(scalar)):",
      "  %c = stablehlo.add %a, %b : \(scalar)",
      "  stablehlo.return %c : \(scalar)",
      "}) : (\(types)) -> \(StableHLO.text(type))",
    ]
  }
}
