import Clients
import TensorGraph

/// Checks tokens at a position against the span of the first layer's attention inputs: exactly, for
/// any number of tokens up to the whole vocabulary.
///
/// What the first layer reads is known for every token and position: no other token has a part in it.
/// Its projection on the complement of the span is a product of matrices for all tokens at once. A few
/// directions of the complement rule most tokens out; those left are checked in all directions.
final class TokenScreen {
  /// A token that may stand at a position, and its distance from the span relative to its length.
  struct Candidate: Hashable {
    let token: Int
    let residual: Double
    /// What the token is in, of a pair of texts.
    var segment = 0
  }

  private static let chunkSize = 4096
  private static let firstDirections = 64

  private let tokens: [Int]
  private let positionTable: Tensor
  private let coarse: SpanProjection
  private let fine: SpanProjection
  /// Rows of the token embedding, in chunks.
  private let chunks: [HostBuffer]
  private let fineRows: HostBuffer
  private let tokenTable: Tensor
  /// Nil for models without segments.
  private let segmentTable: Tensor?
  private let limit: Double

  /// - Parameter tokens: those to check.
  init(
    _ weights: ParameterBuffers, span: AttentionSpan, tokens: [Int], backend: any Backend
  ) throws(AttackError) {
    self.tokens = tokens
    let names = weights.model.names
    positionTable = weights.tensor(names.positionEmbedding)
    tokenTable = weights.tensor(names.tokenEmbedding)
    segmentTable = names.segmentEmbedding.map { weights.tensor($0) }
    limit = span.largestTolerance
    let size = min(TokenScreen.chunkSize, max(tokens.count, 1))
    coarse = try SpanProjection(
      weights, complement: span.complement.firstRows(TokenScreen.firstDirections),
      rowCount: size, backend: backend)
    fine = try SpanProjection(
      weights, complement: span.complement, rowCount: min(size, 256), backend: backend)
    let (table, dtype) = (tokenTable, weights.dtype)
    chunks = stride(from: 0, to: tokens.count, by: size).map { start in
      let buffer = HostBuffer(TensorType([size, table.shape[1]], dtype))
      buffer.copyRows(tokens[start..<min(start + size, tokens.count)], of: table)
      return buffer
    }
    fineRows = HostBuffer(TensorType([min(size, 256), table.shape[1]], dtype))
  }

  /// The tokens that may stand at `position`, likeliest first.
  ///
  /// - Parameter segments: those that a token may be in; of several the likeliest is kept.
  func candidates(at position: Int, segments: [Int]) throws(AttackError) -> [Candidate] {
    let all = try segments.map { segment throws(AttackError) in
      try candidates(at: position, segment: segment)
    }.flatMap(\.self)
    guard segments.count > 1 else { return all }
    var seen: Set<Int> = []
    return all.sorted { ($0.residual, $0.token) < ($1.residual, $1.token) }
      .filter { seen.insert($0.token).inserted }
  }

  private func candidates(at position: Int, segment: Int) throws(AttackError) -> [Candidate] {
    var row = positionTable.row(position)
    if segment > 0, let segmentTable {
      // The first layer adds the first segment's embedding to the position's.
      let (own, first) = (segmentTable.row(segment), segmentTable.row(0))
      for index in row.indices { row[index] += own[index] - first[index] }
    }
    var survivors: [Int] = []
    for (index, chunk) in chunks.enumerated() {
      let start = index * coarse.rowCount
      let residuals = try coarse.residuals(chunk, position: row)
      for offset in 0..<min(coarse.rowCount, tokens.count - start)
      where residuals[offset] < 2 * limit {
        survivors.append(tokens[start + offset])
      }
    }
    var found: [Candidate] = []
    for start in stride(from: 0, to: survivors.count, by: fine.rowCount) {
      let part = survivors[start..<min(start + fine.rowCount, survivors.count)]
      fineRows.copyRows(part, of: tokenTable)
      let residuals = try fine.residuals(fineRows, position: row)
      for (offset, token) in part.enumerated() where residuals[offset] < limit {
        found.append(Candidate(token: token, residual: residuals[offset], segment: segment))
      }
    }
    return found.sorted { ($0.residual, $0.token) < ($1.residual, $1.token) }
  }
}

/// The distance of first attention inputs from a span, for token embeddings [C, d] at one position.
private final class SpanProjection {
  let rowCount: Int
  private let function: CompiledFunction
  private let rows: ValueHandle
  private let position: HostBuffer
  private let output: HostBuffer

  init(
    _ weights: ParameterBuffers, complement: Tensor, rowCount: Int, backend: any Backend
  ) throws(AttackError) {
    self.rowCount = rowCount
    let (model, dtype) = (weights.model, weights.dtype)
    let width = model.configuration.width
    let builder = GraphBuilder()
    let rows = builder.input("token embeddings", [rowCount, width], dtype)
    let place = builder.input("position", [width], dtype)
    let basis = builder.input("complement", complement.shape, dtype, role: .fixed)
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: dtype, values: nil, role: .fixed)
    let pass = TextForwardPass(model.configuration, ForwardScope(context: context, path: ""))
    let inputs = pass.firstAttentionInput(tokenRows: rows, position: place)
    let distances = inputs.matmul(basis, transposeB: true).squared().sum(axes: [1])
    let lengths = inputs.squared().sum(axes: [1])
    let residuals = (distances / lengths.maximum(1e-30)).sqrt()
    do {
      function = try CompiledFunction(builder.function(computing: [residuals]), on: backend)
    } catch {
      throw AttackError("the span cannot be searched: \(error.message)")
    }
    self.rows = rows.handle
    position = function.input(place.handle)
    output = function.output(residuals.handle)
    function.bind(basis.handle, to: complement)
    weights.bind(context, in: function)
  }

  func residuals(
    _ rows: HostBuffer, position row: [Double]
  ) throws(AttackError) -> [Double] {
    row.withUnsafeBufferPointer { position.store($0) }
    function.bind(self.rows, to: rows)
    try AttackError.naming("the span", "searched") { () throws(GraphError) in try function.run() }
    var result = [Double](repeating: 0, count: rowCount)
    result.withUnsafeMutableBufferPointer { output.load(into: $0) }
    return result
  }
}

extension Tensor {
  /// The first rows of a matrix, at most `count`.
  fileprivate func firstRows(_ count: Int) -> Tensor {
    let kept = min(count, shape[0])
    return Tensor([kept, shape[1]], dtype, Array(doubles.prefix(kept * shape[1])))
  }
}

extension HostBuffer {
  /// Fills this [C, d] with rows of a table, zeros after them.
  fileprivate func copyRows(_ rows: some Collection<Int>, of table: Tensor) {
    let width = type.shape[1]
    precondition(rows.count <= type.shape[0] && width == table.shape[1], "\(rows.count) rows")
    var elements = [Double](repeating: 0, count: type.shape.elementCount)
    for (index, row) in rows.enumerated() {
      elements.replaceSubrange(index * width..<(index + 1) * width, with: table.row(row))
    }
    elements.withUnsafeBufferPointer { store($0) }
  }
}
