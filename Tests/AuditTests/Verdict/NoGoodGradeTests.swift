import Attacks
import CPUBackend
import Clients
import ModelIO
import Solvers
import TensorGraph
import TestSupport
import Testing

@testable import Audit

/// Some five hundred updates that are not what they are said to be: none may earn a good grade, and no
/// claim of certainty or of a rank may be made of them that does not hold.
@Suite struct NoGoodGradeTests {
  private static let models = [("lenet", Activation.sigmoid), ("lenet", .relu), ("mlp", .relu)]

  /// What is done to an honest gradient before it is handed in.
  private static let misfits: [Misfit] =
    [1e-6, 1e-3, 0.1, 0.5, 2, 10, 1e3, 1e6, -1, -0.01].map { Misfit.scaled($0) }
    + [
      .zero, .randomNumbers, .shuffled(all: true), .shuffled(all: false), .truncated(0.5),
      .truncated(0.9), .withoutLastTensors(2), .rounded(10), .rounded(3), .oneTensorNegated,
      .otherWeights, .absoluteWeights, .weightsAdded(0.01), .ofBatch(4, told: 1),
      .ofBatch(1, told: 4), .noise(0.01), .onlyOneTensor,
    ]

  enum Misfit: Sendable {
    case scaled(Double)
    case zero
    case randomNumbers
    case shuffled(all: Bool)
    /// A share of the numbers of each tensor is 0.
    case truncated(Double)
    case withoutLastTensors(Int)
    /// Bits of the significand that are left.
    case rounded(Int)
    case oneTensorNegated
    case otherWeights
    case absoluteWeights
    case weightsAdded(Double)
    case ofBatch(Int, told: Int)
    case noise(Double)
    case onlyOneTensor

    /// Whether the client may have shared no more.
    var isPart: Bool {
      switch self {
      case .withoutLastTensors, .onlyOneTensor: true
      default: false
      }
    }
  }

  private struct Client {
    let weighted: WeightedModel
    let batch: [PrivateExample]
    let folder = TestFolder()
    let backend = CPUBackend(CPUBackend.Options(threadCount: 1))
    let seed: UInt64

    init(_ name: String, _ activation: Activation, image: Int) throws {
      let model = try ModelCatalog.model(
        named: name,
        ModelOptions(
          inputShape: [3, 8, 8], classCount: 5, activation: activation,
          // More units than pixels determine an image, as the usual ones many times over do.
          width: name == "mlp" ? 256 : nil))
      seed = UInt64(image)
      weighted = WeightedModel(untrained: model, seed: seed)
      let pictures = BundledImages.all(size: 32)
      batch = (0..<4).map { offset in
        let (name, picture) = pictures[(image + offset) % pictures.count]
        return PrivateExample(
          name: name, picture: picture, label: (image + offset) % 5, inputShape: model.inputShape)
      }
    }

    func gradients(_ count: Int, of weighted: WeightedModel) throws -> [Tensor] {
      let truth = batch.prefix(count)
      return try weighted.share(
        images: stacked(truth.map(\.image)), labels: truth.map { $0.label ?? 0 }, backend: backend
      ).gradients
    }

    /// The tensors of a file, and the batch size that is told with it.
    func file(_ misfit: Misfit) throws -> (tensors: [String: Tensor], batchSize: Int) {
      var source = RandomSource(seed: seed).derive(label: "misfit")
      let names = weighted.model.parameters.map(\.name)
      var count = 1
      var told = 1
      if case .ofBatch(let size, let said) = misfit { (count, told) = (size, said) }
      let honest = try gradients(count, of: weighted)
      let tensors = try honest.indices.map { index -> Tensor in
        let tensor = honest[index]
        let numbers = tensor.doubles
        func made(_ change: (Int) -> Double) -> Tensor {
          Tensor(tensor.shape, .f64, numbers.indices.map(change))
        }
        switch misfit {
        case .scaled(let factor): return made { numbers[$0] * factor }
        case .zero: return made { _ in 0 }
        case .randomNumbers: return made { _ in source.normal() * 0.01 }
        case .shuffled(let all):
          guard all || index == 0 else { return tensor }
          let turned = numbers.indices.map { ($0 * 7 + 3) % numbers.count }
          return made { numbers[turned[$0]] }
        case .truncated(let share):
          return made { source.uniform() < share ? 0 : numbers[$0] }
        case .rounded(let bits):
          return made { index in
            let number = numbers[index]
            guard number != 0 else { return 0 }
            let scale = Double(sign: .plus, exponent: bits - 1 - number.exponent, significand: 1)
            return (number * scale).rounded() / scale
          }
        case .oneTensorNegated: return made { index == 0 ? -numbers[$0] : numbers[$0] }
        case .otherWeights:
          return try gradients(
            1, of: WeightedModel(untrained: weighted.model, seed: seed + 100))[index]
        case .absoluteWeights: return weighted.parameters[index]
        case .weightsAdded(let share):
          let weights = weighted.parameters[index].doubles
          return made { numbers[$0] + share * weights[$0] }
        case .noise(let share):
          let size = (numbers.reduce(0) { $0 + $1 * $1 } / Double(numbers.count)).squareRoot()
          return made { numbers[$0] + share * size * source.normal() }
        case .ofBatch, .withoutLastTensors, .onlyOneTensor: return tensor
        }
      }
      var kept = Array(zip(names, tensors))
      if case .withoutLastTensors(let number) = misfit { kept.removeLast(number) }
      if case .onlyOneTensor = misfit { kept = [kept[0]] }
      return (Dictionary(uniqueKeysWithValues: kept), told)
    }

    /// What an attack makes of such a file; nil where it is refused.
    func attack(_ misfit: Misfit, _ kind: AttackName, knowsTruth: Bool) throws -> AuditOutcome? {
      let (tensors, batchSize) = try file(misfit)
      let path = folder("update.safetensors")
      try Safetensors.write(tensors, to: path)
      do {
        let file = try UpdateFile(
          contentsOf: path, for: weighted.model, UpdateReading(batchSize: batchSize))
        return try UpdateAudit(weighted, activation: "a", weights: .other("w"), backend: backend)
          .attack(
            UpdateAudit.Subject(
              update: file.update, truth: knowsTruth ? Array(batch.prefix(batchSize)) : nil,
              name: "update"),
            configuration: AttackConfiguration(
              attack: kind, seed: seed, trials: 1, iterations: 12, snapshots: 0))
      } catch is FileError {
        return nil
      } catch is AttackError {
        return nil
      }
    }
  }

  @Test(arguments: 0..<7)
  func misfitsEarnNothing(_ image: Int) throws {
    for (name, activation) in Self.models {
      let client = try Client(name, activation, image: image)
      for misfit in Self.misfits {
        // The whole search on one of seven; its parts, and attacks that know no more, on all.
        let kind: AttackName =
          image == 0
          ? .automatic : image < 3 ? .levenbergMarquardt : name == "mlp" ? .linear : .peeling
        // A part of an honest update is no misfit, which the truth would tell.
        let knowsTruth = image % 2 == 1 && !misfit.isPart
        guard let outcome = try client.attack(misfit, kind, knowsTruth: knowsTruth) else {
          continue
        }
        try judge(outcome, of: client, "\(name) \(activation) \(image) \(misfit) \(kind)")
      }
    }
  }

  private func judge(
    _ outcome: AuditOutcome, of client: Client, _ what: Comment
  ) throws {
    let record = outcome.record
    let verdict = LeakageVerdict([record])
    // Where the truth has the update, up to its rounding, that is honest, and an attack on it may fail.
    let isHonest = record.truthCheck?.fits == true
    #expect(isHonest || (verdict.grade != .A && verdict.grade != .B), what)
    guard let diagnosis = record.diagnosis else { return }
    let originals = client.batch.prefix(outcome.reconstructions.count).map(\.image)
    let nearest = outcome.reconstructions.map { found in
      originals.map { ImageMetrics.peakSignalToNoiseRatio(found, $0) }.max() ?? 0
    }
    switch diagnosis.verdict {
    case .recovered:
      #expect(nearest.allSatisfy { $0 >= LeakThreshold.fullPSNR }, what)
    case .notDetermined:
      // A statement of rank, which needs fewer equations than numbers.
      #expect(try #require(diagnosis.equationBound) < #require(diagnosis.unknowns), what)
    case .carriesNothing:
      #expect(record.update.norm.value == 0, what)
    case .recoveredUpToAmbiguity, .stuck, .doesNotFit, .cutShort: break
    }
    if record.update.norm.value == 0 {
      #expect(diagnosis.verdict == .carriesNothing, what)
    }
  }
}
