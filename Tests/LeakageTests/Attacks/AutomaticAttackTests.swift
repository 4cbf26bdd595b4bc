import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

@Suite struct AutomaticAttackTests {
  private let backend = CPUBackend()

  /// A smooth picture with a ten times worse fit is no better, where the gradient tells all pixels.
  @Test func smoothnessDoesNotExcuseAWorseFit() {
    let (scores, losses) = ([0.2, 0.1, 0.3, 0.05], [1e-9, 2e-7, 5e-9, .nan])
    #expect(
      AutomaticAttack.decided(scores, losses: losses, equationShare: 1) == [
        0.2, .infinity, 0.3, .infinity,
      ])
    #expect(AutomaticAttack.decided(scores, losses: losses, equationShare: 0.5) == scores)
    #expect(
      AutomaticAttack.decided(scores, losses: [.nan, .nan, .nan, .nan], equationShare: 1) == scores)
  }

  /// A small chain whose gradient determines a few images.
  private func model(_ activation: Activation = .sigmoid, width: Int = 8) throws -> Model {
    try ModelCatalog.model(
      named: "lenet",
      ModelOptions(
        inputShape: [1, 8, 8], classCount: 6, activation: activation, width: width))
  }

  private func images(_ count: Int, seed: UInt64 = 5) -> Tensor {
    var source = RandomSource(seed: seed)
    return source.uniformTensor([count, 1, 8, 8], .f64)
  }

  private func attack(
    _ model: Model, _ images: Tensor, labels: [Int], _ kind: AttackName
  ) throws -> AttackResult {
    let weighted = WeightedModel(untrained: model, seed: 3)
    let update = try weighted.share(images: images, labels: labels, backend: backend)
    let configuration = AttackConfiguration(attack: kind, seed: 1, trials: 6)
    return try AttackProblem(
      weighted, update: update, configuration: configuration, backend: backend
    ).run()
  }

  private func largestError(_ result: AttackResult, _ images: Tensor) -> Double {
    let size = images.shape.elementCount / images.shape[0]
    func split(_ tensor: Tensor) -> [Tensor] {
      (0..<images.shape[0]).map {
        Tensor([1, 8, 8], .f64(Array(tensor.doubles[$0 * size..<($0 + 1) * size])))
      }
    }
    let (found, originals) = (split(result.images), split(images))
    let order = matchBatch(reconstructions: found, originals: originals)
    return originals.indices.flatMap { index in
      zip(found[order[index]].doubles, originals[index].doubles).map { abs($0 - $1) }
    }.max() ?? .infinity
  }

  @Test func readsOneExampleInClosedForm() throws {
    let images = images(1)
    let result = try attack(model(), images, labels: [4], .automatic)
    #expect(largestError(result, images) < 1e-6)
    #expect(result.labels == [4])
    #expect(result.trials[0].method.name == "layer peeling")
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test func levenbergMarquardtFindsOneExample() throws {
    let images = images(1)
    let result = try attack(model(), images, labels: [2], .levenbergMarquardt)
    #expect(largestError(result, images) < 1e-6)
    #expect(result.labels == [2])
    #expect((result.trials.last?.secondOrder?.steps ?? 0) > 0)
    #expect(result.diagnosis?.verdict == .recovered)
  }

  /// Repeated labels too.
  @Test(arguments: [[1, 4], [3, 3]]) func findsABatchOfTwo(labels: [Int]) throws {
    let images = images(2)
    let result = try attack(model(), images, labels: labels, .automatic)
    #expect(largestError(result, images) < 1e-6)
    #expect(result.labels.sorted() == labels)
  }

  @Test func saysWhenTheGradientDoesNotDetermineTheBatch() throws {
    let narrow = try model(width: 1)
    let bound = narrow.equationBound(batchSize: 4)
    #expect(bound < 4 * 64)
    let result = try attack(narrow, images(4), labels: [0, 1, 2, 3], .levenbergMarquardt)
    #expect(result.diagnosis?.verdict == .notDetermined)
    #expect(result.diagnosis?.equationBound == bound)
  }

  /// 2 x 768 values leave the second convolution; it has 3600 weights, and the first 912 parameters.
  @Test func countsThePaperModelsEquations() throws {
    let leNet = try ModelCatalog.model(named: "lenet")
    #expect(leNet.equationBound(batchSize: 1) == 3072)
    #expect(leNet.equationBound(batchSize: 2) == 2 * 768 + 3600 + 912)
  }

  @Test func productsAgreeWithTheJacobianAndTheMatrix() throws {
    let model = try model(.tanh)
    let weighted = WeightedModel(untrained: model, seed: 3)
    let images = images(2)
    var source = RandomSource(seed: 8)
    let probabilities = source.uniformTensor([2, 6], .f64)
    let point = images.doubles + probabilities.doubles
    let direction = point.indices.map { _ in source.normal() }

    // J v by central differences of the client's gradient.
    let client = ClientGradientGraph(
      model, batchSize: 2, labelForm: .probabilities, dtype: .f64)
    func gradient(_ scale: Double) throws -> [Double] {
      let moved = zip(point, direction).map { $0 + scale * $1 }
      let inputs = [
        Tensor([2, 1, 8, 8], .f64(Array(moved[..<128]))),
        Tensor([2, 6], .f64(Array(moved[128...]))),
      ]
      let outputs = try backend.evaluate(client.function, inputs + weighted.parameters)
      return client.gradients.flatMap { outputs($0).doubles }
    }
    let change = zip(try gradient(1e-5), try gradient(-1e-5)).map { ($0 - $1) / 2e-5 }
    let squaredChange = change.reduce(0) { $0 + $1 * $1 }

    var whole: [Tensor] = []
    for columns in [1, 7] {
      let products = try GaussNewtonProducts(
        weighted, UpdateSignature(model, batchSize: 2), labels: nil, dtype: .f64,
        columns: columns, backend: backend)
      point.withUnsafeBufferPointer { products.move(to: $0) }
      let matrix = HostBuffer(TensorType([140, 140], .f64))
      #expect(try products.assemble(into: matrix) { false })
      whole.append(matrix.read())
      if columns == 1 {
        var product = [Double](repeating: 0, count: 140)
        try direction.withUnsafeBufferPointer { direction in
          try product.withUnsafeMutableBufferPointer { try products.multiply(direction, into: $0) }
        }
        let quadratic = zip(direction, product).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(quadratic - squaredChange) < 1e-7 * squaredChange)
        let fromMatrix = (0..<140).reduce(0) { sum, row in
          sum + direction[row]
            * (0..<140).reduce(0) { $0 + whole[0].doubles[row * 140 + $1] * direction[$1] }
        }
        #expect(abs(fromMatrix - quadratic) < 1e-10 * quadratic)
      }
    }
    let scale = whole[0].doubles.map(abs).max() ?? 1
    #expect(zip(whole[0].doubles, whole[1].doubles).allSatisfy { abs($0 - $1) < 1e-12 * scale })
  }
}
