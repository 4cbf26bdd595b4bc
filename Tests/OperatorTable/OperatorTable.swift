import TensorGraph

/// Every operator with attributes that all differ, the edge cases of shapes and values, and the
/// composites that models are made of: one table for interpreter, derivatives and backends.
public let operatorTable: [OperatorRow] = [
  sourceRows, unaryRows, binaryRows, comparisonRows, conversionRows, reductionRows, matmulRows,
  convolutionRows, windowRows, structuralRows, indexingRows, emptyRows, specialValueRows,
  compositeRows, normalizationRows,
].flatMap { $0 }

/// `op` applied to `operands`, which fit it.
func apply(_ op: Op, _ operands: [Value]) -> Value {
  do {
    return try operands[0].builder.add(op, operands)
  } catch {
    preconditionFailure(error.message)
  }
}
