import Attacks
import Clients
import Solvers
import TensorGraph

extension PlantedModelBenchmark {
  /// What a server may plant: each attack as published, with noise, in few units, and disguised.
  static let plants: [Plant] = imprints + traps + fishing

  private static var imprints: [Plant] {
    var plants = [16, 24, 64, 256].flatMap { rows in
      [0, 0.01, 0.03, 0.1].map { noise -> Plant in
        var disguise = HiddenImprint.Disguise(rows: rows)
        disguise.noise = noise
        return imprint(
          "imprint in \(rows) of 256 units, noise \(Int((noise * 100).rounded())) %", disguise)
      }
    }
    var disguise = HiddenImprint.Disguise(rows: 8)
    plants.append(imprint("imprint in 8 of 256 units", disguise))
    disguise.rows = 24
    disguise.noise = 0.3
    plants.append(imprint("imprint in 24 of 256 units, noise 30 %", disguise))
    disguise.noise = 1
    plants.append(imprint("imprint in 24 of 256 units, noise 100 %", disguise))
    disguise.noise = 0.03
    disguise.scale = 10
    plants.append(imprint("imprint in 24 of 256 units, noise 3 %, scales 0.1-10", disguise))
    disguise.mixesSigns = true
    plants.append(
      imprint("imprint in 24 of 256 units, noise 3 %, scales 0.1-10, mixed signs", disguise))
    disguise.isRandom = true
    plants.append(
      imprint(
        "imprint in 24 of 256 units, noise 3 %, scales 0.1-10, mixed signs, random direction",
        disguise))
    return plants
  }

  private static func imprint(_ kind: String, _ disguise: HiddenImprint.Disguise) -> Plant {
    Plant(kind: kind) { honest, samples, seed throws(AttackError) in
      let server = try HiddenImprint(honest, disguise, samples: samples, seed: seed)
      return (server.model, { server.contents(of: $0) })
    }
  }

  private static var traps: [Plant] {
    [0, 0.01, 0.03, 0.1, 0.3].map { noise in
      Plant(kind: "trap weights, noise \(Int((noise * 100).rounded())) %") {
        honest, samples, seed throws(AttackError) in
        let traps = try TrapWeights(
          honest, samples: samples, batchSize: batchSize, seed: seed)
        let planted = noisy(traps.model, noise, seed: seed)
        return (planted, { traps.contents(of: $0) })
      }
    }
  }

  /// Noise on every weight of the first matrix, by the weight.
  private static func noisy(
    _ weighted: WeightedModel, _ noise: Double, seed: UInt64
  ) -> WeightedModel {
    var parameters = weighted.parameters
    guard let place = parameters.firstIndex(where: { $0.shape.rank == 2 }) else { return weighted }
    var source = RandomSource(seed: seed).derive(label: "noise")
    let tensor = parameters[place]
    parameters[place] = Tensor(
      tensor.shape, .f64, tensor.doubles.map { $0 * (1 + noise * source.normal()) })
    return WeightedModel(
      model: weighted.model, parameters: parameters, buffers: weighted.buffers)
  }

  /// The other classes' weights are 0, or a share of the honest ones.
  private static var fishing: [Plant] {
    let feature = Plant(kind: "feature fishing") { honest, _, _ throws(AttackError) in
      (try FishingServer(honest, target: 3).featureWeights(threshold: 0.1), nil)
    }
    let faint = [(0.0, 1e4), (0.01, 1e4), (0.01, 30)].map { share, bias in
      Plant(
        kind: "class fishing, other weights \(Int(share * 100)) %, bias \(Int(bias))"
      ) { honest, _, _ throws(AttackError) in
        let target = 3
        var planted = try FishingServer(honest, target: target).classWeights()
        guard let last = honest.model.classifier, let lastBias = last.bias else {
          return (planted, nil)
        }
        let weight = honest.parameters[last.weight]
        let width = weight.shape[1]
        var parameters = planted.parameters
        parameters[last.weight] = Tensor(
          weight.shape, .f64,
          weight.doubles.enumerated().map { $0 / width == target ? $1 : share * $1 })
        parameters[lastBias] = Tensor(
          [weight.shape[0]], .f64, (0..<weight.shape[0]).map { $0 == target ? 0 : bias })
        planted = WeightedModel(
          model: honest.model, parameters: parameters, buffers: honest.buffers)
        return (planted, nil)
      }
    }
    return faint + [feature]
  }
}
