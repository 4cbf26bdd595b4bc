import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients

/// Clients' optimisers against PyTorch's in f64 (scripts/fixtures/models-optimizers.py).
@Suite struct ClientOptimizerTests {
  private typealias Settings = [ClientOptimizer.Setting: Double]
  private static let optimizers: [String: (ClientOptimizer.Name, Settings)] = [
    "sgd": (.sgd, [:]),
    "nesterov": (.sgd, [.momentum: 0.9, .nesterov: 1, .weightDecay: 0.01]),
    "adam": (.adam, [:]),
    "adam-decay": (.adam, [.weightDecay: 0.1, .beta1: 0.8, .beta2: 0.99, .epsilon: 1e-6]),
    "amsgrad": (.adam, [.amsgrad: 1]),
    "adamw": (.adamW, [.weightDecay: 0.1]),
    "rmsprop": (.rmsProp, [:]),
    "rmsprop-centered": (.rmsProp, [.centered: 1, .weightDecay: 0.1, .alpha: 0.9]),
    "rmsprop-momentum": (.rmsProp, [.momentum: 0.9]),
  ]

  private static let model = Model(name: "tiny", inputShape: [1, 2, 2], classCount: 3) {
    scope, images in
    let x = images.reshape(to: [images.shape[0], 4])
    return scope["last"].linear(scope["first"].linear(x, to: 5).tanh(), to: 3)
  }

  private let golden: [String: Tensor]
  private let images: Tensor
  private let labels: Tensor
  private let weights: [Tensor]
  private let targets: [Tensor]

  init() throws {
    golden = try SafetensorsFile(contentsOf: modelFixtures + "/optimizers.safetensors").tensors()
    images = try #require(golden["images"])
    labels = try #require(golden["labels"])
    weights = try (0..<4).map { [golden] in try #require(golden["weight.\($0)"]) }
    targets = try (0..<4).map { [golden] in try #require(golden["target.\($0)"]) }
  }

  /// The training that a case's name says.
  private func training(_ name: String) throws -> LocalTraining {
    let parts = name.split(separator: "/").map(String.init)
    let (kind, settings) = try #require(ClientOptimizerTests.optimizers[parts[0]])
    var rule = StepRule(try ClientOptimizer(kind, settings))
    var (steps, size) = (Int(parts[1]) ?? 3, 4)
    switch parts[1] {
    case "clip-norm": rule.clipNorm = 0.05
    case "clip-norm-loose": (rule.clipNorm, steps) = (5, 2)
    case "clip-value": rule.clipValue = 0.02
    case "accumulate": (rule.accumulation, size) = (2, 2)
    case "proximal": rule.proximal = 0.5
    case "proximal-clipped": (rule.proximal, rule.clipNorm) = (5, 0.05)
    case "step": (rule.schedule, steps) = (.step(size: 2, factor: 0.5), 5)
    case "cosine": (rule.schedule, steps) = (.cosine(steps: 6, least: 0.1), 5)
    case "linear": (rule.schedule, steps) = (.linear(steps: 7, warmUp: 2), 5)
    case "state":
      steps = 2
      let tensors = try rule.optimizer.stateNames.map { key in
        (key, try (0..<4).map { try #require(golden["\(name).\(key).\($0)"]) })
      }
      rule.state = OptimizerState(step: 4, tensors: Dictionary(uniqueKeysWithValues: tensors))
    default: break
    }
    return try LocalTraining(
      exampleCount: 4, miniBatchSize: size, epochs: steps, learningRate: 0.01, by: rule)
  }

  @Test func updatesAndTheirDerivatives() throws {
    let names = Set(golden.keys.filter { $0.contains("/") }.map { $0.prefix { $0 != "." } })
    #expect(names.count == 60)
    for name in names.map(String.init).sorted() {
      let training = try training(name)
      let builder = GraphBuilder()
      let x = builder.input("images", images.shape, .f64)
      let y = builder.input("labels", labels.shape, .i32)
      let parameters = weights.map { builder.input("weight", $0.shape, .f64, role: .fixed) }
      let model = ClientOptimizerTests.model
      let state = model.trainedBuffers(training).map {
        builder.input($0.name, $0.shape, .f64, role: .fixed)
      }
      let goals = targets.map { builder.input("target", $0.shape, .f64, role: .fixed) }
      let update = model.clientUpdate(
        images: x, labels: y, labelForm: .classIndices, parameters: parameters, buffers: state,
        training: training
      ).gradients
      let distance = squaredDistance(update, goals)
      let graph = builder.build(outputs: distance.gradient(withRespectTo: [x]) + update)
      let weighted = WeightedModel(model: model, parameters: weights, buffers: [])
      let results = try CPUBackend().evaluate(
        graph, [images, labels] + weights + weighted.trainedBuffers(training) + targets)
      // The goldens are differences.
      #expect(relativeError(results[0], golden["\(name).gradient"]) < 1e-5, "\(name)")
      for index in 0..<4 {
        let error = relativeError(results[1 + index], golden["\(name).update.\(index)"])
        #expect(error < 1e-11, "\(name) \(index)")
      }
    }
  }

  /// Plain numbers take the steps of the graph.
  @Test func plainNumbersTakeTheSameSteps() throws {
    for name in ["adam/3", "adamw/linear", "rmsprop-centered/10", "nesterov/3", "amsgrad/10"] {
      let training = try training(name)
      let client = ClientGradientGraph(
        ClientOptimizerTests.model, batchSize: 4, labelForm: .classIndices, dtype: .f64)
      var steps = ClientSteps(training, from: weights.map { PlainNumbers($0.doubles) })
      for _ in 0..<training.stepsPerClient {
        let outputs = try ReferenceInterpreter().evaluate(
          client.function,
          [images, labels]
            + zip(weights, steps.weights).map { Tensor($0.shape, .f64($1.elements)) })
        steps.step([client.gradients.map { PlainNumbers(outputs($0).doubles) }])
      }
      for (index, update) in steps.update.enumerated() {
        let found = Tensor(weights[index].shape, .f64(update.elements))
        #expect(relativeError(found, golden["\(name).update.\(index)"]) < 1e-10, "\(name)")
      }
    }
  }

  // MARK: - Derivatives at and near 0

  /// A fresh step of one number, and its derivatives by differences, orders 1 to 3.
  @Test(arguments: ["adam", "rmsprop", "rmsprop-centered", "adam-decay"])
  func derivativesOfTheFirstStep(_ name: String) throws {
    let (kind, settings) = try #require(ClientOptimizerTests.optimizers[name])
    var free = settings
    free[.weightDecay] = nil
    free[.epsilon] = 1e-3
    let optimizer = try ClientOptimizer(kind, free)
    func move(_ gradient: Value) -> Value {
      var state: [String: Value] = [:]
      return optimizer.rule.move(
        gradient.filled(with: 0), gradient: gradient, state: &state, step: 1, width: nil, optimizer)
    }
    let points = [-0.02, -1e-3, -1e-5, 1e-5, 3e-4, 1e-3, 0.02]
    try checkDerivatives(points, move)
    // On both sides of 0 the slope is 1 / eps.
    let slope = try derivatives(at: [0], move)[0][0]
    #expect(abs(slope - 1e3) < 1e-9)
  }

  /// A second step, whose average of squares may be 0.
  @Test func derivativesOfTheSecondStep() throws {
    let optimizer = try ClientOptimizer(.adam, [.epsilon: 1e-3])
    func move(_ gradient: Value) -> Value {
      var state: [String: Value] = [:]
      let zero = gradient.filled(with: 0)
      _ = optimizer.rule.move(
        zero, gradient: gradient * 2, state: &state, step: 1, width: nil, optimizer)
      return optimizer.rule.move(
        zero, gradient: gradient, state: &state, step: 2, width: nil, optimizer)
    }
    try checkDerivatives([-0.02, -1e-3, 1e-4, 1e-3, 0.02], move)
    let all = try derivatives(at: [0], move)
    // m̂ / eps: (0.9 · 0.2 + 0.1) / 0.19 / 1e-3.
    #expect(abs(all[0][0] - 0.28 / 0.19 / 1e-3) < 1e-6 && all.allSatisfy { $0[0].isFinite })
  }

  /// In both precisions everything is finite at gradients of exactly 0 and next to nothing.
  @Test(arguments: [DType.f32, .f64], [ClientOptimizer.Name.adam, .adamW, .rmsProp])
  func smallGradientsAreFinite(_ dtype: DType, _ name: ClientOptimizer.Name) throws {
    let optimizer = try ClientOptimizer(name, name == .rmsProp ? [.centered: 1] : [:])
    let builder = GraphBuilder()
    let gradient = builder.input("gradient", [6], dtype)
    var state: [String: Value] = [:]
    let zero = gradient.filled(with: 0)
    var sum = zero
    for step in 1...3 {
      sum =
        sum
        + optimizer.rule.move(
          zero, gradient: gradient, state: &state, step: step, width: nil,
          optimizer)
    }
    let slope = sum.sum().gradient(withRespectTo: [gradient])[0]
    let outputs = try CPUBackend().evaluate(
      builder.build(outputs: [sum, slope]),
      [Tensor([6], dtype, [0, 1e-30, -1e-18, 1e-12, 1e-9, 1])])
    #expect(outputs.allSatisfy { $0.doubles.allSatisfy(\.isFinite) }, "\(outputs)")
    #expect(outputs[0].doubles[0] == 0 && outputs[1].doubles[0] > 1e8)
  }

  /// Derivatives of orders 1 to 3 at points.
  private func derivatives(at points: [Double], _ function: (Value) -> Value) throws -> [[Double]] {
    let builder = GraphBuilder()
    let x = builder.input("x", [points.count], .f64)
    var (value, outputs) = (function(x), [Value]())
    for _ in 0..<3 {
      value = value.sum().gradient(withRespectTo: [x])[0]
      outputs.append(value)
    }
    return try ReferenceInterpreter().evaluate(
      builder.build(outputs: outputs), [Tensor([points.count], .f64(points))]
    ).map(\.doubles)
  }

  private func checkDerivatives(_ points: [Double], _ function: (Value) -> Value) throws {
    let found = try derivatives(at: points, function)
    let builder = GraphBuilder()
    let x = builder.input("x", [points.count], .f64)
    let graph = builder.build(outputs: [function(x)])
    func values(_ points: [Double]) throws -> [Double] {
      try ReferenceInterpreter().evaluate(graph, [Tensor([points.count], .f64(points))])[0].doubles
    }
    let steps = points.map { abs($0) * 1e-2 }
    func at(_ multiple: Double) throws -> [Double] {
      try values(zip(points, steps).map { $0 + multiple * $1 })
    }
    let (a, b, c, d, e) = try (at(-2), at(-1), at(0), at(1), at(2))
    for (index, h) in steps.enumerated() {
      let first = (8 * (d[index] - b[index]) - (e[index] - a[index])) / (12 * h)
      let second = (d[index] - 2 * c[index] + b[index]) / (h * h)
      let third = (e[index] - 2 * d[index] + 2 * b[index] - a[index]) / (2 * h * h * h)
      for (order, expected) in [first, second, third].enumerated() {
        let scale = abs(found[order][index])
        #expect(
          abs(found[order][index] - expected) <= [1e-5, 1e-2, 5e-2][order] * scale + 1e-9,
          "order \(order + 1) at \(points[index]): \(found[order][index]), \(expected)")
      }
    }
  }

  // MARK: - Settings

  @Test func schedules() throws {
    for text in ["constant", "step:3:0.5", "cosine:10", "cosine:10:0.01", "linear:9", "linear:9:2"]
    {
      #expect(try LearningRateSchedule(text).description == text)
    }
    #expect(try LearningRateSchedule("step:3") == .step(size: 3, factor: 0.1))
    for text in [
      "", "cos:3", "step", "step:0", "cosine:5:2", "linear:5:5", "linear:5:x", "step:1:1:1",
    ] {
      let message = attackErrorMessage { _ = try LearningRateSchedule(text) }
      #expect(message?.contains("is no schedule of learning rates") == true, "\(text)")
    }
  }

  @Test func settingsThatDoNotFitAreRefused() {
    func message(_ name: String, _ settings: [ClientOptimizer.Setting: Double]) -> String? {
      attackErrorMessage {
        _ = try ClientOptimizer(ClientOptimizer.Name(rawValue: name), settings)
      }
    }
    #expect(message("adma", [:])?.contains("did you mean adam?") == true)
    #expect(
      message("adam", [.momentum: 0.9])?.contains("momentum is a setting of sgd and rmsprop")
        == true)
    #expect(message("adam", [.beta2: 1])?.contains("beta2 is 1.0; give a number from 0") == true)
    #expect(message("adamw", [.epsilon: 0])?.contains("eps is 0.0; give a number above 0") == true)
    #expect(message("sgd", [.nesterov: 1])?.contains("nesterov is a form of momentum") == true)
    func rule(_ change: (inout StepRule) -> Void) -> String? {
      var rule = StepRule()
      change(&rule)
      return attackErrorMessage {
        _ = try LocalTraining(
          exampleCount: 3, miniBatchSize: 1, learningRate: 0.1, by: rule)
      }
    }
    #expect(rule { $0.accumulation = 2 }?.contains("give a number that divides it") == true)
    #expect(rule { ($0.clipNorm, $0.clipValue) = (1, 1) }?.contains("give one of both") == true)
    #expect(rule { $0.clipNorm = 0 }?.contains("norm of 0.0") == true)
    #expect(rule { $0.proximal = -1 }?.contains("proximal term is -1.0") == true)
    let state = OptimizerState(step: 1, tensors: ["momentum_buffer": []])
    #expect(rule { $0.state = state }?.contains("SGD keeps no state") == true)
    #expect(
      rule {
        ($0.optimizer, $0.state) = ((try? ClientOptimizer(.adam)) ?? .plain, state)
      }?.contains("has momentum_buffer, and Adam keeps exp_avg, exp_avg_sq") == true)
  }

  @Test func rulesAreDescribed() throws {
    let training = try LocalTraining(
      exampleCount: 2, miniBatchSize: 1, learningRate: 1e-3,
      by: StepRule(
        ClientOptimizer(.adamW, [.beta2: 0.99]), schedule: .cosine(steps: 9, least: 0),
        accumulation: 2, clipNorm: 1, proximal: 0.5))
    #expect(
      training.description
        == "1 local step (1 epoch of mini-batches of 1), learning rate 0.001, AdamW with beta2 0.99, fresh, "
        + "schedule cosine:9, gradients of 2 mini-batches a step, gradients clipped to norm 1.0, "
        + "proximal term 0.5")
    #expect(!training.isOneStep && training.stepsPerClient == 1)
    let plain = try LocalTraining(exampleCount: 2, miniBatchSize: 2, learningRate: 1)
    #expect(plain.isOneGradient && plain.rule.isPlain)
  }
}
