import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

@testable import Attacks

/// Batches example by example, from the spans of hidden layers.
@Suite struct SpanAttackTests {
  private func model(
    _ activation: Activation = .relu, shape: Shape = [1, 1, 10], width: Int = 64
  ) throws -> Model {
    try ModelCatalog.model(
      named: "mlp",
      ModelOptions(
        inputShape: shape, classCount: 4, activation: activation, width: width, depth: 2))
  }

  private func images(_ count: Int, _ model: Model, seed: UInt64 = 3) -> Tensor {
    var source = RandomSource(seed: seed)
    return source.normalTensor(Shape([count] + model.inputShape.dimensions), .f64)
  }

  /// Largest difference of each private example from the nearest that was found, the label being right.
  private func errors(
    _ found: ClosedFormSolution, _ images: Tensor, _ labels: [Int]
  ) -> [Double] {
    let width = images.shape.elementCount / labels.count
    func row(_ tensor: Tensor, _ index: Int) -> ArraySlice<Double> {
      tensor.doubles[index * width..<(index + 1) * width]
    }
    return labels.indices.map { index in
      labels.indices.filter { found.labels[$0] == labels[index] }.map { other in
        zip(row(images, index), row(found.images, other)).map { abs($0 - $1) }.max() ?? 0
      }.min() ?? .infinity
    }
  }

  private func solution(
    _ model: Model, _ images: Tensor, _ labels: [Int], dtype: DType = .f64
  ) throws -> ClosedFormSolution {
    let weighted = WeightedModel(untrained: model, seed: 5)
    let update = try weighted.share(
      images: images.converted(to: dtype), labels: labels, backend: AttackedClient.backend)
    let result = try AttackProblem(
      weighted, update: update, configuration: AttackConfiguration(attack: .span),
      backend: AttackedClient.backend
    ).run()
    return ClosedFormSolution(images: result.images, labels: result.labels)
  }

  /// Far more examples than the first layer has inputs, where SPEAR has nothing to go by.
  @Test(arguments: [Activation.relu, .sigmoid, .gelu]) func largeBatchesComeBackExactly(
    _ activation: Activation
  ) throws {
    let model = try model(activation)
    let (images, labels) = (images(24, model), (0..<24).map { $0 * 7 % 4 })
    let found = try solution(model, images, labels)
    #expect(errors(found, images, labels).allSatisfy { $0 < 1e-6 })
  }

  /// Where a first layer tells where examples are, they may have more inputs than there are equations otherwise.
  @Test func imagesComeBackWithinTheFirstLayersSpan() throws {
    let model = try model(shape: [3, 8, 8])
    let (images, labels) = (images(6, model), [0, 1, 2, 3, 0, 1])
    let found = try solution(model, images, labels)
    #expect(errors(found, images, labels).allSatisfy { $0 < 1e-6 })
  }

  @Test func singlePrecisionDoes() throws {
    let model = try model()
    let (images, labels) = (images(16, model), (0..<16).map { $0 % 4 })
    let found = try solution(model, images, labels, dtype: .f32)
    #expect(errors(found, images, labels).allSatisfy { $0 < 1e-2 })
  }

  @Test func whatIsThereTwiceIsFoundTwice() throws {
    let model = try model()
    let rows = images(3, model).doubles
    let images = Tensor([4, 1, 1, 10], .f64(rows + rows.prefix(10)))
    let labels = [2, 0, 3, 2]
    let found = try solution(model, images, labels)
    #expect(found.labels.sorted() == [0, 2, 2, 3])
    #expect(errors(found, images, labels).allSatisfy { $0 < 1e-6 })
  }

  /// The share of an example in the gradient is 1 for its own label alone, and taking it out lowers the rank.
  @Test func aShareTellsTheLabel() throws {
    let model = try model()
    let weighted = WeightedModel(untrained: model, seed: 5)
    let (images, labels) = (images(5, model), [0, 1, 2, 3, 1])
    let update = try weighted.share(
      images: images, labels: labels, backend: AttackedClient.backend)
    let hidden = try HiddenLayers(model, mode: .evaluation)
    // The last layer has fewer units than there are examples.
    #expect(hidden.layers.count == 2)
    let layer = hidden.layers[0]
    let span = try LayerSpan(
      layer.classifier, update, algebra: AttackedClient.backend.linearAlgebra)
    #expect(span.rank == 5 && span.width == 64 && span.equationCount == 59)
    let function = try FeatureFunction(
      weighted, hidden, layers: [layer], directions: [Array(repeating: 1, count: 10)],
      backend: AttackedClient.backend)
    let example = Array(images.doubles.prefix(10))
    let features = try function.run(example).features[0]
    #expect(span.remainder(features).allSatisfy { abs($0) < 1e-10 })
    let other = try function.run(example.map { $0 + 0.1 }).features[0]
    #expect(span.remainder(other).contains { abs($0) > 1e-3 })
    let single = try SingleGradient(weighted, backend: AttackedClient.backend)
    let shares = try (0..<4).map { label in
      try single.run(image: example, label: label)
      let rows = single.gradient(of: layer.classifier.weight)
      let squared = features.reduce(0) { $0 + $1 * $1 }
      let cotangent = (0..<64).map { unit in
        (0..<64).reduce(0) { $0 + rows[unit * 64 + $1] * features[$1] } / squared / 5
      }
      if label == 0 {
        let left = span.without(features: features, cotangent: cotangent, times: 1)
        #expect(left?.rank == 4)
      }
      return span.share(features: features, cotangent: cotangent)
    }
    #expect(abs(shares[0] - 1) < 1e-8 && shares.dropFirst().allSatisfy { abs($0 - 1) > 0.02 })
  }

  @Test func tooManyExamplesAreRefused() throws {
    let model = try model(width: 24)
    let message = attackErrorMessage {
      _ = try solution(model, images(16, model), (0..<16).map { $0 % 4 })
    }
    #expect(message?.contains("too few to tell it") == true, "\(message ?? "")")
  }

  /// Noise leaves no span.
  @Test func noiseIsRefused() throws {
    let model = try model()
    let weighted = WeightedModel(untrained: model, seed: 5)
    let update = try weighted.share(
      images: images(8, model), labels: (0..<8).map { $0 % 4 }, backend: AttackedClient.backend)
    var source = RandomSource(seed: 1)
    let noisy = SharedUpdate(
      gradients: update.gradients.map { tensor in
        Tensor(tensor.shape, .f64(tensor.doubles.map { $0 + 1e-3 * source.normal() }))
      }, batchSize: 8)
    #expect(throws: AttackError.self) {
      _ = try AttackProblem(
        weighted, update: noisy, configuration: AttackConfiguration(attack: .span),
        backend: AttackedClient.backend
      ).run()
    }
  }
}
