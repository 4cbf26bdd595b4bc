import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

/// Parts of plans against PyTorch, by scripts/fixtures/plans.py.
@Suite struct PlanGoldenTests {
  static let golden = try? SafetensorsFile(
    contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/plans/convnet.safetensors").path
  ).tensors()

  /// The script's model and private batch, and a plan's function on it in f64.
  private struct Setup {
    let model: Model
    let weighted: WeightedModel
    let update: SharedUpdate
    let images: Tensor
    let labels: [Int]

    init() throws {
      model = try #require(ModelCase.all.first { $0.name == "convnet" }).model()
      let state = model.fixtureState
      weighted = WeightedModel(
        model: model, parameters: Array(state[..<model.parameters.count]),
        buffers: Array(state[model.parameters.count...]))
      let batch = model.fixtureBatch(2)
      images = batch.images
      labels = batch.labels.doubles.map { Int($0) }
      update = try weighted.share(
        images: images, labels: labels, backend: AttackedClient.backend)
    }

    func function(
      _ plan: OptimizationPlan, precision: Precision = .f64, scale: Double = 1,
      training: LocalTraining? = nil
    ) throws -> PlanFunction {
      let names = model.parameters.map(\.name)
      let beginnings = plan.objective.parameters
      let matched = names.indices.filter { index in
        beginnings.isEmpty || beginnings.contains { names[index].hasPrefix($0) }
      }
      let classifier = try #require(model.classifier)
      let (rows, sums) = (
        update.gradients[classifier.weight], update.gradients[try #require(classifier.bias)].doubles
      )
      let width = rows.shape[1]
      let features = labels.flatMap { label in
        (0..<width).map { rows.doubles[label * width + $0] / sums[label] }
      }
      let update = SharedUpdate(gradients: update.gradients, batchSize: 2, training: training)
      return try PlanFunction(
        plan, problem(weighted, update),
        PlanFunction.Known(
          labels: labels, matched: matched, features: Tensor([2, width], .f64(features))),
        scale: scale, precision: precision)
    }

    /// Value and gradient at a point.
    func evaluate(
      _ function: PlanFunction, at point: [Double]
    ) throws -> (value: Double, gradient: [Double]) {
      var gradient = [Double](repeating: .nan, count: function.dimension)
      let value = try point.withUnsafeBufferPointer { point in
        try gradient.withUnsafeMutableBufferPointer {
          try function.evaluate(at: point, gradient: $0)
        }
      }
      return (value, gradient)
    }
  }

  /// A plan that holds one part alone.
  struct Part: CustomTestStringConvertible, Sendable {
    let name: String
    let plan: OptimizationPlan
    var testDescription: String { name }

    init(_ name: String, _ change: (inout OptimizationPlan) -> Void) {
      self.name = name
      var plan = OptimizationPlan()
      change(&plan)
      self.plan = plan
    }

    static let objectives: [Part] = [
      Part("l2") { $0.objective.kind = .l2 },
      Part("l1") { $0.objective.kind = .l1 },
      Part("tag") {
        $0.objective.kind = .tag
        $0.objective.layerWeights = .linear
      },
      Part("cosine") { $0.objective.kind = .cosine },
      Part("layerCosine") {
        $0.objective.kind = .layerCosine
        $0.objective.layerWeights = .exponential
      },
      Part("maskedCosine") {
        $0.objective.kind = .maskedCosine
        $0.objective.maskBelow = 1e-2
      },
      Part("angular") { $0.objective.kind = .angular },
      Part("subset") {
        $0.objective.kind = .l2
        $0.objective.parameters = ["model.conv1", "model.linear"]
      },
    ]

    static let priors: [Part] = [
      Part("anisotropic") { $0.prior.totalVariation.weight = 1 },
      Part("isotropic") {
        $0.prior.totalVariation = .init(weight: 1, innerExponent: 2, outerExponent: 0.5)
      },
      Part("opponents") {
        $0.prior.totalVariation = .init(
          weight: 1, innerExponent: 1.5, outerExponent: 0.7, colorOpponents: true)
      },
      Part("norm2") { $0.prior.norm.weight = 1 },
      Part("norm3") { $0.prior.norm = .init(weight: 1, exponent: 3) },
      Part("batchNorm") { $0.prior.batchNorm.weight = 1 },
      Part("features") { $0.prior.features.weight = 1 },
      Part("orthogonality") { $0.prior.orthogonality.weight = 1 },
      Part("box") { $0.prior.box.weight = 1 },
      Part("label") { $0.prior.label.weight = 1 },
    ].map { part in
      Part(part.name) {
        $0 = part.plan
        $0.objective.weight = 0
      }
    }
  }

  @Test(arguments: Part.objectives + Part.priors) func agreesWithPyTorch(_ part: Part) throws {
    let setup = try Setup()
    let golden = try #require(Self.golden)
    let dummy = noise(setup.images.shape, 2).doubles.map { 0.5 + $0 }
    let found = try setup.evaluate(try setup.function(part.plan), at: dummy)
    let value = try #require(golden["value.\(part.name)"]).scalarValue
    #expect(abs(found.value - value) <= 1e-9 * abs(value))
    let gradient = Tensor(setup.images.shape, .f64(found.gradient))
    #expect(relativeError(gradient, golden["gradient.\(part.name)"]) < 1e-9)
    // Single precision computes the same; differences of nearly equal gradients lose digits.
    let single = try setup.evaluate(try setup.function(part.plan, precision: .f32), at: dummy)
    #expect(
      relativeError(
        Tensor(setup.images.shape, .f64(single.gradient)), golden["gradient.\(part.name)"]) < 2e-3)
  }

  @Test func groupAgreesWithPyTorch() throws {
    let setup = try Setup()
    let golden = try #require(Self.golden)
    var plan = OptimizationPlan()
    plan.objective.weight = 0
    plan.prior.group = .init(weight: 1, seeds: 2)
    let found = try setup.evaluate(
      try setup.function(plan), at: noise([4, 3, 11, 9], 7).doubles)
    let value = try #require(golden["value.group"]).scalarValue
    #expect(abs(found.value - value) <= 1e-9 * value)
    #expect(
      relativeError(
        Tensor([4, 3, 11, 9], .f64(found.gradient)), golden["gradient.group"]) < 1e-9)
  }

  /// Three epochs' dummies side by side: what makes them alike, and the update they come to.
  @Test(arguments: ["epochOrder.mean", "epochOrder.max", "epochs"])
  func separateEpochsAgreeWithPyTorch(_ name: String) throws {
    let setup = try Setup()
    let golden = try #require(Self.golden)
    var plan = OptimizationPlan()
    plan.epochs = .separate
    plan.objective.kind = .l2
    if name != "epochs" {
      plan.objective.weight = 0
      plan.prior.epochOrder = .init(weight: 1, aggregate: name.hasSuffix("max") ? .max : .mean)
    }
    let training = try LocalTraining(
      exampleCount: 2, miniBatchSize: 1, epochs: 3, learningRate: 0.1, isOrderKnown: false)
    let dummies = noise([6, 3, 11, 9], 9).doubles.map { 0.5 + $0 }
    let found = try setup.evaluate(try setup.function(plan, training: training), at: dummies)
    let value = try #require(golden["value.\(name)"]).scalarValue
    #expect(abs(found.value - value) <= 1e-9 * value)
    #expect(
      relativeError(
        Tensor([6, 3, 11, 9], .f64(found.gradient)), golden["gradient.\(name)"]) < 1e-9)
  }

  /// At the private batch the dummy gradient is the shared one. The objectives that bend there, by an
  /// absolute value or an arc cosine, have a derivative of 0 by convention.
  @Test(arguments: Part.objectives) func vanishesAtTheTruth(_ part: Part) throws {
    let setup = try Setup()
    let function = try setup.function(part.plan)
    let found = try setup.evaluate(function, at: setup.images.doubles)
    #expect(function.seeds[0].squaredDistance < 1e-25)
    // The clamp of the angle's cosine, 1e-7 below 1, leaves √2e-7 / π.
    #expect(abs(found.value) < (part.name == "angular" ? 2e-4 : 1e-12))
    let scale =
      try setup.evaluate(function, at: noise(setup.images.shape, 2).doubles).gradient
      .map(abs).max() ?? 0
    #expect(found.gradient.allSatisfy { abs($0) < 1e-6 * scale })
  }

  @Test(arguments: ["signed", "plain"]) func trajectoryAgreesWithPyTorch(_ name: String) throws {
    let setup = try Setup()
    let golden = try #require(Self.golden)
    let (points, values) = (
      try #require(golden["trajectory.\(name)"]), try #require(golden["values.\(name)"]).doubles
    )
    let shape = setup.images.shape
    var plan = OptimizationPlan()
    var solver: Adam
    if name == "signed" {
      plan.prior.totalVariation.weight = 0.01
      solver = Adam(rate: 0.1, schedule: .steps, gradientForm: .sign)
    } else {
      plan.objective.kind = .l2
      plan.objective.weight = 1e-2
      plan.prior.totalVariation = .init(weight: 0.1, innerExponent: 2, outerExponent: 0.5)
      solver = Adam(rate: 0.05, schedule: .cosine)
      solver.warmUp = 4
      solver.clipNorm = 0.02
      solver.weightDecay = 0.1
    }
    solver.constraint = PixelConstraint(shape: shape)
    let start = noise(shape, 6).doubles.map { 0.5 + 0.5 * $0 }
    let count = shape.elementCount
    var steps = 0
    _ = try solver.minimize(
      try setup.function(plan), from: start,
      until: StoppingRule(iterations: 10, solvedBelow: -.infinity, stagnationWindow: 0)
    ) { progress, point in
      let index = progress.iteration
      let expected = Tensor(shape, .f64(Array(points.doubles[index * count..<(index + 1) * count])))
      #expect(relativeError(Tensor(shape, .f64(Array(point))), expected) < 1e-9, "step \(index)")
      #expect(abs(progress.value - values[index]) < 1e-9 * values[index], "step \(index)")
      steps += 1
      return .proceed
    }
    #expect(steps == 11)
  }

  /// Sought at half the size, the images are the enlarged dummy, for the graph as for the host.
  @Test func enlargesAlikeInGraphAndHost() throws {
    let (old, new) = (Shape([2, 3, 5, 4]), Shape([2, 3, 11, 9]))
    let builder = GraphBuilder()
    let input = builder.input("x", old, .f64)
    let graph = builder.build(outputs: [input.enlarged(to: new)])
    let small = noise(old, 8)
    let inGraph = try ReferenceInterpreter().evaluate(graph, [small])[0]
    let onHost = Tensor(new, .f64(small.doubles.resized(from: old, to: new)))
    #expect(relativeError(onHost, inGraph) < 1e-14)
    #expect(inGraph.doubles.max() ?? 2 <= small.doubles.max() ?? 0)
  }
}
