import Leakage
import ModelIO
import TensorGraph

/// Other images than a client's own, for defences that mix or add some: the bundled photographs that
/// are not in the batch, then their mirror images, in the model's size.
struct CompanionImages {
  let all: [Companion]

  /// - Parameters:
  ///   - batch: the client's own images, which are left out.
  ///   - seed: of the labels, which are drawn.
  init(besides batch: [PrivateExample], for model: Model, seed: UInt64) {
    let shape = model.inputShape
    guard shape.rank == 3, shape[0] == 1 || shape[0] == 3 else {
      all = []
      return
    }
    let own = batch.map(\.image)
    let pictures = BundledImages.all(size: BundledImages.size(forHeight: shape[1])).map {
      name, picture in
      (name, picture.fitted(width: shape[2], height: shape[1]).tensor(.f64, channels: shape[0]))
    }.filter { !own.contains($0.1) }
    let source = RandomSource(seed: seed).derive(label: "companions")
    var all: [Companion] = []
    for turn in 0..<4 {
      for (name, image) in pictures {
        var labels = source.derive(label: name).derive(index: turn)
        all.append(
          Companion(
            image: mirrored(image, across: turn & 1 == 1, upsideDown: turn & 2 == 2),
            label: labels.integer(below: model.classCount)))
      }
    }
    self.all = all
  }
}
