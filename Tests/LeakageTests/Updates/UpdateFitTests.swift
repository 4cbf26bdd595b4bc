import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

/// Updates that are not what they are said to be: what is said of them, and what is never said.
@Suite struct UpdateFitTests {
  private let client: AttackedClient
  private static let backend = AttackedClient.backend

  init() throws {
    client = try AttackedClient.leNet(labels: [3])
  }

  private func update(
    _ gradients: [Tensor], batchSize: Int = 1, training: LocalTraining? = nil,
    origin: SharedUpdate.Origin = .gradient
  ) -> SharedUpdate {
    SharedUpdate(gradients: gradients, batchSize: batchSize, training: training, origin: origin)
  }

  private func changed(_ change: (Int, Double) -> Double) -> [Tensor] {
    client.update.gradients.map { tensor in
      Tensor(tensor.shape, .f64(tensor.doubles.enumerated().map { change($0.offset, $0.element) }))
    }
  }

  private func misfit(_ update: SharedUpdate, labels: [Int]? = nil) -> UpdateMisfit? {
    UpdateFit.misfit(
      of: update, client.weighted, knownLabels: labels, backend: UpdateFitTests.backend)
  }

  /// The whole automatic attack, briefly.
  private func attack(_ update: SharedUpdate, labels: [Int]? = nil) throws -> AttackResult {
    try AttackProblem(
      client.weighted, update: update,
      configuration: AttackConfiguration(trials: 1, iterations: 30), knownLabels: labels,
      backend: UpdateFitTests.backend
    ).run()
  }

  @Test func whatFitsIsLeftAlone() throws {
    let honest = update(client.update.gradients)
    #expect(misfit(honest) == nil && misfit(honest, labels: [3]) == nil)
    let result = try attack(honest)
    #expect(result.diagnosis?.verdict == .recovered && result.misfit == nil)
    for labels in [[0, 1], [2, 2, 4], [1, 1, 1, 1]] {
      let batch = try AttackedClient.leNet(labels: labels)
      let shared = SharedUpdate(
        gradients: batch.update.gradients, batchSize: labels.count, origin: .gradient)
      #expect(
        UpdateFit.misfit(
          of: shared, batch.weighted, knownLabels: labels, backend: UpdateFitTests.backend) == nil)
    }
  }

  /// As behind secure aggregation, which sums numbers of a fixed step: their error is no second example.
  @Test func quantisedNumbersAreNoBatch() throws {
    let model = client.weighted.model
    let largest = client.update.gradients.flatMap(\.doubles).map(abs).max() ?? 0
    for bits in [14, 18, 22] {
      let step = largest / Double(1 << bits)
      let stepped = update(changed { ($1 / step).rounded() * step }).statingUnstatedRounding(model)
      let stated = stepped.roundingEnergies.reduce(0, +)
      let expected = step * step / 12 * Double(model.parameterCount)
      #expect((0.3 * expected...3 * expected).contains(stated), "\(bits) bits")
      #expect(misfit(stepped) == nil, "\(bits) bits")
      let batch = try AttackedClient.leNet(labels: [3, 1, 0])
      let changed = batch.update.gradients.map { tensor in
        Tensor(tensor.shape, .f64(tensor.doubles.map { ($0 / step).rounded() * step }))
      }
      let found = UpdateFit.misfit(
        of: update(changed).statingUnstatedRounding(model), batch.weighted,
        backend: UpdateFitTests.backend)
      #expect(found != nil, "\(bits) bits")
    }
  }

  /// A difference of weights in f32 has more error than the format of its numbers tells.
  @Test func aFewRoundingsMoreAreNoBatch() {
    var source = RandomSource(seed: 3)
    for size in [3e-8, 3e-7, 3e-6] {
      let numbers = client.update.gradients.map { tensor in
        Tensor(
          tensor.shape,
          .f32(tensor.doubles.map { Float($0 + size * source.normal()) }))
      }
      let read = update(numbers).statingUnstatedRounding(client.weighted.model)
      #expect(misfit(read) == nil, "\(size)")
    }
  }

  /// What is far more than rounding, or what the numbers' type explains, is left as it is.
  @Test func onlyRoundingIsStated() {
    let model = client.weighted.model
    let honest = update(client.update.gradients)
    #expect(honest.statingUnstatedRounding(model).roundingEnergies == honest.roundingEnergies)
    let noisy = update(changed { $1 * (1 + 0.02 * Double($0 * $0 % 7 - 3)) })
    #expect(noisy.statingUnstatedRounding(model).roundingEnergies == noisy.roundingEnergies)
  }

  @Test func aScaledUpdateIsNamed() throws {
    let scaled = update(changed { $1 * 1000 })
    #expect(misfit(scaled)?.kind == .factor)
    #expect(misfit(scaled)?.sentence.description.contains("loss scale 1000") == true)
    let result = try attack(scaled)
    #expect(result.diagnosis?.verdict == .doesNotFit && result.misfit?.kind == .factor)
    #expect(result.diagnosis?.explanation.description.contains("ReLU") == false)
  }

  @Test func aReversedSignIsNamed() throws {
    let reversed = update(changed { -$1 })
    #expect(misfit(reversed)?.kind == .reversedSign)
    #expect(
      misfit(reversed)?.sentence.description
        .contains("update kind difference learning rate 1") == true)
    #expect(try attack(reversed).diagnosis?.verdict == .doesNotFit)
  }

  @Test func kindsThatWereTakenForEachOtherAreNamed() {
    let difference = update(changed { -0.01 * $1 })
    #expect(misfit(difference)?.kind == .difference)
    #expect(misfit(difference)?.sentence.description.contains("learning rate 0.01") == true)
    // Divided by -0.01, as a difference is.
    let gradient = update(
      changed { $1 / -0.01 }, origin: .difference(learningRate: 0.01))
    #expect(misfit(gradient)?.kind == .gradient)
    let before = update(changed { -$1 }, origin: .difference(learningRate: 0.01))
    #expect(misfit(before)?.kind == .reversedSign)
  }

  @Test(arguments: [SharedUpdate.Origin.gradient, .difference(learningRate: 0.1)])
  func absoluteWeightsAreNamed(_ origin: SharedUpdate.Origin) throws {
    let weights = zip(client.weighted.parameters, client.update.gradients).map { weight, gradient in
      Tensor(
        weight.shape, .f64(zip(weight.doubles, gradient.doubles).map { $0 - 0.1 * $1 }))
    }
    let factor = if case .difference(let rate) = origin { -1 / rate } else { 1.0 }
    let shared = update(weights.map { $0.multiplied(by: factor) }, origin: origin)
    #expect(misfit(shared)?.kind == .absoluteWeights)
    #expect(try attack(shared).diagnosis?.verdict == .doesNotFit)
  }

  @Test func weightDecayIsNamed() {
    let decayed = zip(client.weighted.parameters, client.update.gradients).map { weight, gradient in
      Tensor(
        weight.shape, .f64(zip(weight.doubles, gradient.doubles).map { 0.01 * $0 + $1 }))
    }
    let found = misfit(update(decayed))
    #expect(found?.kind == .weightDecay)
    #expect(abs((found?.value ?? 0) - 0.01) < 1e-6)
  }

  @Test func wrongLabelsAreNamed() throws {
    let honest = update(client.update.gradients)
    #expect(misfit(honest, labels: [1])?.kind == .labels)
    let result = try attack(honest, labels: [1])
    #expect(result.diagnosis?.verdict == .doesNotFit && result.misfit?.kind == .labels)
    let batch = try AttackedClient.leNet(labels: [0, 0, 2])
    let shared = SharedUpdate(
      gradients: batch.update.gradients, batchSize: 3, origin: .gradient)
    #expect(
      UpdateFit.misfit(
        of: shared, batch.weighted, knownLabels: [1, 1, 4], backend: UpdateFitTests.backend)?.kind
        == .labels)
  }

  @Test func tooSmallABatchIsNamed() throws {
    let batch = try AttackedClient.leNet(labels: [0, 1, 3])
    for size in [1, 2] {
      let shared = SharedUpdate(
        gradients: batch.update.gradients, batchSize: size, origin: .gradient)
      #expect(
        UpdateFit.misfit(of: shared, batch.weighted, backend: UpdateFitTests.backend) != nil)
    }
  }

  @Test(arguments: [1, 2, 3]) func randomNumbersFitNothing(_ batchSize: Int) throws {
    var source = RandomSource(seed: 5)
    let random = client.update.gradients.map { tensor in
      Tensor(tensor.shape, .f64((0..<tensor.shape.elementCount).map { _ in source.normal() }))
    }
    #expect(misfit(update(random, batchSize: batchSize)) != nil)
    #expect(
      try attack(update(random, batchSize: batchSize)).diagnosis?.verdict == .doesNotFit)
  }

  /// The last layer fits; a layer before it contradicts its own equations.
  @Test(arguments: ["mixed", "other weights", "zeros"])
  func aLayerThatContradictsItselfIsNamed(_ change: String) throws {
    var gradients = client.update.gradients
    let index = try #require(
      client.weighted.model.parameters.firstIndex { $0.name == "body.4.weight" })
    let elements = gradients[index].doubles
    switch change {
    case "mixed": gradients[index] = Tensor(gradients[index].shape, .f64(elements.reversed()))
    case "zeros":
      gradients[index] = Tensor(
        gradients[index].shape, .f64(elements.enumerated().map { $0 % 2 == 0 ? $1 : 0 }))
    default:
      gradients[index] = try AttackedClient.leNet(labels: [3], seed: 8).update.gradients[index]
    }
    let result = try attack(update(gradients))
    #expect(result.diagnosis?.verdict == .doesNotFit, "\(result.diagnosis.debugDescription)")
    #expect(result.misfit?.sentence.description.contains("body.4.weight") == true)
  }

  /// Nothing of it is a statement about a rank that no rank supports.
  @Test func aSigmoidNetworkIsNeverSaidToLackEquations() throws {
    for gradients in [changed { $1 * 3 }, changed { -$1 }, changed { $0 % 3 == 0 ? 0 : $1 }] {
      let diagnosis = try attack(update(gradients)).diagnosis
      #expect(diagnosis?.verdict != .notDetermined && diagnosis?.verdict != .recovered)
      #expect(diagnosis?.explanation.description.contains("passes no equation") == false)
    }
  }

  @Test func whatWasComputedHereIsNotDoubted() throws {
    #expect(misfit(SharedUpdate(gradients: changed { $1 * 1000 }, batchSize: 1)) == nil)
  }

  // MARK: - Truth

  private func check(_ images: Tensor, _ labels: [Int]?, mode: ForwardMode = .evaluation) throws
    -> TruthCheck?
  {
    try TruthCheck(
      update(client.update.gradients), client.weighted, images: images, labels: labels, mode: mode,
      backend: UpdateFitTests.backend)
  }

  @Test func theTruthHasTheUpdateOrNot() throws {
    #expect(try check(client.images, [3])?.fits == true)
    #expect(try check(client.images, nil)?.fits == true)
    #expect(try check(client.images, [1])?.misfit?.kind == .labels)
    var source = RandomSource(seed: 3)
    let other = source.uniformTensor(client.images.shape, .f64)
    #expect(try check(other, [3])?.misfit?.kind == .truth)
  }

  /// Without labels the truth's are read off the update, sets of classes and numbers too.
  @Test(arguments: [ClientLoss.Kind.binaryCrossEntropy, .meanSquaredError])
  func theTruthsTargetsAreRead(_ kind: ClientLoss.Kind) throws {
    let loss = try ClientLoss(kind)
    let isSet = kind == .binaryCrossEntropy
    let targets = (0..<client.weighted.model.classCount).map { index in
      isSet ? (index % 3 == 0 ? 1 : 0) : Double(index) / 4 - 0.3
    }
    let shared = try client.weighted.share(
      images: client.images, labels: [0], loss: loss.with(targets: try TargetTable([targets])),
      backend: UpdateFitTests.backend)
    let update = SharedUpdate(
      gradients: shared.gradients, batchSize: 1, loss: loss, origin: .gradient)
    let check = try TruthCheck(
      update, client.weighted, images: client.images, labels: nil, mode: .evaluation,
      backend: UpdateFitTests.backend)
    #expect(check?.fits == true)
  }

  @Test func anotherModeIsNamed() throws {
    let model = try ModelCatalog.model(
      named: "resnet20", ModelOptions(inputShape: [3, 8, 8], classCount: 5, width: 4))
    let weighted = WeightedModel(untrained: model, seed: 2)
    let images = model.fixtureBatch(2).images
    let shared = try weighted.share(
      images: images, labels: [0, 3], mode: .training, backend: UpdateFitTests.backend)
    let update = SharedUpdate(gradients: shared.gradients, batchSize: 2, origin: .gradient)
    func kind(_ mode: ForwardMode) throws -> UpdateMisfit.Kind? {
      try TruthCheck(
        update, weighted, images: images, labels: [0, 3], mode: mode,
        backend: UpdateFitTests.backend)?.misfit?.kind
    }
    #expect(try kind(.evaluation) == .mode && kind(.training) == nil)
  }
}
