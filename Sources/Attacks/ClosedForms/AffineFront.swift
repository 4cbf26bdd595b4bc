import Clients
import Solvers
import TensorGraph

/// What a model does to an example before its first fully connected layer with a bias, where that is affine: h = A x + c.
///
/// Embeddings of a table's words are such a front, a product of 0/1 inputs and a matrix for each column, and so are
/// normalisations by given statistics. Closed forms give h, which is taken back to x.
package struct AffineFront: Sendable {
  /// The numbers of x, and of h.
  let inputCount: Int
  let outputCount: Int
  /// A, row major [outputs, inputs].
  private let matrix: [Double]
  /// c.
  private let offset: [Double]
  /// Parts of x that have no output in common, each with its outputs.
  private let blocks: [Block]

  /// Inputs and outputs that depend on each other alone.
  private struct Block {
    let inputs: [Int]
    let outputs: [Int]
    /// The pseudoinverse of A's part, row major [inputs, outputs].
    let inverse: [Double]
  }

  /// The product of the model's first fully connected layer with a bias, where all before is affine; nil where there is none.
  ///
  /// - Parameter data: the graph's input of examples.
  static func firstLayer(
    _ graph: Graph, _ reader: LayerReader, data: NodeID
  ) -> (product: NodeID, layer: Model.Classifier)? {
    let isAffine = graph.affineNodes(of: data)
    for (index, node) in graph.nodes.enumerated() {
      guard case .contraction(.matmul) = node.op, let input = node.operands.first,
        isAffine[input.index], graph[input].shape.rank == 2,
        // One row of each example: a layer that reads several tokens of it has no single input.
        graph[input].shape[0] == graph[data].shape[0],
        let layer = reader.linearLayer(startingAt: NodeID(index)), layer.bias != nil
      else { continue }
      return (NodeID(index), layer)
    }
    return nil
  }

  /// Inputs and outputs at most: the matrix is dense.
  private static let (inputLimit, outputLimit) = (4096, 4096)

  /// The map to node `output` of a model's graph, by its values at 0 and at the unit vectors.
  ///
  /// - Parameters:
  ///   - graph: with the inputs of the model's parameters, of its buffers, and of examples.
  ///   - output: [N, outputs].
  /// - Throws: ``AttackError`` when the map is too large, or the backend fails.
  init(
    _ weighted: WeightedModel, _ graph: Graph, output: NodeID, backend: any Backend
  ) throws(AttackError) {
    let model = weighted.model
    let (batch, width) = (model.probeBatchSize, model.inputShape.elementCount)
    let height = graph[output].shape[1]
    guard width <= Self.inputLimit, height <= Self.outputLimit else {
      throw AttackError(
        "what \(model.name) does before its first fully connected layer maps \(width) numbers to \(height), too many to "
          + "invert; use the attack peeling or dlg")
    }
    let front = Graph(nodes: graph.nodes, inputs: graph.inputs, outputs: [output])
      .removingDeadNodes()
    let examples = HostBuffer(TensorType(model.probeShape, .f64))
    var columns: [[Double]] = []
    try AttackError.naming(model.name, "run") { () throws(GraphError) in
      let executable = try backend.compile(front)
      let tensors = (weighted.parameters + weighted.buffers).map { $0.converted(to: .f64) }
      for (index, tensor) in tensors.enumerated() {
        executable.bind(input: index, to: HostBuffer(tensor))
      }
      executable.bind(input: tensors.count, to: examples)
      let result = HostBuffer(front.outputTypes[0])
      executable.bind(output: 0, to: result)
      // Column 0 is the value at 0.
      for start in stride(from: 0, through: width, by: batch) {
        var elements = [Double](repeating: 0, count: batch * width)
        for row in 0..<batch where (1...width).contains(start + row) {
          elements[row * width + start + row - 1] = 1
        }
        examples.write(Tensor(model.probeShape, .f64(elements)))
        try executable.run()
        let values = result.read().doubles
        for row in 0..<min(batch, width + 1 - start) {
          columns.append(Array(values[row * height..<(row + 1) * height]))
        }
      }
    }
    (inputCount, outputCount) = (width, height)
    let offset = columns[0]
    var matrix = [Double](repeating: 0, count: height * width)
    for column in 0..<width {
      for row in 0..<height {
        matrix[row * width + column] = columns[column + 1][row] - offset[row]
      }
    }
    (self.offset, self.matrix) = (offset, matrix)
    blocks = try Self.components(matrix, height, width).map { inputs, outputs throws(AttackError) in
      let part = outputs.flatMap { row in inputs.map { matrix[row * width + $0] } }
      return Block(
        inputs: inputs, outputs: outputs,
        inverse: try Self.pseudoinverse(
          part, outputs.count, inputs.count, algebra: backend.linearAlgebra))
    }
  }

  /// Of what is known to the last digits a single column explains all but this share.
  private static let columnTolerance = 0.05

  /// The example with this value in front of the layer. Where several have it, one whose block is a single 1, as words of a
  /// table are, is preferred, then the shortest.
  ///
  /// - Parameter features: h, ``outputCount`` numbers.
  func example(of features: ArraySlice<Double>) -> [Double] {
    let target = zip(features, offset).map(-)
    var example = [Double](repeating: 0, count: inputCount)
    for block in blocks {
      let part = block.outputs.map { target[$0] }
      if block.inputs.count > block.outputs.count, let column = singleColumn(block, part) {
        example[column] = 1
        continue
      }
      for (row, input) in block.inputs.enumerated() {
        example[input] = part.indices.reduce(0) {
          $0 + block.inverse[row * part.count + $1] * part[$1]
        }
      }
    }
    return example
  }

  /// The preferred example with the same value in front of the layer.
  func exampleBehind(_ example: [Double]) -> [Double] {
    let features = (0..<outputCount).map { row in
      (0..<inputCount).reduce(offset[row]) { $0 + matrix[row * inputCount + $1] * example[$1] }
    }
    return self.example(of: features[...])
  }

  /// The input whose column is nearest to a block's value; nil where none is near.
  private func singleColumn(_ block: Block, _ part: [Double]) -> Int? {
    var nearest = (input: 0, distance: Double.infinity)
    for input in block.inputs {
      let distance = zip(block.outputs, part).reduce(0) {
        let difference = matrix[$1.0 * inputCount + input] - $1.1
        return $0 + difference * difference
      }
      if distance < nearest.distance { nearest = (input, distance) }
    }
    let norm = part.reduce(0) { $0 + $1 * $1 }
    return nearest.distance <= Self.columnTolerance * Self.columnTolerance * norm
      ? nearest.input : nil
  }

  /// Inputs and outputs that are connected by numbers other than 0.
  private static func components(
    _ matrix: [Double], _ height: Int, _ width: Int
  ) -> [(inputs: [Int], outputs: [Int])] {
    var root = Array(0..<width + height)
    func find(_ node: Int) -> Int {
      var node = node
      while root[node] != node { node = root[node] }
      return node
    }
    for row in 0..<height {
      for column in 0..<width where matrix[row * width + column] != 0 {
        root[find(column)] = find(width + row)
      }
    }
    let groups = Dictionary(grouping: 0..<width + height, by: find)
    return groups.keys.sorted().compactMap { key in
      let members = groups[key] ?? []
      let parts = (
        inputs: members.filter { $0 < width },
        outputs: members.filter { $0 >= width }.map { $0 - width }
      )
      return parts.inputs.isEmpty || parts.outputs.isEmpty ? nil : parts
    }
  }

  /// Directions weaker than this share of the strongest are not told.
  private static let leastValue = 1e-10

  private static func pseudoinverse(
    _ matrix: [Double], _ height: Int, _ width: Int, algebra: any LinearAlgebra
  ) throws(AttackError) -> [Double] {
    let count = min(height, width)
    guard
      let parts = algebra.singularValueDecomposition(
        HostBuffer(Tensor([height, width], .f64(matrix))))
    else {
      throw AttackError(
        "what comes before the first fully connected layer is not finite; use the attack dlg")
    }
    var result = [Double](repeating: 0, count: width * height)
    for index in 0..<count where parts.values[index] > leastValue * parts.values[0] {
      for row in 0..<width {
        let factor = parts.right[index * width + row] / parts.values[index]
        for column in 0..<height {
          result[row * height + column] += factor * parts.left[column * count + index]
        }
      }
    }
    return result
  }
}
