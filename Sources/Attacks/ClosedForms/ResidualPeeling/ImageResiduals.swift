import Solvers
import TensorGraph

/// What is left to fit where residual peeling ends: the image whose activations above the end are the known
/// ones, and whose gradients for the weights there are those that were shared.
///
/// Where a rectifier was active its argument is known, elsewhere it must not be positive; and the weight
/// gradients there are linear in what the layers read, their cotangents being known. Where they determine
/// that wholly, as what an average pooling gives, it is solved for and stands in their place: its errors then
/// weigh alike, whatever the condition of the equations. None of this goes
/// through the loss, and nothing is flat where it should fall: a search from grey finds the image.
final class ImageResiduals: ResidualSquares {
  /// Weight of neighbours' differences; nil where the data are no images.
  private let smoothness: ValueHandle?

  /// - Returns: nil when nothing is known that depends on the image.
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  init?(_ peeling: ResidualPeeling, _ outcome: ResidualPeeling.Outcome) throws(GraphError) {
    let (segments, network) = (peeling.segments, peeling.network)
    let valued = outcome.known.filter { $0.value.value != nil }
    let cut = try segments.cut(
      at: (Array(valued.keys) + outcome.selections.keys).sorted(), dataRole: .fixed)
    var fixed = segments.weights(of: cut)
    for (index, known) in valued {
      guard let input = cut.cuts[.activation(index)], let value = known.value else { continue }
      fixed.append((input, HostBuffer(value)))
    }
    for (index, known) in outcome.selections {
      guard let input = cut.cuts[.activation(index)] else { continue }
      fixed.append((input, HostBuffer(known.value)))
    }
    func fixedInput(_ name: String, _ tensor: Tensor) -> Value {
      let value = cut.builder.input(name, tensor.shape, .f64, role: .fixed)
      fixed.append((value, HostBuffer(tensor)))
      return value
    }
    func scale(_ elements: [Double]) -> Double {
      1 / max(dot(elements, elements).squareRoot(), .leastNormalMagnitude)
    }

    var residuals: [Value] = []
    let open = segments.openContractions(knowing: Set(outcome.known.keys)).filter {
      peeling.update.gradient(of: $0.parameter) != nil
    }
    let cotangents = try segments.cotangents(
      of: open, arguments: outcome.known.mapValues(\.cotangent))
    var told: Set<NodeID> = []
    for (contraction, cotangent) in zip(open, cotangents) {
      guard let input = try peeling.determinedInput(of: contraction, cotangent) else { continue }
      residuals.append(
        (cut.nodes[contraction.input.index] - fixedInput("input", input)) * scale(input.doubles))
      told.insert(contraction.output)
    }
    func isOpen(_ source: ActivationGraph.Source) -> Bool {
      guard case .activation(let index) = source else { return true }
      return valued[index] == nil && outcome.selections[index] == nil
    }
    for (index, known) in outcome.known.sorted(by: { $0.key < $1.key }) {
      let node = network.activations[index].argument
      guard let target = known.argument, let value = known.value,
        network.depends(node, on: isOpen, around: told)
      else { continue }
      let argument = cut.nodes[node.index]
      let factor = scale(value.doubles)
      let isDoubtful = known.isDoubtful
      let mask = fixedInput(
        "known",
        Tensor(
          target.shape, .f64(zip(known.isArgumentKnown, isDoubtful).map { $0 && !$1 ? factor : 0 }))
      )
      residuals.append((argument - fixedInput("argument", target)) * mask)
      if known.isArgumentKnown.contains(false) {
        let rest = fixedInput(
          "inactive",
          Tensor(
            target.shape, .f64(zip(known.isArgumentKnown, isDoubtful).map { $0 || $1 ? 0 : factor })
          ))
        residuals.append(argument.relu() * rest)
      }
    }
    for (index, known) in outcome.selections.sorted(by: { $0.key < $1.key }) {
      let node = network.graph[network.activations[index].value]
      let selected = try cut.builder.add(node.op, node.operands.map { cut.nodes[$0.index] })
      residuals.append(
        (selected - fixedInput("selected", known.value)) * scale(known.value.doubles))
    }
    for (contraction, cotangent) in zip(open, cotangents) where !told.contains(contraction.output) {
      let target = peeling.update.gradients[contraction.parameter].converted(to: .f64)
      let output = cut.nodes[contraction.output.index]
      let gradient = output.pullback(
        fixedInput("cotangent", cotangent), to: [cut.inputs[contraction.parameter]])[0]
      let difference = gradient - fixedInput("gradient", target)
      guard let index = segments.activation(reading: contraction),
        let isDoubtful = outcome.known[index]?.isDoubtful, isDoubtful.contains(true)
      else {
        residuals.append(difference * scale(target.doubles))
        continue
      }
      // A doubtful slope spoils all equations of its channel.
      let (outputs, factor) = (target.shape[0], scale(target.doubles))
      let plane = cotangent.shape[2] * cotangent.shape[3]
      var isSpoilt = [Bool](repeating: false, count: outputs)
      for (unit, isInDoubt) in isDoubtful.enumerated() where isInDoubt {
        isSpoilt[unit / plane % outputs] = true
      }
      let elements = target.shape.elementCount / outputs
      let weights = (0..<outputs * elements).map { isSpoilt[$0 / elements] ? 0 : factor }
      residuals.append(difference * fixedInput("weights", Tensor(target.shape, .f64(weights))))
    }

    guard !residuals.isEmpty else { return nil }
    let differences = cut.data.neighbourDifferences
    let smoothness = fixedInput("smoothness", Tensor([], .f64, repeating: 0))
    residuals += differences.map { $0 * smoothness.broadcast(to: $0.shape, axes: []) }
    self.smoothness = differences.isEmpty ? nil : smoothness.handle
    try super.init(residuals, of: cut.data, fixed: fixed, backend: peeling.backend)
  }

  /// Whether smooth images can be told from others.
  var isOfImages: Bool { smoothness != nil }

  /// Weight of neighbours' differences among the residuals.
  func setSmoothness(_ weight: Double) {
    guard let smoothness else { return }
    set(smoothness, to: weight)
  }
}

extension ResidualPeeling.KnownActivation {
  /// Deviations between which a slope that nothing settled is not relied on: zeros lie below, nearly all
  /// others above.
  private static let doubt = 3.0..<12

  /// Units whose slopes may be wrong.
  fileprivate var isDoubtful: [Bool] {
    confidence.map { $0.map { Self.doubt.contains($0) } }
      ?? isArgumentKnown.map { _ in false }
  }
}
