import CPUBackend
import TensorGraph
import Testing

@testable import Leakage

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
}
