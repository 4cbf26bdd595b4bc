import Clients
import Solvers
import TensorGraph

/// The rank analysis of networks whose paths join: how much of what their layers read the weight gradients
/// alone determine, as ``ResidualPeeling`` reads it. Needs no data, and does not depend on the weights.
enum MapRanks {
  /// Positions of a map up to which the rank is computed; larger ones are counted.
  private static let largestMap = 2048

  /// From the last layer down.
  ///
  /// - Parameter seed: of the generic cotangents, of which half are 0, as behind a rectifier.
  /// - Throws: ``AttackError`` when the model is not affine between its activations.
  static func layers(
    of model: Model, seed: UInt64, backend: any Backend
  ) throws(AttackError) -> [RankAnalysis.Layer] {
    let network = try ActivationGraph(model, mode: .evaluation)
    var source = RandomSource(seed: seed).derive(label: "rank analysis")
    let values = network.activations.indices.reversed().map {
      ActivationGraph.Source.activation($0)
    }
    var layers: [RankAnalysis.Layer] = []
    for value in values + [.data] {
      let layer = try AttackError.naming(model.name, "analysed") { () throws(GraphError) in
        try MapRanks.layer(value, network, model, backend, &source)
      }
      if let layer { layers.append(layer) }
    }
    guard !layers.isEmpty else {
      throw AttackError("no layer of \(model.name) reads an activation's value itself")
    }
    return layers
  }

  private static func layer(
    _ value: ActivationGraph.Source, _ network: ActivationGraph, _ model: Model,
    _ backend: any Backend, _ source: inout RandomSource
  ) throws(GraphError) -> RankAnalysis.Layer? {
    var all: (equations: MapEquations, name: String)?
    for contraction in network.contractions(reading: value)
    where model.parameters.indices.contains(contraction.parameter) {
      let output = network.graph[contraction.output]
      let cotangent = source.normalTensor(output.shape, .f64).doubles.map {
        source.integer(below: 2) == 0 ? $0 : 0
      }
      let parameter = model.parameters[contraction.parameter]
      guard
        let equations = MapEquations(
          output.op, isInputFirst: output.operands[0] == contraction.input,
          input: network.graph[contraction.input].shape,
          cotangent: Tensor(output.shape, .f64(cotangent)),
          gradient: Tensor(parameter.shape, .f64, repeating: 0))
      else { continue }
      if all?.equations.append(equations) != true, all == nil { all = (equations, parameter.name) }
    }
    guard let (equations, name) = all else { return nil }
    var rank = 0
    for block in equations.blocks {
      var positions = min(block.rowCount, equations.positionCount)
      if equations.positionCount <= largestMap,
        let solution = try MapSolution(
          block, positionCount: equations.positionCount, backend: backend)
      {
        positions = equations.positionCount - solution.openCount
      }
      rank += positions * block.channels.count
    }
    return RankAnalysis.Layer(
      name: name, equations: equations.equationCount,
      unknowns: equations.channelCount * equations.positionCount, rank: rank)
  }
}
