import Clients
import Solvers
import TensorGraph

/// The matching loss of dummy token embeddings, as a solver's objective.
///
/// The gradient of the token embedding itself is left out: dummies are no rows of it.
final class EmbeddingObjective: ObjectiveFunction {
  /// What is minimised.
  enum Distance {
    /// Σ ‖g' - g‖² (DLG).
    case squares
    /// The same plus a share of Σ |g' - g| (TAG, equation 3).
    case squaresAndAbsolutes(share: Double)
    /// The mean over tensors of 1 - cosine, plus the squared difference of the mean length of the
    /// embeddings from what is usual (LAMP, section 4.1).
    case cosines(length: Double)
  }

  let dimension: Int
  private let function: CompiledFunction
  private let dummy: HostBuffer
  private let gradient: HostBuffer
  private let loss: HostBuffer
  private(set) var evaluations = 0

  /// - Parameters:
  ///   - known: embeddings [N, T, d] of positions that are not sought.
  ///   - free: 1 for positions that are sought, else 0: [N, T, 1].
  /// - Throws: ``AttackError`` when the update shares nothing to match, or the backend cannot run it.
  init(
    _ inversion: TextInversion, distance: Distance, known: Tensor, free: Tensor, mask: Tensor,
    labels: Tensor
  ) throws(AttackError) {
    let (model, dtype) = (inversion.model, inversion.weights.dtype)
    let builder = GraphBuilder()
    let dummy = builder.input("dummy", known.shape, dtype)
    let fixed = [known, free, mask].enumerated().map {
      builder.input("fixed \($0)", $1.shape, dtype, role: .fixed)
    }
    let classes = builder.input("labels", labels.shape, labels.dtype, role: .fixed)
    let parameters = builder.parameters(of: model, dtype)
    let matched = model.parameters.indices.filter {
      let name = model.parameters[$0].name
      return name != model.names.tokenEmbedding
        && (inversion.update.gradients[name]?.squaredNorm ?? 0) > 0
    }
    guard !matched.isEmpty else {
      throw AttackError("the update shares no gradient that dummy embeddings could match")
    }
    let targets = matched.map {
      builder.input("target \($0)", model.parameters[$0].shape, dtype, role: .fixed)
    }
    let embedded = dummy * fixed[1] + fixed[0]
    let forward = model.pass(builder, parameters, dtype).forward(embedded: embedded, mask: fixed[2])
    let gradients = model.loss(forward.logits, labels: classes)
      .gradient(withRespectTo: matched.map { parameters[$0] })
    let terms = zip(gradients, targets).map { found, target -> Value in
      let difference = found - target
      switch distance {
      case .squares: return difference.squared().sum()
      case .squaresAndAbsolutes(let share):
        return difference.squared().sum() + share * difference.absolute().sum()
      case .cosines:
        let lengths = (found.squared().sum() * target.squared().sum() + 1e-30).sqrt()
        return (1 - (found * target).sum() / lengths) / Double(matched.count)
      }
    }
    var total = terms.dropFirst().reduce(terms[0], +)
    if case .cosines(let length) = distance {
      let lengths = (embedded.squared().sum(axes: [2]) + 1e-12).sqrt() * fixed[2]
      let mean = lengths.sum() / fixed[2].sum()
      total = total + (mean - length).squared()
    }
    let slope = total.gradient(withRespectTo: [dummy])[0]
    do {
      function = try CompiledFunction(
        builder.function(computing: [total, slope]), on: inversion.backend)
    } catch {
      throw AttackError("\(model.name) cannot be attacked: \(error.message)", .backendFailed)
    }
    dimension = known.shape.elementCount
    self.dummy = function.input(dummy.handle)
    function.bind(fixed.map(\.handle), to: [known, free, mask])
    function.bind(classes.handle, to: labels)
    for (spec, input) in zip(model.parameters, parameters) {
      function.bind(input.handle, to: inversion.weights.buffer(spec.name))
    }
    for (parameter, input) in zip(matched, targets) {
      guard let target = inversion.update.gradients[model.parameters[parameter].name] else {
        continue
      }
      function.bind(input.handle, to: target)
    }
    loss = function.output(total.handle)
    gradient = function.output(slope.handle)
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient target: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    evaluations += 1
    dummy.store(point)
    try function.run()
    gradient.load(into: target)
    return loss.read().scalarValue
  }
}
