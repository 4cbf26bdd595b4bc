import Attacks
import Clients
import Solvers
import TensorGraph

extension MembershipStudy {
  /// Windows of the bundled photographs as a pool for batches and as many known and other non-members as are asked for;
  /// neighbours among them may show much the same.
  package static func windows(
    for model: Model, batchSize: Int, calibration: Int
  ) -> [PrivateExample] {
    var source = RandomSource(seed: 0).derive(label: "membership windows")
    return BundledImages.windows(count: batchSize + 2 * calibration, using: &source).map {
      PrivateExample(name: $0.name, picture: $0.image, label: nil, inputShape: model.inputShape)
    }
  }

  /// Examples with labels drawn from a seed.
  package static func labelled(
    _ pool: [PrivateExample], for model: Model, _ loss: ClientLoss, seed: UInt64
  ) -> [PrivateExample] {
    var source = RandomSource(seed: seed).derive(label: "labels")
    let count = loss.labelCount(classCount: model.classCount)
    return pool.map { $0.labelled(source.integer(below: count)) }
  }
}

extension [PrivateExample] {
  /// Each record once: a copy of a member is one.
  package var distinct: [PrivateExample] {
    var seen: Set<[Double]> = []
    return filter { seen.insert($0.image.doubles).inserted }
  }
}
