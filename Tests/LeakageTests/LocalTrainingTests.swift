import Attacks
import CPUBackend
import Clients
import Foundation
import ModelIO
import TensorGraph
import Testing

/// Several local steps against PyTorch's SGD in f64 (scripts/fixtures/models-local-training.py).
@Suite struct LocalTrainingTests {
  private struct Case: CustomTestStringConvertible {
    let name: String
    let training: LocalTraining
    var testDescription: String { name }

    init(
      _ name: String, _ size: Int, epochs: Int, rate: Double, momentum: Double = 0,
      decay: Double = 0, clients: [Int] = [4]
    ) throws {
      self.name = name
      training = try LocalTraining(
        clientSizes: clients, miniBatchSize: size, epochs: epochs, learningRate: rate,
        by: StepRule(.sgd(momentum: momentum, weightDecay: decay)))
    }
  }

  private static func cases() throws -> [Case] {
    [
      try Case("one-step", 4, epochs: 1, rate: 0.3),
      try Case("two-batches", 2, epochs: 1, rate: 0.1),
      try Case("uneven", 3, epochs: 2, rate: 0.2),
      try Case("momentum", 2, epochs: 3, rate: 0.05, momentum: 0.9),
      try Case("decay", 2, epochs: 2, rate: 0.1, momentum: 0.5, decay: 0.01),
      try Case("clients", 1, epochs: 2, rate: 0.1, clients: [2, 2]),
      try Case(
        "uneven-clients", 2, epochs: 2, rate: 0.2, momentum: 0.9, decay: 0.01, clients: [3, 1]),
      try Case("clients-of-one-step", 4, epochs: 1, rate: 0.1, clients: [1, 3]),
    ]
  }

  private let model = Model(name: "tiny", inputShape: [1, 2, 2], classCount: 3) { scope, images in
    let x = images.reshape(to: [images.shape[0], 4])
    return scope["last"].linear(scope["first"].linear(x, to: 5).tanh(), to: 3)
  }

  @Test func updatesAndTheirDerivatives() throws {
    let golden = try SafetensorsFile(contentsOf: modelFixtures + "/local-training.safetensors")
      .tensors()
    let images = try #require(golden["images"])
    let labels = try #require(golden["labels"])
    let weights = try (0..<4).map { try #require(golden["weight.\($0)"]) }
    let targets = try (0..<4).map { try #require(golden["target.\($0)"]) }
    for item in try LocalTrainingTests.cases() {
      let builder = GraphBuilder()
      let x = builder.input("images", images.shape, .f64)
      let y = builder.input("labels", labels.shape, .i32)
      let parameters = weights.map { builder.input("weight", $0.shape, .f64, role: .fixed) }
      let goals = targets.map { builder.input("target", $0.shape, .f64, role: .fixed) }
      let update = model.clientUpdate(
        images: x, labels: y, labelForm: .classIndices, parameters: parameters, buffers: [],
        training: item.training
      ).gradients
      let distance = squaredDistance(update, goals)
      let graph = builder.build(
        outputs: [distance] + distance.gradient(withRespectTo: [x]) + update)
      for backend in [ReferenceInterpreter(), CPUBackend()] as [any Backend] {
        let results = try backend.evaluate(graph, [images, labels] + weights + targets)
        #expect(relativeError(results[0], golden["\(item.name).distance"]) < 1e-12, "\(item.name)")
        #expect(relativeError(results[1], golden["\(item.name).gradient"]) < 1e-11, "\(item.name)")
        for index in 0..<4 {
          #expect(
            relativeError(results[2 + index], golden["\(item.name).update.\(index)"]) < 1e-12,
            "\(item.name) \(index)")
        }
      }
    }
  }

  @Test func oneStepIsTheGradient() throws {
    #expect(
      try LocalTraining(exampleCount: 3, miniBatchSize: 8, learningRate: 0.1).steps == [[0, 1, 2]])
    #expect(
      try LocalTraining(exampleCount: 3, miniBatchSize: 2, epochs: 2, learningRate: 0.1).steps
        == [[0, 1], [2], [0, 1], [2]])
  }

  @Test func clientsHoldPartsOfTheBatch() throws {
    let training = try LocalTraining(
      clientSizes: [3, 1], miniBatchSize: 2, epochs: 2, learningRate: 0.1)
    #expect(training.clients == [[[0, 1], [2], [0, 1], [2]], [[3], [3]]])
    #expect(training.clientSizes == [3, 1])
    #expect(training.stepsPerClient == 4)
    #expect(training.description.hasPrefix("the mean of 2 clients with 3, 1 examples: 4 local"))
    let even = try LocalTraining(clientSizes: [1, 1], miniBatchSize: 1, learningRate: 1)
    #expect(even.description == "the mean of 2 clients with 1 example each, one gradient each")
    #expect(even.isOneStep && !even.isOneGradient)
  }

  @Test func numbersOutOfRangeAreRefused() {
    func message(_ make: () throws -> LocalTraining) -> String? {
      attackErrorMessage { _ = try make() }
    }
    #expect(
      message { try LocalTraining(exampleCount: 1, miniBatchSize: 1, learningRate: 0) }?
        .contains("learning rate is 0.0") == true)
    #expect(
      message {
        try LocalTraining(
          exampleCount: 1, miniBatchSize: 1, learningRate: 1, by: StepRule(.sgd(momentum: 1)))
      }?.contains("momentum is 1.0") == true)
    #expect(
      message {
        try LocalTraining(
          exampleCount: 1, miniBatchSize: 1, learningRate: 1, by: StepRule(.sgd(weightDecay: -1)))
      }?.contains("weight decay is -1.0") == true)
    #expect(
      message { try LocalTraining(exampleCount: 1, miniBatchSize: 0, learningRate: 1) }?
        .contains("mini-batches of 0") == true)
    #expect(
      message {
        try LocalTraining(exampleCount: 300, miniBatchSize: 1, learningRate: 1)
      }?.contains("300 local steps") == true)
    #expect(
      message {
        try LocalTraining(clientSizes: [2, 0], miniBatchSize: 1, learningRate: 1)
      }?.contains("out of 2 and 0 examples") == true)
    #expect(
      message {
        try LocalTraining(
          clientSizes: Array(repeating: 1, count: 201), miniBatchSize: 1, learningRate: 1)
      }?.contains("201 local steps") == true)
  }
}
