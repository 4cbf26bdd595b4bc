import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients

@Suite struct ExampleSeparationTests {
  /// Labels that differ, that repeat, and nearly as many images as classes.
  @Test(arguments: [[0, 3], [1, 1], [4, 2, 0], [2, 2, 2], [0, 1, 1, 3]])
  func tellsTheImagesOfABatchApart(_ labels: [Int]) throws {
    let client = try AttackedClient.leNet(labels: labels)
    let batch = try ExampleSeparation(client.weighted, backend: AttackedClient.backend)
      .separate(client.update, knownLabels: nil, seed: 0)
    #expect(batch.labels == labels.sorted())
    #expect(batch.relativeLoss < 1e-20)
    // The features of each image on its own, whose order within a label is open.
    let features = try labels.indices.map { index in
      let (images, size) = (client.images.doubles, client.weighted.model.inputShape.elementCount)
      let image = Tensor(
        Shape([1] + client.weighted.model.inputShape.dimensions),
        .f64(Array(images[index * size..<(index + 1) * size])))
      let alone = try client.weighted.share(
        images: image, labels: [labels[index]], backend: AttackedClient.backend)
      return try #require(ClassifierGradient(alone, client.weighted.model)?.features)
    }
    let width = features[0].count
    for (label, own) in zip(labels, features) {
      let distances = batch.labels.indices.map { index in
        batch.labels[index] == label
          ? zip(batch.features.doubles[index * width..<(index + 1) * width], own)
            .map { abs($0 - $1) }.max() ?? .infinity : .infinity
      }
      #expect(distances.min() ?? .infinity < 1e-7)
    }
  }

  /// A client that computed in f32, as most do.
  @Test(arguments: [[0, 3, 4], [2, 2]]) func toleratesTheRoundingOfF32(_ labels: [Int]) throws {
    let client = try AttackedClient.leNet(labels: labels)
    let single = try client.weighted.share(
      images: client.images.converted(to: .f32), labels: labels, backend: AttackedClient.backend)
    let update = SharedUpdate(
      gradients: single.gradients.map { $0.converted(to: .f64) }, batchSize: labels.count,
      relativeRounding: 1.2e-15)
    let batch = try ExampleSeparation(client.weighted, backend: AttackedClient.backend)
      .separate(update, knownLabels: nil, seed: 0)
    #expect(batch.labels == labels)
    #expect(batch.relativeLoss < 1e-11)
    let result = try AttackProblem(
      client.weighted, update: update, configuration: AttackConfiguration(),
      backend: AttackedClient.backend
    ).run()
    #expect(result.trials.first?.method.name == "layer peeling")
    #expect(result.labels == labels)
  }
}
