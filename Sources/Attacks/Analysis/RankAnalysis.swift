import Clients
import Solvers
import TensorGraph

/// The rank analysis of R-GAP (Zhu & Blaschko 2021, arXiv 2010.07733, section 3.4): how many of a
/// layer's inputs its output and its weight's gradient determine, for every layer of a chain. Needs no
/// data and no attack.
///
/// A layer's input solves a linear system of as many equations as the layer has outputs and weights.
/// Where the rank falls short of the input's size, the recursion of closed-form attacks ends there. The
/// rank is estimated: a random input is mapped to the right-hand side, solved for, and the share of it
/// that comes back is the share of directions that the system determines.
package struct RankAnalysis: Sendable {
  package struct Layer: Sendable, Equatable {
    /// Of the weight.
    package let name: String
    package let equations: Int
    package let unknowns: Int
    /// Directions that the equations determine to working precision.
    package let rank: Int
    /// Whether the layer reads what a maximum pooling gives: which elements it took does not follow.
    package var readsMaximumPooling = false

    /// Whether the layer's input follows from its output and gradient.
    package var isDetermined: Bool { rank == unknowns }
  }

  /// From the last layer to the first.
  package let layers: [Layer]

  /// Whether every layer hands its input over, so that a closed form reaches the data (given
  /// activations that can be undone).
  package var isDetermined: Bool { layers.allSatisfy(\.isDetermined) }

  /// Whether values above a layer, which say nothing of its input on their own where paths join, were left out; of a
  /// batch they are.
  package let countsWeightGradientsAlone: Bool

  /// - Parameters:
  ///   - batchSize: images of the gradient; of more than one, what weight gradients tell is counted for chains
  ///     too.
  ///   - seed: of the generic inputs and cotangents.
  /// - Throws: ``AttackError`` when the model is neither a chain of layers nor affine between activations.
  package init(
    _ weighted: WeightedModel, batchSize: Int = 1, seed: UInt64, backend: any Backend
  ) throws(AttackError) {
    guard batchSize == 1 else {
      self.init(
        layers: try MapRanks.layers(
          of: weighted.model, batchSize: batchSize, seed: seed, backend: backend),
        countsWeightGradientsAlone: true)
      return
    }
    do {
      try self.init(chain: weighted, seed: seed, backend: backend)
    } catch {
      guard error.kind == .notApplicable,
        let layers = try AttackError.ifApplicable({ () throws(AttackError) in
          try MapRanks.layers(of: weighted.model, batchSize: 1, seed: seed, backend: backend)
        })
      else { throw error }
      self.init(layers: layers, countsWeightGradientsAlone: true)
    }
  }

  private init(layers: [Layer], countsWeightGradientsAlone: Bool) {
    self.layers = layers
    self.countsWeightGradientsAlone = countsWeightGradientsAlone
  }

  private init(
    chain weighted: WeightedModel, seed: UInt64, backend: any Backend
  ) throws(AttackError) {
    let peeling = try LayerPeeling(model: weighted.model, backend: backend) {
      $0.binaryLogit ?? $0.outputs[0]
    }
    let inputs = weighted.parameters.map { $0.converted(to: .f64) }
    var source = RandomSource(seed: seed).derive(label: "rank analysis")
    var layers: [Layer] = []
    // The last layer's output is known where it has a bias or is a single logit: at once after the
    // first link, and always below it.
    var isFirst = true
    for link in peeling.chain.links {
      guard case .contraction(let output, let input, let parameter) = link else { continue }
      let cotangent = source.normalTensor(peeling.graph[output].shape, .f64)
      do {
        let inverse = try peeling.contractionInverse(
          output, input, inputs[parameter], cotangent,
          outputWeights: isFirst
            ? nil : [Double](repeating: 1, count: cotangent.shape.elementCount))
        let layer = weighted.model.parameters[parameter].name
        layers.append(try RankAnalysis.layer(layer, inverse, &source))
      } catch {
        throw AttackError(
          "\(weighted.model.name) cannot be analysed: \(error.message)", .backendFailed)
      }
      isFirst = false
    }
    self.init(layers: layers, countsWeightGradientsAlone: false)
  }

  private static func layer(
    _ name: String, _ inverse: ContractionInverse, _ source: inout RandomSource
  ) throws(GraphError) -> Layer {
    let unknowns = inverse.columnCount
    let truth = (0..<unknowns).map { _ in source.normal() }
    let solution = try LSQR(steps: 4 * unknowns).solve(inverse, try inverse.image(of: truth)).x
    // LSQR gives the solution of least norm: the truth's projection on what is determined.
    var (lost, whole) = (0.0, 0.0)
    for (found, expected) in zip(solution, truth) {
      lost += (found - expected) * (found - expected)
      whole += expected * expected
    }
    let missing = Double(unknowns) * lost / max(whole, .leastNormalMagnitude)
    let rank = unknowns - Int(min(missing.rounded(.up), Double(unknowns)))
    return Layer(
      name: name, equations: inverse.rowCount, unknowns: unknowns,
      rank: missing < 0.01 ? min(unknowns, inverse.rowCount) : min(rank, inverse.rowCount))
  }
}
