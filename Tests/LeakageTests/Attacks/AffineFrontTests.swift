import Attacks
import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

/// Rows through embeddings: exact inputs from the first fully connected layer, and which words occur.
@Suite struct AffineFrontTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))
  private let blocks = [1..<7, 7..<9, 10..<15]

  /// Two numbers and three columns of words, of 6, 2 and 5.
  private func model(_ activation: Activation = .relu) throws -> WeightedModel {
    var options = ModelOptions(
      inputShape: [1, 1, 15], classCount: 3, activation: activation, width: 96, depth: 2)
    options.embedded = blocks
    return WeightedModel(
      untrained: try ModelCatalog.model(named: "entity-mlp", options), seed: 4)
  }

  private func rows(_ count: Int, words: Int = 6) -> Tensor {
    var source = RandomSource(seed: 9)
    let elements = (0..<count).flatMap { _ in
      var row = [Double](repeating: 0, count: 15)
      for input in [0, 9] { row[input] = source.normal() }
      for block in blocks {
        row[block.lowerBound + source.integer(below: min(block.count, words))] = 1
      }
      return row
    }
    return Tensor([count, 1, 1, 15], .f64(elements))
  }

  @Test func embeddingsAreNamedAndSmallerThanTheirWords() throws {
    let parameters = try model().model.parameters
    #expect(
      parameters.map(\.name).prefix(4)
        == ["embeddings.0.weight", "embeddings.1.weight", "embeddings.2.weight", "linear0.weight"])
    // round(1.6 n^0.56), n at most.
    #expect(parameters.map(\.shape).prefix(3) == [[6, 4], [2, 2], [5, 4]])
    #expect(parameters[3].shape == [96, 12])
  }

  @Test func oneRowIsReadOffThroughItsEmbeddings() throws {
    let weighted = try model(.sigmoid)
    let row = rows(1)
    let update = try weighted.share(images: row, labels: [2], backend: backend)
    let found = try LinearLayerLeak(weighted, backend: backend).reconstruct(update)
    #expect(zip(found.image.doubles, row.doubles).allSatisfy { abs($0 - $1) < 1e-9 })
    #expect(found.label == 2)
  }

  @Test func batchesAreReadOffThroughTheirEmbeddings() throws {
    let weighted = try model()
    let (batch, labels) = (rows(5), [0, 1, 2, 1, 0])
    let update = try weighted.share(images: batch, labels: labels, backend: backend)
    let found = try Spear(weighted, backend: backend).reconstruct(update, seed: 1)
    func set(_ tensor: Tensor) -> [[Double]] {
      (0..<5).map { Array(tensor.doubles[$0 * 15..<($0 + 1) * 15]) }
    }
    for row in set(batch) {
      #expect(set(found.images).contains { zip($0, row).allSatisfy { abs($0 - $1) < 1e-6 } })
    }
  }

  /// A layer before which there is a nonlinear one is no first layer.
  @Test func anotherFrontIsRefused() throws {
    let lenet = try ModelCatalog.model(named: "lenet", ModelOptions(inputShape: [3, 8, 8]))
    #expect(throws: AttackError.self) {
      try LinearLayerLeak(WeightedModel(untrained: lenet, seed: 0), backend: backend)
    }
  }

  @Test func zerosTellWhichWordsOccur() throws {
    for name in ["mlp", "entity-mlp"] {
      var options = ModelOptions(
        inputShape: [1, 1, 15], classCount: 3, activation: .relu, width: 64, depth: 2)
      options.embedded = blocks
      let weighted = WeightedModel(
        untrained: try ModelCatalog.model(named: name, options), seed: 4)
      // So many rows that nothing else is exact, and words beyond the third do not occur.
      let batch = rows(40, words: 3)
      let update = try weighted.share(
        images: batch, labels: (0..<40).map { $0 % 3 }, backend: backend)
      let inputs = TouchedInputs(update, weighted.model)
      #expect(inputs.isTold)
      for block in blocks {
        for input in block {
          let occurs = (0..<40).contains { batch.doubles[$0 * 15 + input] != 0 }
          #expect(inputs.touched[input] == occurs)
        }
      }
      // Noise on every number leaves nothing to tell.
      let noisy = SharedUpdate(
        gradients: update.gradients.map { tensor in
          var source = RandomSource(seed: 1)
          return Tensor(tensor.shape, .f64(tensor.doubles.map { $0 + 1e-4 * source.normal() }))
        }, batchSize: 40)
      #expect(!TouchedInputs(noisy, weighted.model).isTold)
    }
  }
}
