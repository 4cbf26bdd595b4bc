import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension ModelCatalog {
  /// A multilayer perceptron of rows of tables whose words are embedded first (Guo and Berkhahn 2016, arXiv 1604.06737): each
  /// block of inputs of which one is 1 goes through a matrix of its own, embeddings.0, embeddings.1, ..., as
  /// `torch.nn.Embedding` does by index; then the numbers and the embeddings go through layers as those of `mlp`.
  ///
  /// The columns of words come from the table; without one there are none, and it is `mlp`.
  static let entityEmbeddings = Architecture(
    name: "entity-mlp",
    summary: "a multilayer perceptron of table rows whose words are embedded",
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 10, activation: .relu, width: 256, depth: 2)
  ) { configuration, scope, rows in
    let inputs = rows.flattenedPerSample()
    var parts: [Value] = []
    var place = 0
    for (index, block) in configuration.embedded.enumerated() {
      if place < block.lowerBound {
        parts.append(inputs.slice(axis: 1, place..<block.lowerBound))
      }
      let table = scope["embeddings.\(index)"].parameter(
        "weight", [block.count, embeddingWidth(of: block.count)], .normal(standardDeviation: 1))
      parts.append(inputs.slice(axis: 1, block).matmul(table))
      place = block.upperBound
    }
    if place < inputs.shape[1] { parts.append(inputs.slice(axis: 1, place..<inputs.shape[1])) }
    var x = Value.concatenate(parts, axis: 1)
    let depth = configuration.depth ?? 2
    for layer in 0..<depth {
      x = configuration.activation(scope["linear\(layer)"].linear(x, to: configuration.width))
    }
    return scope["linear\(depth)"].linear(x, to: configuration.classCount)
  }

  /// Numbers that stand for a word of so many, by fastai's rule min(600, 1.6 n^0.56), and no more than there are words.
  private static func embeddingWidth(of count: Int) -> Int {
    min(600, count, Int((1.6 * pow(Double(count), 0.56)).rounded()))
  }
}
