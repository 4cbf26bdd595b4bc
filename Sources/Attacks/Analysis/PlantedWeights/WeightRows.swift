import TensorGraph

/// A weight as rows: one for each unit or channel.
struct WeightRows: Sendable {
  let count: Int
  let width: Int
  private let elements: [Double]

  init(_ elements: [Double], count: Int) {
    self.elements = elements
    self.count = count
    width = elements.count / max(count, 1)
  }

  subscript(row: Int) -> ArraySlice<Double> {
    elements[row * width..<(row + 1) * width]
  }

  func norm(of row: Int) -> Double { self[row].reduce(0) { $0 + $1 * $1 }.squareRoot() }

  func sum(of row: Int) -> Double { self[row].reduce(0, +) }

  /// ⟨row, input⟩ for every input and row, [inputs, rows] in row-major order.
  func products(
    with inputs: [[Double]], backend: any Backend
  ) throws(GraphError) -> [Double] {
    let builder = GraphBuilder()
    let left = builder.input("inputs", [inputs.count, width], .f32)
    let right = builder.input("rows", [count, width], .f32)
    let graph = builder.build(outputs: [left.matmul(right, transposeB: true)])
    return try backend.evaluate(
      graph,
      [
        Tensor([inputs.count, width], .f32, inputs.flatMap { $0 }),
        Tensor([count, width], .f32, elements),
      ])[0].doubles
  }

  /// |cosine| of each of the rows `probes` with every row, [probes, rows]; 0 for rows of zeros.
  func cosines(of probes: [Int], backend: any Backend) throws(GraphError) -> [Double] {
    let norms = (0..<count).map(norm)
    let products = try products(with: probes.map { Array(self[$0]) }, backend: backend)
    return products.enumerated().map { index, product in
      let scale = norms[probes[index / count]] * norms[index % count]
      return scale > 0 ? abs(product) / scale : 0
    }
  }

  /// The rows that are multiples of one row, for the row of which most are. Rows of zeros, as pruning
  /// leaves them, do not count; nor does a width at which random rows are often nearly parallel.
  func largestParallelGroup() -> [Int] {
    guard width >= 8 else { return [] }
    let norms = (0..<count).map(norm)
    let usable = (0..<count).filter { norms[$0] > 0 }
    guard let first = usable.first else { return [] }
    // A group of a tenth of all rows is met by one of 64 probes but for one time in 800.
    let step = max(usable.count / 64, 1)
    var largest: [Int] = []
    for probe in stride(from: 0, to: usable.count, by: step).map({ usable[$0] }) + [first] {
      if largest.contains(probe) { continue }
      let group = usable.filter { row in
        let product = zip(self[probe], self[row]).reduce(0) { $0 + $1.0 * $1.1 }
        return abs(product) > (1 - 1e-7) * norms[probe] * norms[row]
      }
      if group.count > largest.count { largest = group }
    }
    return largest
  }

  /// Positive by negative weights where, sorted by size, they are in one proportion; nil where not.
  func mirrorRatio(of row: Int) -> Double? {
    let values = self[row]
    let positive = values.filter { $0 > 0 }.sorted()
    let negative = values.filter { $0 < 0 }.map { -$0 }.sorted()
    guard positive.count >= 8, positive.count == negative.count else { return nil }
    let ratio = positive.reduce(0, +) / negative.reduce(0, +)
    let deviates = zip(positive, negative).contains { abs($0 - ratio * $1) > 1e-4 * ratio * $1 }
    return deviates ? nil : ratio
  }
}
