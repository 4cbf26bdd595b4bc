import Attacks
import Clients
import Solvers
import TensorGraph

/// How often the check of received weights finds planted ones, and how often it accuses honest ones.
///
/// Every planted model is also attacked: a client shares the gradient of seven photographs, and the
/// images that the server reads off it are counted.
package struct PlantedModelBenchmark: Sendable, Encodable {
  /// Models of one kind, over seeds.
  package struct Row: Sendable, Encodable {
    /// Which models.
    package let kind: String
    /// Whether weights were planted, or the model is honest.
    package let isPlanted: Bool
    /// Images of seven that the attack read at 40 dB or more, for each model; empty where it was not
    /// run.
    package var reads: [Int] = []
    /// Whether the tensors alone were enough.
    package var isFoundInTensors: [Bool] = []
    /// Whether the check found something in the model.
    package var isFoundInModel: [Bool] = []
  }

  /// One for each kind of model.
  package private(set) var rows: [Row] = []

  /// Images of one batch.
  package static let batchSize = 7
  private static let recovered = 40.0

  package init() {}

  /// A way to plant weights, on `honest` ones, and to read what comes back; nil reads nothing.
  struct Plant: Sendable {
    let kind: String
    let make:
      @Sendable (_ honest: WeightedModel, _ samples: [Tensor], _ seed: UInt64) throws(AttackError)
        -> (WeightedModel, (@Sendable (SharedUpdate) -> [Tensor])?)
  }

  /// All kinds of planted weights, on a multilayer perceptron of 256 units.
  ///
  /// - Parameter didFinish: called after every model; returns whether to stop.
  package mutating func measurePlanted(
    seeds: Range<UInt64>, backend: any Backend, didFinish: (String) -> Bool
  ) throws(AttackError) {
    let model: Model
    do {
      model = try ModelCatalog.model(named: "mlp", ModelOptions(width: 256, depth: 2))
    } catch {
      throw AttackError(error.message)
    }
    for plant in PlantedModelBenchmark.plants {
      var row = Row(kind: plant.kind, isPlanted: true)
      for seed in seeds {
        let known = images(model.inputShape, 512, seed: seed, label: "known")
        let secret = images(
          model.inputShape, PlantedModelBenchmark.batchSize, seed: seed, label: "secret")
        let (planted, read) = try plant.make(
          WeightedModel(untrained: model, seed: seed), known, seed)
        if let read {
          let update = try planted.share(
            images: stacked(secret).converted(to: .f32), labels: secret.indices.map { $0 },
            backend: backend)
          row.reads.append(PlantedModelBenchmark.count(secret, in: read(update)))
        }
        try check(planted, &row, backend)
        if didFinish(plant.kind) { break }
      }
      rows.append(row)
    }
  }

  /// Every built-in model with fresh weights by several initialisers.
  package mutating func measureHonest(
    seeds: Range<UInt64>, backend: any Backend, didFinish: (String) -> Bool
  ) throws(AttackError) {
    for architecture in ModelCatalog.all {
      for (name, initializer) in PlantedModelBenchmark.initializers {
        var row = Row(kind: "\(architecture.name), \(name)", isPlanted: false)
        for seed in seeds {
          let width = ["vit": 48, "vit-april": 48, "cnn6": 12, "mlp": 256][architecture.name] ?? 16
          let model: Model
          do {
            model = try architecture.model(ModelOptions(width: width))
          } catch {
            throw AttackError(error.message)
          }
          let fresh = WeightedModel(untrained: model, seed: seed)
          try check(initializer.map { redrawn(fresh, $0, seed: seed) } ?? fresh, &row, backend)
          if didFinish(row.kind) { break }
        }
        rows.append(row)
      }
    }
  }

  private func check(
    _ weighted: WeightedModel, _ row: inout Row, _ backend: any Backend
  ) throws(AttackError) {
    let check = PlantedWeightCheck(samples: BundledImages.samples, backend: backend)
    let tensors = zip(weighted.model.parameters.map(\.name), weighted.parameters).map {
      (name: $0, tensor: $1)
    }
    do {
      row.isFoundInTensors.append(!(try check.findings(in: tensors)).isEmpty)
      row.isFoundInModel.append(!(try check.findings(in: weighted)).isEmpty)
    } catch {
      throw AttackError(error.message)
    }
  }

  private func images(_ shape: Shape, _ count: Int, seed: UInt64, label: String) -> [Tensor] {
    var source = RandomSource(seed: seed).derive(label: label)
    return BundledImages.windows(count: count, using: &source).map {
      PrivateExample(name: $0.name, picture: $0.image, label: 0, inputShape: shape).image
    }
  }

  static func count(_ secret: [Tensor], in contents: [Tensor]) -> Int {
    let images = contents.map(clamped)
    return secret.count { original in
      images.contains {
        ReconstructionQuality(of: $0, original: original).peakSignalToNoiseRatio >= recovered
      }
    }
  }

  // MARK: - Honest weights

  /// Nil is the model's own. Matrices and kernels are drawn anew; biases too where it says so.
  private static let initializers: [(String, (@Sendable (Shape) -> Initializer)?)] = [
    ("its own initialiser", nil),
    ("uniform -0.5...0.5", { _ in .uniform(bound: 0.5) }),
    ("normal 0.02", { _ in .normal(standardDeviation: 0.02) }),
    ("He normal", { .normal(standardDeviation: (2 / fanIn($0)).squareRoot()) }),
    ("tiny", { _ in .normal(standardDeviation: 1e-4) }),
  ]

  private static func fanIn(_ shape: Shape) -> Double {
    shape.rank >= 2 ? Double(shape.elementCount) / Double(max(shape[0], 1)) : 1e4
  }

  private func redrawn(
    _ weighted: WeightedModel, _ initializer: (Shape) -> Initializer, seed: UInt64
  ) -> WeightedModel {
    let source = RandomSource(seed: seed)
    let parameters = zip(weighted.model.parameters, weighted.parameters).map { spec, tensor in
      guard spec.shape.rank >= 2 || spec.name.hasSuffix("bias") else { return tensor }
      var stream = source.derive(label: spec.name)
      return initializer(spec.shape).tensor(spec.shape, .f64, from: &stream)
    }
    return WeightedModel(
      model: weighted.model, parameters: parameters, buffers: weighted.buffers)
  }
}
