import Clients
import Solvers
import TensorGraph

/// A generator on its way, trained against the model that a federation shares: that is the discriminator, and it is to
/// say of the generator's pictures that they are of a class which only a victim has (Hitaj et al. 2017, arXiv
/// 1702.07464, section 5 and algorithm 1).
package final class GeneratorTraining {
  /// Pictures of each step.
  package static let batchSize = 32
  /// β₁ of Adam, as Radford et al. 2016 (section 4) have it for generators.
  private static let momentum = 0.5

  private let generator: PictureGenerator
  private let name: String
  private let training: CompiledFunction
  private let drawing: CompiledFunction
  private let noise: ValueHandle
  private let own: [ValueHandle]
  private let shared: [ValueHandle]
  private let outputs:
    (pictures: ValueHandle, loss: ValueHandle, score: ValueHandle, gradients: [ValueHandle])
  private var steps: ClientSteps<PlainNumbers>
  /// The generator's, in f32.
  private var weights: [Tensor]
  private var source: RandomSource

  /// What became of some steps.
  package struct Progress: Sendable {
    /// The last step's mean cross entropy of the model's answers with the class.
    package let loss: Double
    /// The mean probability that the model then gave the class, 0...1.
    package let score: Double
  }

  /// - Parameters:
  ///   - weighted: the shared model before its training.
  ///   - seed: of the generator's weights and all noise.
  /// - Throws: ``AttackError`` when the backend cannot run the graph, or the learning rate is out of range.
  package init(
    _ weighted: WeightedModel, _ settings: GANSettings, seed: UInt64, backend: any Backend
  ) throws(AttackError) {
    let model = weighted.model
    let generator = PictureGenerator(model.inputShape)
    let count = GeneratorTraining.batchSize
    let builder = GraphBuilder()
    let noise = builder.input("noise", [count, PictureGenerator.latentSize], .f32)
    let own = generator.parameters.map { builder.input("generator." + $0.name, $0.shape, .f32) }
    let pictures = generator.pictures(noise, parameters: own)
    // Of the inputs that are declared so far.
    let drawn = builder.function(computing: [pictures])
    let shared = model.parameters.map { builder.input($0.name, $0.shape, .f32, role: .fixed) }
    let buffers = model.buffers.map { builder.input($0.name, $0.shape, .f32, role: .fixed) }
    let logits = model.forward(pictures, parameters: shared, buffers: buffers)
    let target = settings.targetClass
    let loss = logits.crossEntropy(
      classIndices: builder.constant(Double(target), [count], .i32))
    let score = logits.softmax().slice(axis: 1, target..<target + 1).mean()
    let gradients = loss.gradient(withRespectTo: own)
    (training, drawing) = try AttackError.naming(model.name, "used as a discriminator") {
      () throws(GraphError) in
      (
        try CompiledFunction(
          builder.function(computing: [loss, score] + gradients), on: backend),
        try CompiledFunction(drawn, on: backend)
      )
    }
    training.bind(buffers.map(\.handle), to: weighted.buffers)
    self.generator = generator
    name = model.name
    self.noise = noise.handle
    self.own = own.map(\.handle)
    self.shared = shared.map(\.handle)
    outputs = (pictures.handle, loss.handle, score.handle, gradients.map(\.handle))
    let root = RandomSource(seed: seed).derive(label: "generator")
    weights = generator.parameters.map { spec in
      var stream = root.derive(label: spec.name)
      return spec.initializer.tensor(spec.shape, .f32, from: &stream)
    }
    source = root.derive(label: "noise")
    let rule = StepRule(
      try ClientOptimizer(.adam, [.beta1: GeneratorTraining.momentum]))
    let local = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, learningRate: settings.generatorRate, by: rule)
    steps = ClientSteps(local, from: weights.map { PlainNumbers($0.doubles) })
  }

  /// Trains the generator against the model as it is now.
  ///
  /// - Parameters:
  ///   - count: of steps, 1 or more.
  ///   - weights: the model's, one f32 tensor for each parameter.
  /// - Throws: ``AttackError`` when the backend fails.
  package func train(
    steps count: Int, against weights: [Tensor]
  ) throws(AttackError) -> Progress {
    try AttackError.naming(name, "used as a discriminator") { () throws(GraphError) in
      training.bind(shared, to: weights)
      for _ in 0..<count {
        training.bind(noise, to: nextNoise())
        training.bind(own, to: self.weights)
        try training.run()
        steps.step([outputs.gradients.map { PlainNumbers(training.read($0).doubles) }])
        self.weights = zip(self.weights, steps.weights).map {
          Tensor($0.shape, .f32, $1.elements)
        }
        steps.weights = self.weights.map { PlainNumbers($0.doubles) }
      }
      return Progress(
        loss: training.read(outputs.loss).scalarValue,
        score: training.read(outputs.score).scalarValue)
    }
  }

  /// The generator's pictures of fresh noise, labelled.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  package func pictures(_ count: Int, label: Int) throws(AttackError) -> TrainingSet {
    try AttackError.naming(name, "used as a discriminator") { () throws(GraphError) in
      let size = generator.shape.elementCount
      var pixels: [Float] = []
      drawing.bind(own, to: weights)
      while pixels.count < count * size {
        drawing.bind(noise, to: nextNoise())
        try drawing.run()
        pixels += drawing.read(outputs.pictures).doubles.map { Float($0) }
      }
      return TrainingSet(
        shape: generator.shape, pixels: Array(pixels.prefix(count * size)),
        labels: [Int](repeating: label, count: count))
    }
  }

  private func nextNoise() -> Tensor {
    source.normalTensor(
      [GeneratorTraining.batchSize, PictureGenerator.latentSize], .f32, standardDeviation: 1)
  }
}
