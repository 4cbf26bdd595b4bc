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
  /// - Parameters:
  ///   - batchSize: images whose maps stand beside each other.
  ///   - seed: of the generic cotangents, of which half are 0, as behind a rectifier.
  /// - Throws: ``AttackError`` when the model is not affine between its activations.
  static func layers(
    of model: Model, batchSize: Int, seed: UInt64, backend: any Backend
  ) throws(AttackError) -> [RankAnalysis.Layer] {
    let network = try ActivationGraph(model, batchSize: batchSize, mode: .evaluation)
    var source = RandomSource(seed: seed).derive(label: "rank analysis")
    let values = network.activations.indices.reversed().map {
      ActivationGraph.Source.activation($0)
    }
    var layers: [RankAnalysis.Layer] = []
    for value in values + [.data] {
      let layer = try AttackError.naming(model.name, "analysed") { () throws(GraphError) in
        try MapRanks.layer(value, network, model, backend, &source)
      }
      guard var layer else { continue }
      if case .activation(let index) = value {
        layer.readsMaximumPooling = network.activations[index].isSelection
      }
      layers.append(layer)
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
    let readers = network.contractions(reading: value).filter {
      model.parameters.indices.contains($0.parameter)
    }
    if let first = readers.first,
      case let input = network.graph[first.input].shape,
      case let channels = input.rank == 4 ? input[1] : input[input.rank - 1],
      case let positions = input.elementCount / max(channels, 1), positions > largestMap
    {
      let equations = readers.reduce(0) {
        $0 + model.parameters[$1.parameter].shape.elementCount
      }
      return RankAnalysis.Layer(
        name: model.parameters[first.parameter].name, equations: equations,
        unknowns: input.elementCount, rank: min(equations, input.elementCount))
    }
    var all: (equations: MapEquations, name: String)?
    for contraction in readers {
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
      let solution = try MapSolution(
        block, positionCount: equations.positionCount, backend: backend)
      rank +=
        (equations.positionCount - (solution?.openCount ?? equations.positionCount))
        * block.channels.count
    }
    return RankAnalysis.Layer(
      name: name, equations: equations.equationCount,
      unknowns: equations.channelCount * equations.positionCount, rank: rank)
  }
}
