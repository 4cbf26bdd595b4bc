import Clients
import ModelIO
import TensorGraph

/// A score of a candidate against an update: larger where it looks like a member of the batch.
package enum MembershipScore: String, Codable, Sendable, CaseIterable {
  /// The inner product of the candidate's gradient and the update.
  case innerProduct = "inner product"
  /// The same of both at length 1.
  case cosine
  /// By how much the update's square shrinks when the candidate's share of it is taken out.
  case residual

  /// - Parameters:
  ///   - product: of gradient and update.
  ///   - gradient: squared norm.
  ///   - update: likewise.
  ///   - batchSize: of the update, a mean over so many.
  func value(product: Double, gradient: Double, update: Double, batchSize: Int) -> Double {
    let b = Double(batchSize)
    return switch self {
    case .innerProduct: product
    case .cosine: product / max((gradient * update).squareRoot(), .leastNormalMagnitude)
    case .residual: 2 * product / b - gradient / (b * b)
    }
  }
}

/// The gradients of single candidates beside one update, in the tensors that were shared.
struct CandidateGradients {
  private let function: CompiledFunction
  private let image: HostBuffer
  private let label: HostBuffer
  private let gradients: [HostBuffer]
  private let update: SharedUpdate
  private let shared: [[Double]]
  private let updateNorm: Double
  private let name: String
  /// Labels that an example can have.
  private let labelCount: Int

  /// - Throws: ``AttackError`` when the backend cannot run the model.
  init(
    _ weighted: WeightedModel, _ update: SharedUpdate, mode: ForwardMode, backend: any Backend
  ) throws(AttackError) {
    let client = ClientGradientGraph(
      weighted.model, batchSize: 1, labelForm: .classIndices, loss: update.loss, dtype: .f64,
      mode: mode)
    name = weighted.model.name
    let compiled: CompiledFunction
    do {
      compiled = try CompiledFunction(client.function, on: backend)
    } catch {
      throw AttackError("\(name) cannot be run: \(error.message)", .backendFailed)
    }
    function = compiled
    image = function.input(client.images)
    label = function.input(client.labels)
    function.bind(client.parameters, to: weighted.parameters)
    function.bind(client.buffers, to: weighted.buffers)
    gradients = update.sharedParameters.map { compiled.output(client.gradients[$0]) }
    shared = update.sharedParameters.map { update.gradients[$0].doubles }
    self.update = update
    labelCount = update.loss.labelCount(classCount: weighted.model.classCount)
    updateNorm = shared.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }
  }

  /// All scores of a candidate.
  ///
  /// - Parameter example: with its label; without, the one of the largest cosine counts.
  /// - Throws: ``AttackError`` when a run fails.
  func scores(_ example: PrivateExample) throws(AttackError) -> [MembershipScore: Double] {
    if let label = example.label { return try scores(example.image, label) }
    var best: [MembershipScore: Double] = [:]
    for label in 0..<labelCount {
      let scores = try scores(example.image, label)
      if scores[.cosine] ?? 0 > best[.cosine] ?? -.infinity { best = scores }
    }
    return best
  }

  /// What the update is of its batch's sum, in the tensors that were shared.
  var sum: [[Double]] { shared.map { $0.map { $0 * Double(update.batchSize) } } }

  /// The gradient of a candidate in the tensors that were shared.
  ///
  /// - Parameter input: as the model reads it.
  /// - Throws: ``AttackError`` when the run fails.
  func gradient(_ input: Tensor, label index: Int) throws(AttackError) -> [[Double]] {
    image.write(Tensor(image.type.shape, .f64(input.doubles)))
    label.write(Tensor([1], .i32([Int32(index)])))
    do {
      try function.run()
    } catch {
      throw AttackError("\(name) cannot be run: \(error.message)", .backendFailed)
    }
    return gradients.map { $0.read().doubles }
  }

  private func scores(
    _ input: Tensor, _ index: Int
  ) throws(AttackError) -> [MembershipScore: Double] {
    let gradient = try gradient(input, label: index)
    var (product, norm) = (0.0, 0.0)
    for (values, shared) in zip(gradient, shared) {
      for index in values.indices {
        product += values[index] * shared[index]
        norm += values[index] * values[index]
      }
    }
    return Dictionary(
      uniqueKeysWithValues: MembershipScore.allCases.map { score in
        (
          score,
          score.value(
            product: product, gradient: norm, update: updateNorm, batchSize: update.batchSize)
        )
      })
  }
}
