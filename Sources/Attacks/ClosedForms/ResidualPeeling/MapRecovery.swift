import Clients
import Solvers
import TensorGraph

/// What contractions read, from the gradients of their weights and from the values above.
extension ResidualPeeling {
  /// What is found of a map, up to errors.
  struct FoundMap {
    /// In the map's order.
    var values: [Double]
    /// Of each value, in units of the errors of the equations; nil where other equations had a part.
    var deviations: [Double]?
  }

  func map(
    of source: ActivationGraph.Source, _ cotangents: [Tensor], _ outcome: inout Outcome
  ) throws(GraphError) -> FoundMap? {
    guard let (equations, name) = equations(of: source, cotangents) else { return nil }
    let channels = equations.channelCount
    let count = equations.positionCount
    func layer(
      _ equations: Int, steps: Int = 0, residual: Double = 0, condition: Double = 1
    ) -> LayerPeeling.Layer {
      LayerPeeling.Layer(
        name: name, equations: equations, unknowns: channels * count, steps: steps,
        relativeResidual: residual, condition: condition)
    }
    func end(_ reason: String) {
      var end = layer(equations.equationCount)
      end.isSought = true
      outcome.layers.append(end)
      outcome.reason = "\(name) \(reason)"
    }
    guard equations.equationsPerUnknown >= Self.fewestEquations else {
      end("has \(equations.equationCount) equations for \(channels * count) values")
      return nil
    }
    var values = [Double](repeating: 0, count: channels * count)
    var deviations = values
    var open: [ForwardClosing.OpenSpace.Block] = []
    var (condition, residual) = (1.0, 0.0)
    let repaired = isNoisy ? try repaired(source, equations, &outcome) : nil
    for block in equations.blocks {
      let alone =
        repaired == nil
        ? try MapSolution(block, isNoisy: isNoisy, positionCount: count, backend: backend) : nil
      guard let solution = repaired?.map ?? alone else {
        end("has a gradient that is zero or not finite")
        return nil
      }
      let columns = block.channels.count
      for (column, channel) in block.channels.enumerated() {
        for position in 0..<count {
          let index = equations.index(channel: channel, position: position)
          values[index] = solution.values[position * columns + column]
          deviations[index] = solution.deviations[position] * (repaired?.deviation(column) ?? 1)
        }
      }
      condition = max(condition, solution.condition)
      residual = max(residual, solution.relativeResidual)
      open.append(
        ForwardClosing.OpenSpace.Block(
          channels: block.channels, directions: solution.openDirections, count: solution.openCount))
    }
    let space = ForwardClosing.OpenSpace(
      imageCount: equations.imageCount, channelCount: channels,
      positionCount: count / equations.imageCount, blocks: open)
    guard space.dimension > 0 else {
      outcome.layers.append(
        layer(equations.equationCount, residual: residual, condition: condition))
      return FoundMap(values: values, deviations: deviations)
    }
    guard Double(space.dimension) <= Self.mostOpen * Double(values.count),
      let closed = try close(space, source, values, outcome)
    else {
      end("leaves \(space.dimension) of \(values.count) directions open")
      return nil
    }
    outcome.layers.append(
      layer(
        equations.equationCount + closed.equations, steps: closed.steps,
        residual: max(residual, closed.relativeResidual), condition: condition))
    return FoundMap(values: closed.values)
  }

  /// What a contraction reads, where the gradient of its weight determines that wholly.
  ///
  /// Unlike ``map(of:_:_:)`` it need not be an activation's value: poolings and sums may stand between.
  ///
  /// - Parameter cotangent: of the contraction's output.
  /// - Returns: nil also where the equations have errors, which least squares would hide.
  func determinedInput(
    of contraction: ActivationGraph.Contraction, _ cotangent: Tensor
  ) throws(GraphError) -> Tensor? {
    let shape = network.graph[contraction.input].shape
    guard !isNoisy, let gradient = update.gradient(of: contraction.parameter),
      let equations = MapEquations(
        network.graph[contraction.output].op,
        isInputFirst: network.graph[contraction.output].operands[0] == contraction.input,
        input: shape, cotangent: cotangent, gradient: gradient.converted(to: .f64)),
      equations.equationsPerUnknown >= 1
    else { return nil }
    var values = [Double](repeating: 0, count: shape.elementCount)
    for block in equations.blocks {
      guard
        let solution = try MapSolution(
          block, positionCount: equations.positionCount, backend: backend),
        solution.openCount == 0, solution.relativeResidual < Self.noiseEdge
      else { return nil }
      let columns = block.channels.count
      for (column, channel) in block.channels.enumerated() {
        for position in 0..<equations.positionCount {
          values[equations.index(channel: channel, position: position)] =
            solution.values[position * columns + column]
        }
      }
    }
    return Tensor(shape, .f64(values))
  }

  /// Solves equations with errors, and settles the slopes that they were made with.
  private func repaired(
    _ source: ActivationGraph.Source, _ equations: MapEquations, _ outcome: inout Outcome
  ) throws(GraphError) -> SlopeRepair.Solution? {
    guard equations.blocks.count == 1 else { return nil }
    let isAmple = equations.equationsPerUnknown >= Self.ampleEquations
    var readers: [SlopeRepair.Reader] = []
    var activations: [Int] = []
    for contraction in network.contractions(reading: source) {
      guard case .contraction(.convolution(let convolution)) = network.graph[contraction.output].op,
        let gradient = update.gradient(of: contraction.parameter),
        let index = segments.activation(reading: contraction), let known = outcome.known[index]
      else { return nil }
      let whole = try segments.cotangent(
        of: contraction.output, argumentOf: index, known.valueCotangent)
      readers.append(
        SlopeRepair.Reader(
          convolution: convolution, op: network.graph[contraction.output].op,
          gradient: gradient.converted(to: .f64), whole: whole, isActive: known.isArgumentKnown,
          confidence: known.confidence ?? [], isOpen: isAmple && known.confidence != nil))
      activations.append(index)
    }
    guard !readers.isEmpty else { return nil }
    var repair = SlopeRepair(
      readers, input: network.graph[network.node(of: source)].shape, backend: backend)
    guard let solution = try repair.solve() else { return nil }
    for (index, reader) in zip(activations, repair.readers) where reader.isOpen {
      outcome.known[index] = outcome.known[index]?.settled(reader.isActive)
    }
    return solution
  }

  /// Equations for each unknown from which they tell wrong slopes.
  private static let ampleEquations = 1.5

  /// Equations for each unknown below which a map is not sought by linear equations.
  private static let fewestEquations = 0.9
  /// Share of open directions that values above are asked to close.
  private static let mostOpen = 0.25
  /// Relative residual of the closing equations above which they contradict each other.
  private static let contradiction = 1e-3

  /// What all contractions that read a map say of it, with the name of the first one's weight.
  private func equations(
    of source: ActivationGraph.Source, _ cotangents: [Tensor]
  ) -> (MapEquations, name: String)? {
    var all: (MapEquations, name: String)?
    for (contraction, cotangent) in zip(network.contractions(reading: source), cotangents) {
      let parameter = contraction.parameter
      guard model.parameters.indices.contains(parameter),
        let gradient = update.gradient(of: parameter),
        let equations = MapEquations(
          network.graph[contraction.output].op,
          isInputFirst: network.graph[contraction.output].operands[0] == contraction.input,
          input: network.graph[contraction.input].shape, cotangent: cotangent,
          gradient: gradient.converted(to: .f64))
      else { continue }
      if all?.0.append(equations) != true {
        if let (others, _) = all, others.equationCount >= equations.equationCount { continue }
        all = (equations, model.parameters[parameter].name)
      }
    }
    return all
  }

  private struct ClosedMap {
    let values: [Double]
    let equations: Int
    let steps: Int
    let relativeResidual: Double
  }

  /// Adds what the known arguments above say of the open directions.
  private func close(
    _ space: ForwardClosing.OpenSpace, _ source: ActivationGraph.Source, _ values: [Double],
    _ outcome: Outcome
  ) throws(GraphError) -> ClosedMap? {
    let readers = network.readers(of: source).filter { reader in
      outcome.known[reader]?.argument != nil
        && network.argumentSources[reader].allSatisfy { other in
          guard other != source, case .activation(let index) = other else { return other == source }
          return outcome.known[index]?.value != nil
        }
    }
    let isKnown = readers.map { outcome.known[$0]?.isArgumentKnown ?? [] }
    let equationCount = isKnown.reduce(0) { $0 + $1.count { $0 } }
    guard equationCount >= space.dimension else { return nil }
    let system = try ForwardClosing(
      segments, source, readers: readers, isKnown: isKnown, space: space)
    let shape = network.graph[network.node(of: source)].shape
    func misfit(_ values: [Double]) throws(GraphError) -> [Double] {
      let arguments = try arguments(
        of: readers, knowing: outcome, source, Tensor(shape, .f64(values)))
      return zip(readers, arguments).flatMap { reader, argument -> [Double] in
        guard let known = outcome.known[reader], let target = known.argument else { return [] }
        return zip(zip(target.doubles, argument.doubles), known.isArgumentKnown).map {
          $1 ? $0.0 - $0.1 : 0
        }
      }
    }
    var (found, steps) = (values, 0)
    var residual = try misfit(found)
    let scale = readers.reduce(0.0) { total, reader in
      guard let known = outcome.known[reader], let argument = known.argument else { return total }
      return total
        + zip(argument.doubles, known.isArgumentKnown).reduce(0) { $0 + ($1.1 ? $1.0 * $1.0 : 0) }
    }.squareRoot()
    let mostSteps = min(4 * space.dimension + 100, Self.mostClosingSteps)
    for _ in 0..<Self.closingRounds {
      let solution = try LSQR(steps: mostSteps).solve(system, residual)
      // Directions that no known argument looks at, as above units that are all off, stay open.
      guard solution.steps < mostSteps else { return nil }
      steps += solution.steps
      var change = found
      change.withUnsafeMutableBufferPointer { change in
        solution.x.withUnsafeBufferPointer { space.map($0, into: change) }
      }
      for index in found.indices { found[index] += change[index] }
      residual = try misfit(found)
    }
    let relative = dot(residual, residual).squareRoot() / max(scale, .leastNormalMagnitude)
    guard relative < Self.contradiction else { return nil }
    return ClosedMap(
      values: found, equations: equationCount, steps: steps, relativeResidual: relative)
  }

  /// Steps that closing takes at most; where it takes more, values above hardly tell the directions.
  private static let mostClosingSteps = 1500
  /// Solutions of what the one before left over: products of the open directions round.
  private static let closingRounds = 2

  /// Arguments of activations, from the values that are known and one that is given.
  private func arguments(
    of readers: [Int], knowing outcome: Outcome, _ source: ActivationGraph.Source, _ value: Tensor
  ) throws(GraphError) -> [Tensor] {
    let cut = try segments.cut(at: network.activations.indices)
    let results = readers.map { cut.nodes[network.activations[$0].argument.index] }
    let function = try segments.compile(results, of: cut)
    for (other, input) in cut.cuts {
      if other == source {
        function.bind(input.handle, to: value)
      } else if case .activation(let index) = other, let known = outcome.known[index]?.value {
        function.bind(input.handle, to: known)
      } else {
        _ = function.input(input.handle)
      }
    }
    try function.run()
    return results.map { function.read($0.handle) }
  }
}
