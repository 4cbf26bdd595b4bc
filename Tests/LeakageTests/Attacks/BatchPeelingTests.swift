import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

@Suite struct BatchPeelingTests {
  private static let backend = AttackedClient.backend

  /// Six images of 12x12 pixels, whose second layer leaves its input open.
  private static func openEndedClient(width: Int = 8) throws -> AttackedClient {
    try AttackedClient(
      ModelCatalog.model(
        named: "lenet",
        ModelOptions(inputShape: [1, 12, 12], classCount: 10, width: width)),
      labels: [0, 1, 1, 4, 7, 9])
  }

  /// PSNR of the worst image, in whatever order they come.
  private func worst(_ result: AttackResult, _ client: AttackedClient) -> Double {
    let shape = client.weighted.model.inputShape
    func images(_ batch: Tensor) -> [Tensor] {
      let (elements, size) = (batch.doubles, shape.elementCount)
      return (0..<client.labels.count).map {
        Tensor(shape, .f64(Array(elements[$0 * size..<($0 + 1) * size])))
      }
    }
    let (found, truth) = (images(result.images), images(client.images))
    let match = matchBatch(reconstructions: found, originals: truth)
    return zip(truth, match).map { original, index in
      ImageMetrics.peakSignalToNoiseRatio(
        meanSquaredError: ImageMetrics.meanSquaredError(found[index], original))
    }.min() ?? 0
  }

  @Test(arguments: [Activation.sigmoid, .tanh, .leakyReLU, .softplus], [[0, 1], [3, 3]])
  func aSmallBatchIsReadInClosedForm(_ activation: Activation, _ labels: [Int]) throws {
    let client = try AttackedClient.leNet(activation, labels: labels)
    let result = try client.attack(AttackConfiguration(attack: .peeling))
    #expect(worst(result, client) > 80)
    #expect(result.labels == labels)
    #expect(result.trials.map(\.evaluations) == [1])
  }

  @Test func theAutomaticAttackReadsItToo() throws {
    let client = try AttackedClient.leNet(labels: [2, 0, 2])
    let result = try client.attack(AttackConfiguration(attack: .automatic))
    #expect(worst(result, client) > 100)
    #expect(result.trials.first?.method.name == "layer peeling")
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test func aFullyConnectedReLUNetworkIsReadToo() throws {
    let model = Model(name: "mlp", inputShape: [1, 6, 6], classCount: 6) { scope, images in
      let x = scope["first"].linear(images.reshape(to: [images.shape[0], 36]), to: 48).relu()
      return scope["last"].linear(x, to: 6)
    }
    let client = try AttackedClient(model, labels: [1, 5, 5, 0])
    let result = try client.attack(AttackConfiguration(attack: .peeling))
    #expect(worst(result, client) > 100)
  }

  @Test func whatLinearEquationsLeaveOpenIsSought() throws {
    let client = try BatchPeelingTests.openEndedClient()
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .peeling))
    }
    #expect(message?.contains("at body.2.weight") == true)
    #expect(message?.contains("too few for 6 examples") == true)
    let result = try client.attack(AttackConfiguration(attack: .automatic))
    #expect(worst(result, client) > 100)
    #expect(result.trials.map(\.method.name) == ["layer peeling + levenberg-marquardt"])
    #expect(result.labels == client.labels)
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test func theResidualsVanishAtTheTruthAndTheirDerivativesAreRight() throws {
    let client = try BatchPeelingTests.openEndedClient()
    let peeling = try LayerPeeling(
      model: client.weighted.model, batchSize: 6, backend: BatchPeelingTests.backend)
    let batch = try ExampleSeparation(client.weighted, backend: BatchPeelingTests.backend)
      .separate(client.update, knownLabels: client.labels, seed: 0)
    let outcome = try peeling.peel(
      from: LayerPeeling.Start(
        cotangent: batch.cotangents, value: batch.logits, labels: batch.labels),
      parameters: client.weighted.parameters, buffers: client.weighted.buffers,
      gradients: client.update.gradients, stopsWhenOpen: true)
    guard case .open(let end, let layers) = outcome else {
      Issue.record("the recursion did not end above the images")
      return
    }
    #expect(layers.map(\.name) == ["fc.0.weight", "body.4.weight"])
    let residuals = try OpenEndResiduals(
      peeling, end, client.weighted, client.update, backend: BatchPeelingTests.backend)
    let count = residuals.dimension
    var gradient = [Double](repeating: 0, count: count)
    func evaluate(_ point: [Double]) throws -> Double {
      try point.withUnsafeBufferPointer { point in
        try gradient.withUnsafeMutableBufferPointer {
          try residuals.evaluate(at: point, gradient: $0)
        }
      }
    }
    // The separation gives images of one label in either order.
    var truth = client.images.doubles
    let swapped =
      Array(truth[0..<144]) + Array(truth[288..<432]) + Array(truth[144..<288])
      + Array(truth[432...])
    if try evaluate(swapped) < evaluate(truth) { truth = swapped }
    let elsewhere = try evaluate([Double](repeating: 0.5, count: count))
    #expect(try evaluate(truth) < 1e-18 * elsewhere)
    #expect(gradient.map(abs).max() ?? 1 < 1e-7)

    // At the truth the Hessian is 2 JᵀJ: what the gradient changes by along a direction.
    var source = RandomSource(seed: 1)
    let direction = (0..<count).map { _ in source.normal() }
    let step = 1e-6
    _ = try evaluate(zip(truth, direction).map { $0 + step * $1 })
    let ahead = gradient
    _ = try evaluate(zip(truth, direction).map { $0 - step * $1 })
    let numeric = zip(ahead, gradient).map { ($0 - $1) / (4 * step) }
    var product = [Double](repeating: 0, count: count)
    try truth.withUnsafeBufferPointer { point in
      try direction.withUnsafeBufferPointer { direction in
        try product.withUnsafeMutableBufferPointer {
          try residuals.multiplyNormalMatrix(at: point, by: direction, into: $0)
        }
      }
    }
    let scale = product.map(abs).max() ?? 0
    #expect(zip(product, numeric).map { abs($0 - $1) }.max() ?? 1 < 1e-6 * scale)

    // The matrix's rows are the products with unit vectors.
    for dtype in [DType.f64, .f32] {
      let matrix = HostBuffer(TensorType([count, count], dtype))
      try truth.withUnsafeBufferPointer { point in
        try #require(
          try residuals.assembleNormalMatrix(at: point, into: matrix) { false })
        let rows = matrix.read().doubles
        for pixel in [0, 145, count - 1] {
          var unit = [Double](repeating: 0, count: count)
          unit[pixel] = 1
          try unit.withUnsafeBufferPointer { unit in
            try product.withUnsafeMutableBufferPointer {
              try residuals.multiplyNormalMatrix(at: point, by: unit, into: $0)
            }
          }
          let differences = (0..<count).map { abs(rows[pixel * count + $0] - product[$0]) }
          #expect(differences.max() ?? 1 < (dtype == .f64 ? 1e-12 : 1e-6) * scale)
        }
      }
    }
  }

  /// The gradient then has the rank of the images that differ.
  @Test func anImageThatStandsTwiceInABatchIsRead() throws {
    let client = try BatchPeelingTests.openEndedClient()
    let size = client.weighted.model.inputShape.elementCount
    var elements = client.images.doubles
    elements.replaceSubrange(5 * size..<6 * size, with: elements[0..<size])
    let update = try client.weighted.share(
      images: Tensor(client.images.shape, .f64(elements)), labels: client.labels,
      backend: BatchPeelingTests.backend)
    let batch = try ExampleSeparation(client.weighted, backend: BatchPeelingTests.backend)
      .separate(update, knownLabels: nil, seed: 0)
    #expect(batch.labels == client.labels)
    #expect(batch.relativeLoss < 1e-20)
    let result = try AttackProblem(
      client.weighted, update: update, configuration: AttackConfiguration(),
      backend: BatchPeelingTests.backend
    ).run()
    #expect(result.trials.map(\.method.name) == ["layer peeling + levenberg-marquardt"])
    #expect(result.diagnosis?.verdict == .recovered)
    let found = result.images.doubles
    #expect(zip(found[0..<size], found[(5 * size)...]).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func tooFewEquationsGiveTheSmoothestBatch() throws {
    let client = try BatchPeelingTests.openEndedClient(width: 2)
    let result = try client.attack(AttackConfiguration(attack: .automatic, trials: 1))
    #expect(result.diagnosis?.verdict == .notDetermined)
    #expect(result.images.doubles.allSatisfy { $0.isFinite })
  }

  @Test func aWrongBatchSizeIsNamed() throws {
    let client = try AttackedClient.leNet(labels: [0, 1, 3])
    let wrong = SharedUpdate(gradients: client.update.gradients, batchSize: 2)
    let message = attackErrorMessage {
      _ = try ExampleSeparation(client.weighted, backend: BatchPeelingTests.backend)
        .separate(wrong, knownLabels: nil, seed: 0)
    }
    #expect(message?.contains("no 2 examples") == true || message?.contains("rank") == true)
  }
}
