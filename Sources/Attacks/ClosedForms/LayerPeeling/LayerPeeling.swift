import Clients
import Solvers
import TensorGraph

/// Reads private images off their gradient in closed form, layer by layer from the loss down.
///
/// The last layer's bias gradient is the logits' cotangent of a single image; those of a batch are what
/// `ExampleSeparation` finds. From there each layer hands over its input:
/// values and cotangent of a layer's output, and its weight's gradient, are linear equations for its
/// input; an activation is undone element by element. This is R-GAP (Zhu & Blaschko 2021) freed of
/// its binary label and leaky ReLU: any chain of fully connected and convolutional layers with
/// monotone activations will do. Nothing is searched, so nothing can fail by bad luck. A ReLU passes
/// the values above 0 on; the equations of the others are lost, and the weight's gradient may or may
/// not make up for them, which ``Layer/isDetermined`` says. Values of saturated units weigh less the flatter
/// the activation is there.
///
/// An activation that turns once, as GELU and SiLU do, leaves two arguments for a value; which of them it is,
/// the layer below tells, whose input has to give the weight's gradient as well (`BranchResiduals`).
///
/// Before a random layer (`withVariationalBottleneck(size:batchSize:)`) the recursion starts at
/// the layer that the noise has not reached, whose bias gradient is as good a cotangent.
///
/// It needs a single path through the model, and a bias at the last layer. In a batch every image gives
/// the equations of its own values, but the weights' gradients are shared, so that layers above the
/// first few may leave their input open; the recursion then ends with an `OpenEnd`.
public struct LayerPeeling: Sendable {
  /// What one layer gave.
  public struct Layer: Sendable {
    /// The layer whose input was found, by its weight.
    public let name: String
    /// Equations for the input: known values of the output and elements of the weight's gradient.
    public let equations: Int
    /// Numbers sought in the layer.
    public let unknowns: Int
    /// Steps of the linear solver.
    public let steps: Int
    /// Relative residual of the equations: near rounding when the gradient fits the model.
    public let relativeResidual: Double
    /// Estimated condition number: what noise in the gradient is multiplied with at most.
    public let condition: Double

    /// Values found that the activation before cannot give, such as negative ones behind a ReLU.
    public internal(set) var impossibleValues = 0

    /// Values of the layer's output that were not known, as those behind a ReLU that is 0.
    public internal(set) var lostValues = 0

    /// Values of the activation above with two arguments, between which a search decided.
    public internal(set) var turnedValues = 0

    /// Whether a direction was found in which the input changes and no equation does.
    var hasOpenDirection = false

    /// Whether its equations were too few, and what is below was sought instead with all values above known.
    public internal(set) var isSought = false

    /// Whether the equations leave the input open: they are too few, or do not tell a direction, and nothing
    /// else was done about it.
    public var isOpen: Bool { !isSought && (equations < unknowns || hasOpenDirection) }

    /// Whether the equations determine the input.
    public var isDetermined: Bool { !isOpen }

  }

  package struct Result: Sendable {
    /// [N, C, H, W] in f64.
    package let images: Tensor
    package let labels: [Int]
    /// From the last layer to the first.
    package let layers: [Layer]
  }

  /// Where the recursion starts: what is known of the last layer's output.
  struct Start {
    let cotangent: Tensor
    /// Its values, where they are known.
    let value: Tensor?
    let labels: [Int]
  }

  /// Where the recursion ends above the data: everything behind this value is known, and what is below
  /// takes more than linear equations.
  struct OpenEnd {
    /// The value, a layer's output.
    let node: NodeID
    /// That layer, by its weight.
    let layer: String
    /// What it is, and for each element whether that is known.
    let value: Tensor
    let isKnown: [Bool]
    let cotangent: Tensor
    /// What the gradient of the layer's weight is to be multiplied with, so that its equations weigh as
    /// those of the value.
    let gradientScale: Double
  }

  /// What the recursion gives.
  enum Outcome {
    case images(Result)
    case open(OpenEnd, layers: [Layer])
  }

  let model: Model
  let backend: any Backend
  /// The forward pass of the batch in f64; inputs are parameters, buffers, and the data last.
  let graph: Graph
  let chain: LayerChain

  /// - Throws: ``AttackError`` when the model is no chain of layers that can be undone.
  package init(
    model: Model, batchSize: Int = 1, mode: ForwardMode = .evaluation, backend: any Backend
  ) throws(AttackError) {
    guard model.probeBatchSize == 1, model.labelPositions.rank == 0 else {
      throw AttackError(
        "layer peeling needs a model that takes one example and gives it one label; use the attack auto"
      )
    }
    guard model.classifier?.bias != nil, model.lastPeeledLayer?.bias != nil else {
      throw AttackError(
        "layer peeling starts from the bias of a fully connected last layer, which \(model.name) "
          + "lacks; use the attack auto")
    }
    try self.init(model: model, batchSize: batchSize, mode: mode, backend: backend) {
      $0.outputs[0]
    }
  }

  /// - Parameter output: the value from which the chain goes back to the data.
  init(
    model: Model, batchSize: Int = 1, mode: ForwardMode = .evaluation, backend: any Backend,
    output: (Graph) throws(AttackError) -> NodeID
  ) throws(AttackError) {
    let data: NodeID
    (graph, data) = try model.forwardGraph(batchSize: batchSize, mode: mode) {
      $0.bottleneck?.encoding ?? $0.logits
    }
    chain = try LayerChain(graph, from: output(graph), data: data)
    self.model = model
    self.backend = backend
  }

  /// One image.
  ///
  /// - Throws: ``AttackError`` when a gradient that is needed was not shared, or a layer cannot be
  ///   undone.
  package func reconstruct(
    _ update: SharedUpdate, _ weighted: WeightedModel, shouldStop: () -> Bool = { false }
  ) throws(AttackError) -> Result {
    try requireGradients(update)
    return try reconstruct(
      parameters: weighted.parameters, buffers: weighted.buffers, gradients: update.gradients,
      shouldStop: shouldStop)
  }

  /// - Throws: ``AttackError`` when the gradient of a layer was not shared.
  func requireGradients(_ update: SharedUpdate) throws(AttackError) {
    try update.requireOneGradient("layer peeling")
    var needed = chain.links.compactMap { link -> Int? in
      if case .contraction(_, _, let parameter) = link { return parameter }
      return nil
    }
    needed += [model.classifier?.bias, model.lastPeeledLayer?.bias].compactMap(\.self)
    if let absent = needed.first(where: { update.gradient(of: $0) == nil }) {
      let name =
        model.parameters.indices.contains(absent) ? model.parameters[absent].name : "a buffer"
      throw AttackError(
        "layer peeling needs the gradient of \(name), which was not shared; use the attack auto")
    }
  }

  /// One image.
  ///
  /// - Parameters:
  ///   - parameters: the model's weights, in its order, any floating-point type; `buffers` likewise.
  ///   - gradients: the shared gradient, one tensor per parameter.
  package func reconstruct(
    parameters: [Tensor], buffers: [Tensor], gradients: [Tensor],
    shouldStop: () -> Bool = { false }
  ) throws(AttackError) -> Result {
    guard let bias = model.classifier?.bias, let first = model.lastPeeledLayer?.bias else {
      throw AttackError("layer peeling needs a bias at the last layer; use the attack auto")
    }
    let sums = gradients[first].converted(to: .f64)
    let cotangent = sums.reshaped(to: [1, sums.shape.elementCount])
    let elements = gradients[bias].doubles
    let label = elements.indices.min { elements[$0] < elements[$1] } ?? 0
    return try reconstruct(
      from: Start(cotangent: cotangent, value: nil, labels: [label]), parameters: parameters,
      buffers: buffers, gradients: gradients, shouldStop: shouldStop)
  }

  func reconstruct(
    from start: Start, parameters: [Tensor], buffers: [Tensor], gradients: [Tensor],
    shouldStop: () -> Bool = { false }
  ) throws(AttackError) -> Result {
    let outcome = try peel(
      from: start, parameters: parameters, buffers: buffers, gradients: gradients,
      stopsWhenOpen: false, shouldStop: shouldStop)
    guard case .images(let result) = outcome else {
      preconditionFailure("a recursion that was not to stop stopped")
    }
    return result
  }

  /// The recursion.
  ///
  /// - Parameters:
  ///   - stopsWhenOpen: whether it ends at a layer above the first whose input its equations leave open
  ///     or nearly so, instead of going on with the least one that fits.
  ///   - testsRank: whether each layer's equations are tested for open directions, up to the first that
  ///     has one.
  ///   - shouldStop: asked now and then.
  /// - Throws: ``AttackError`` when it was stopped, too.
  func peel(
    from start: Start, parameters: [Tensor], buffers: [Tensor], gradients: [Tensor],
    stopsWhenOpen: Bool, testsRank: Bool = false, shouldStop: () -> Bool = { false }
  ) throws(AttackError) -> Outcome {
    let inputs = (parameters + buffers).map { $0.converted(to: .f64) }
    var state = PeelingState(
      value: start.value.map { KnownValue($0) }, cotangent: start.cotangent)
    var layers: [Layer] = []
    do {
      for link in chain.links {
        switch link {
        case .contraction(let output, let input, let parameter):
          let gradient = gradients[parameter].converted(to: .f64)
          if stopsWhenOpen, !isData(input),
            let end = openEnd(state, link, weight: inputs[parameter])
          {
            return .open(end, layers: layers)
          }
          state = try decided(
            state, link, inputs: inputs, gradients: gradients, shouldStop: shouldStop)
          let value = state.value
          let inverse = try contractionInverse(
            output, input, inputs[parameter], state.cotangent, outputWeights: value?.weights)
          let target = inverse.target(output: value?.tensor, weightGradient: gradient)
          let solution = try solution(
            of: inverse, target, for: input, orFound: state.found, shouldStop: shouldStop)
          if shouldStop() { throw AttackError("layer peeling was stopped", .stopped) }
          var layer = Layer(
            name: model.parameters[parameter].name, equations: inverse.equationCount,
            unknowns: inverse.columnCount, steps: solution.steps,
            relativeResidual: solution.relativeResidual, condition: solution.condition)
          layer.lostValues = value?.weights.count { $0 == 0 } ?? 0
          if let other = state.other {
            layer.turnedValues = other.isOpen.count { $0 }
            try requireAgreement(layer)
          }
          if testsRank, !layers.contains(where: \.isOpen) {
            layer.hasOpenDirection = try inverse.hasOpenDirection(shouldStop: shouldStop)
          }
          layers.append(layer)
          state = PeelingState(
            value: KnownValue(Tensor(graph[input].shape, .f64(solution.x))),
            cotangent: try inverse.inputCotangent(state.cotangent))
        case .structural(let output, let input):
          state = try rearranged(state, output, input)
        case .elementwise(let output, let input):
          let undone = try undone(state, output, input, inputs)
          state = undone.state
          if let last = layers.indices.last {
            layers[last].impossibleValues += undone.impossibleCount
          }
        }
      }
    } catch let error as GraphError {
      throw AttackError("layer peeling cannot run this model: \(error.message)")
    } catch let error as AttackError {
      throw error
    } catch {
      throw AttackError("layer peeling failed: \(error)")
    }
    guard let image = state.value?.tensor else {
      throw AttackError("the model has no layer whose weight gradient gives its input")
    }
    return .images(Result(images: image, labels: start.labels, layers: layers))
  }

  /// Where the recursion ends above a layer whose equations are too few to be solved on their own; nil
  /// where they are not.
  private func openEnd(
    _ state: PeelingState, _ link: LayerChain.Link, weight: Tensor
  ) -> OpenEnd? {
    guard case .contraction(let output, let input, let parameter) = link, let value = state.value
    else { return nil }
    let equations = value.weights.count { $0 > 0 } + weight.shape.elementCount
    let unknowns = graph[input].shape.elementCount
    guard Double(equations) < LayerPeeling.comfortableEquations * Double(unknowns) else {
      return nil
    }
    // Above an activation whose branches are open all is known.
    let turn = state.other?.turn
    let known = turn?.value ?? value
    return OpenEnd(
      node: turn?.node ?? output, layer: model.parameters[parameter].name, value: known.tensor,
      isKnown: known.weights.map { $0 > 0 }, cotangent: turn?.cotangent ?? state.cotangent,
      gradientScale: ContractionInverse.weightGradientScale(
        weight: weight, cotangent: state.cotangent))
  }

  func contractionInverse(
    _ output: NodeID, _ input: NodeID, _ weight: Tensor, _ cotangent: Tensor,
    outputWeights: [Double]?
  ) throws(GraphError) -> ContractionInverse {
    try ContractionInverse(
      graph[output].op, inputType: graph[input].type,
      isInputFirst: graph[output].operands[0] == input, weight: weight, cotangent: cotangent,
      outputWeights: outputWeights, backend: backend)
  }

  /// The input that fits best; of many images that do, the smoothest.
  ///
  /// - Parameter found: an input that was found otherwise, and may fit better than the linear solver's.
  private func solution(
    of inverse: ContractionInverse, _ target: [Double], for input: NodeID,
    orFound found: [Double]?, shouldStop: () -> Bool
  ) throws(GraphError) -> LSQR.Solution {
    if let found {
      let solution = try LSQR(steps: 2 * inverse.columnCount).solve(
        inverse, target, shouldStop: shouldStop)
      let remainder = zip(target, try inverse.image(of: found)).map { $0 - $1 }
      let residual = (dot(remainder, remainder) / dot(target, target)).squareRoot()
      return residual < solution.relativeResidual
        ? solution.replacing(x: found, relativeResidual: residual) : solution
    }
    let isImage = isData(input) && graph[input].shape.rank == 4
    if !isImage || inverse.equationCount >= inverse.columnCount {
      let solution = try LSQR().solve(inverse, target, shouldStop: shouldStop)
      guard isImage, solution.relativeResidual > LayerPeeling.unfinishedResidual else {
        return solution
      }
    }
    let completion = SmoothCompletion(
      inverse, imageShape: graph[input].shape, weight: LayerPeeling.smoothnessWeight)
    return try LSQR().solve(completion, completion.target(target), shouldStop: shouldStop)
  }

  func isData(_ node: NodeID) -> Bool {
    if case .input = graph[node].op { true } else { false }
  }

  /// Equations for each unknown from which a linear system is well enough conditioned to be solved on
  /// its own, where there is another way.
  private static let comfortableEquations = 1.25

  /// Relative residual of a system whose condition keeps the solver from its end.
  static let unfinishedResidual = 1e-10
  /// Small beside equations, which are exact, and above the rounding of the gradient.
  private static let smoothnessWeight = 1e-3
}

extension Model {
  /// The layer at which layer peeling starts: the last one, or the last before any noise.
  var lastPeeledLayer: Classifier? { bottleneck?.encoder ?? classifier }
}

extension Model {
  /// A forward pass in f64; inputs are parameters, buffers, and the data last.
  ///
  /// - Parameter output: what is computed.
  /// - Returns: with the node of the data.
  /// - Throws: ``AttackError`` when the model does not read them.
  func forwardGraph(
    batchSize: Int = 1, mode: ForwardMode, computing output: (Trace) -> Value
  ) throws(AttackError) -> (graph: Graph, data: NodeID) {
    let builder = GraphBuilder()
    let parameters = parameters.map { builder.input($0.name, $0.shape, .f64) }
    let buffers = buffers.map { builder.input($0.name, $0.shape, .f64) }
    let data = builder.input("data", Shape([batchSize] + inputShape.dimensions), .f64)
    let trace = trace(data, parameters: parameters, buffers: buffers, mode: mode)
    let graph = builder.build(outputs: [output(trace)])
    let place = parameters.count + buffers.count
    let node = graph.nodes.firstIndex { node in
      if case .input(let index, _) = node.op { index == place } else { false }
    }
    guard let node else { throw AttackError("\(name) does not read its input") }
    return (graph, NodeID(node))
  }
}
