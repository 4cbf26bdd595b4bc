import Clients
import TensorGraph

/// How far what the second layer reads for whole texts is from the span of its gradient: rounding for
/// the texts of the batch, and the more the more tokens are wrong (Petrov et al. 2024, section 3.3).
final class ContextScreen {
  let rowCount: Int
  let length: Int
  private let dtype: DType
  private let function: CompiledFunction
  private let tokens: HostBuffer
  private let mask: HostBuffer
  private let output: HostBuffer

  /// - Parameters:
  ///   - rowCount: texts that are checked at once.
  ///   - length: tokens of the longest text.
  init(
    _ weights: ParameterBuffers, span: AttentionSpan, rowCount: Int, length: Int,
    backend: any Backend
  ) throws(AttackError) {
    self.rowCount = rowCount
    self.length = length
    let model = weights.model
    dtype = weights.dtype
    let builder = GraphBuilder()
    let tokens = builder.input("tokens", [rowCount, length], .i32)
    let mask = builder.input("mask", [rowCount, length], dtype)
    let basis = builder.input("complement", span.complement.shape, dtype, role: .fixed)
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: dtype, values: nil, role: .fixed)
    let pass = TextForwardPass(model.configuration, ForwardScope(context: context, path: ""))
    let inputs = pass.attentionInput(embedded: pass.lookUp(tokens), mask: mask, layer: 1)
      .reshape(to: [rowCount * length, model.configuration.width])
    let distances = inputs.matmul(basis, transposeB: true).squared().sum(axes: [1])
    let lengths = inputs.squared().sum(axes: [1])
    let residuals = (distances / lengths.maximum(1e-30)).sqrt()
    do {
      function = try CompiledFunction(builder.function(computing: [residuals]), on: backend)
    } catch {
      throw AttackError("the second layer's span cannot be searched: \(error.message)")
    }
    self.tokens = function.input(tokens.handle)
    self.mask = function.input(mask.handle)
    output = function.output(residuals.handle)
    function.bind(basis.handle, to: span.complement)
    weights.bind(context, in: function)
  }

  /// For each text the distance at each of its tokens, relative to the length of what is read there.
  func residuals(_ texts: [[Int]]) throws(AttackError) -> [[Double]] {
    var results: [[Double]] = []
    for start in stride(from: 0, to: texts.count, by: rowCount) {
      let part = Array(texts[start..<min(start + rowCount, texts.count)])
      let padding = [[Int]](repeating: [0], count: rowCount - part.count)
      let batch = TextBatch(tokens: part + padding, labels: .nextTokens)
      tokens.write(batch.paddedTokens(length: length))
      mask.write(batch.mask(length: length, dtype))
      try AttackError.naming("the second layer's span", "searched") { () throws(GraphError) in
        try function.run()
      }
      var all = [Double](repeating: 0, count: rowCount * length)
      all.withUnsafeMutableBufferPointer { output.load(into: $0) }
      for (index, text) in part.enumerated() {
        results.append(Array(all[index * length..<index * length + text.count]))
      }
    }
    return results
  }
}
