import Clients
import Solvers
import TensorGraph

/// Undoes InstaHide from several encodings of the same few images (Carlini et al. 2021, "Is Private
/// Learning Possible with Instance Encoding?", IEEE S&P, section 4).
///
/// An encoding is a mixture with known shares whose elements have random signs. Its magnitudes remain:
/// |A u| = |e| for every element, A being the encodings' shares of the images and u the images' values
/// there around mid-grey. That is phase retrieval with as many unknowns as images, solved by alternating
/// projections from random starts. It leaves one sign to each element, which all images share; neighbours
/// tell it, since images are smooth. One sign of the whole remains: the images or their negatives.
package struct EncodingDecoder: Sendable {
  /// What a server has of one round.
  package struct Observation: Sendable {
    /// [C, H, W], values around 0.5.
    package let encoding: Tensor
    /// The share of each class.
    package let shares: [Double]

    package init(encoding: Tensor, shares: [Double]) {
      self.encoding = encoding
      self.shares = shares
    }
  }

  package struct Result: Sendable {
    /// The class of each image, ascending.
    package let labels: [Int]
    /// [C, H, W], values around 0.5: the images, or all of them their negatives.
    package let images: [Tensor]
    /// Share of the elements whose equations are fulfilled.
    package let solvedShare: Double
  }

  /// Shares below are none.
  private static let leastShare = 1e-4
  /// Relative residual from which an element counts as solved.
  private static let solvedResidual = 1e-4
  private static let starts = 60
  private static let steps = 60

  package init() {}

  /// - Parameters:
  ///   - observations: encodings of one client's images, all of one shape, no two images of which have
  ///     the same label: the labels' shares then tell which images are in each.
  ///   - seed: of the starts.
  /// - Throws: ``AttackError`` when the encodings are too few for as many images as labels occur in them.
  package func decode(_ observations: [Observation], seed: UInt64) throws(AttackError) -> Result {
    let classes = observations.first?.shares.count ?? 0
    let labels = (0..<classes).filter { label in
      observations.contains { $0.shares[label] > EncodingDecoder.leastShare }
    }
    guard let shape = observations.first?.encoding.shape,
      let mixture = Mixture(
        observations.map { observation in labels.map { observation.shares[$0] } })
    else {
      throw AttackError(
        "\(observations.count) encodings are too few to tell \(labels.count) images apart; give more"
      )
    }
    let magnitudes = observations.map { $0.encoding.doubles.map { abs($0 - 0.5) } }
    var source = RandomSource(seed: seed).derive(label: "decoding")
    var values: [[Double]] = []
    var solved = 0
    for element in 0..<shape.elementCount {
      let (u, residual) = mixture.solve(magnitudes.map { $0[element] }, using: &source)
      values.append(u)
      if residual < EncodingDecoder.solvedResidual { solved += 1 }
    }
    let signs = neighbouringSigns(values, shape)
    let images = labels.indices.map { image in
      Tensor(shape, .f64(zip(values, signs).map { 0.5 + $1 * $0[image] }))
    }
    return Result(
      labels: labels, images: images, solvedShare: Double(solved) / Double(shape.elementCount))
  }

  // MARK: - Magnitudes

  /// The encodings' shares of the images [T, n], and the inverse of their normal matrix.
  private struct Mixture {
    let rows: [[Double]]
    private let inverse: [[Double]]

    /// Nil when the rows do not determine n numbers up to their sign.
    init?(_ rows: [[Double]]) {
      let count = rows.first?.count ?? 0
      guard count > 0, rows.count >= 2 * count - 1 else { return nil }
      let normal = (0..<count * count).map { index in
        rows.reduce(0.0) { $0 + $1[index / count] * $1[index % count] }
      }
      guard let inverse = inverted(normal, order: count, tolerance: 1e-10) else { return nil }
      self.rows = rows
      self.inverse = (0..<count).map { Array(inverse[$0 * count..<($0 + 1) * count]) }
    }

    /// The u that fits |A u| = b best, of several starts, and its residual relative to b.
    func solve(_ b: [Double], using source: inout RandomSource) -> (u: [Double], residual: Double) {
      let count = inverse.count
      let scale = b.reduce(0) { $0 + $1 * $1 }
      guard scale > 1e-24 else { return ([Double](repeating: 0, count: count), 0) }
      var best = (u: [Double](repeating: 0, count: count), residual: Double.infinity)
      for _ in 0..<EncodingDecoder.starts {
        var u = (0..<count).map { _ in source.normal() }
        var residual = Double.infinity
        for _ in 0..<EncodingDecoder.steps {
          let seen = rows.map { dot($0, u) }
          let error = zip(seen, b).reduce(0.0) {
            $0 + (abs($1.0) - $1.1) * (abs($1.0) - $1.1)
          }
          // Signs that stay give the same u again.
          if error >= residual { break }
          residual = error
          if residual < best.residual { best = (u, residual) }
          var projected = [Double](repeating: 0, count: count)
          for (row, (seen, b)) in zip(rows, zip(seen, b)) {
            let target = seen < 0 ? -b : b
            for index in 0..<count { projected[index] += row[index] * target }
          }
          u = inverse.map { dot($0, projected) }
        }
        if best.residual < EncodingDecoder.solvedResidual * EncodingDecoder.solvedResidual * scale {
          break
        }
      }
      return (best.u, (best.residual / scale).squareRoot())
    }
  }

  // MARK: - Signs

  /// The sign of each element that makes neighbours alike: along the spanning tree of the pairs whose
  /// values, over all images, agree or disagree most clearly.
  private func neighbouringSigns(_ values: [[Double]], _ shape: Shape) -> [Double] {
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    var edges: [(weight: Double, from: Int, to: Int)] = []
    func add(_ from: Int, _ to: Int) {
      edges.append((dot(values[from], values[to]), from, to))
    }
    for element in values.indices {
      let (row, column) = (element / width % height, element % width)
      if column + 1 < width { add(element, element + 1) }
      if row + 1 < height { add(element, element + width) }
      if element / (width * height) + 1 < channels { add(element, element + width * height) }
    }
    edges.sort { abs($0.weight) > abs($1.weight) }
    var forest = SignedForest(count: values.count)
    for edge in edges { forest.join(edge.from, edge.to, sign: edge.weight < 0 ? -1 : 1) }
    return values.indices.map { forest.root(of: $0).sign }
  }
}

/// Sets of elements whose signs relative to each other are known.
private struct SignedForest {
  private var parents: [Int]
  /// Relative to the parent.
  private var signs: [Double]
  private var sizes: [Int]

  init(count: Int) {
    parents = Array(0..<count)
    signs = [Double](repeating: 1, count: count)
    sizes = [Int](repeating: 1, count: count)
  }

  func root(of element: Int) -> (index: Int, sign: Double) {
    var (index, sign) = (element, 1.0)
    while parents[index] != index {
      sign *= signs[index]
      index = parents[index]
    }
    return (index, sign)
  }

  mutating func join(_ left: Int, _ right: Int, sign: Double) {
    var (left, right) = (root(of: left), root(of: right))
    guard left.index != right.index else { return }
    if sizes[left.index] < sizes[right.index] { swap(&left, &right) }
    parents[right.index] = left.index
    signs[right.index] = left.sign * sign * right.sign
    sizes[left.index] += sizes[right.index]
  }
}
