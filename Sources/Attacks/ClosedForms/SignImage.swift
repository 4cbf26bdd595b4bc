import Clients
import TensorGraph

/// What signs of a fully connected first layer tell of one image: which values it reads are below, at and above 0.
///
/// With y = W x + b the gradients are those of y times x, and those of y: sign(∂W)ᵢⱼ = sign(∂b)ᵢ sign(x)ⱼ. Pixels in
/// 0...1 are never below 0, so that only those that are exactly 0 are told from others; a model that normalises them
/// tells those below its mean from those above. Each pixel is given the middle of what its sign leaves.
public struct SignImageAttack: ClosedFormAttack {
  /// `sign-image`.
  public let descriptor = AttackDescriptor(
    name: .signImage,
    summary: "closed form, a binarised image by the signs of a fully connected first layer",
    needs: [AttackNeed(.architecture), AttackNeed(.batchSize)], category: .eavesdropper,
    searches: false)

  /// The attack; it has no options.
  public init() {}

  /// No search takes back what signs have lost.
  public var isPolished: Bool { false }

  /// A vote for each pixel.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    let (update, model) = (problem.update, problem.weighted.model)
    guard update.batchSize == 1 else {
      throw AttackError(
        "sign-image reads one image, and this update comes from \(update.batchSize); use the attack auto"
      )
    }
    guard update.training?.rule.keepsSigns ?? true else {
      try update.requireOneGradient("sign-image")
      throw AttackError("sign-image reads no such update; use the attack auto")
    }
    let layer = try LinearLayerLeak(model: model).layer
    guard let weight = update.gradient(of: layer.weight),
      let bias = update.gradient(of: layer.bias)?.doubles, bias.contains(where: { $0 != 0 })
    else {
      throw AttackError(
        "sign-image needs the updates of \(model.parameters[layer.weight].name) and "
          + "\(model.parameters[layer.bias].name), and one is 0 or was not shared; use the attack auto"
      )
    }
    let rows = layer.classifier.rows(of: weight, classCount: bias.count)
    let count = rows.count / bias.count
    var votes = [Double](repeating: 0, count: count)
    for (row, factor) in bias.enumerated() where factor != 0 {
      for column in 0..<count {
        votes[column] += rows[row * count + column].signed * factor.signed
      }
    }
    let image = Tensor(
      Shape([1] + model.inputShape.dimensions), .f64(middles(of: votes, model.normalization)))
    return ClosedFormSolution(images: image, labels: [try problem.label(of: image)])
  }

  /// The middle of the pixel values that have a sign.
  private func middles(of votes: [Double], _ normalization: PixelNormalization?) -> [Double] {
    let zeros =
      normalization.map {
        $0.pixels([Double](repeating: 0, count: votes.count), imageElements: votes.count)
      } ?? votes.map { _ in 0 }
    return zip(votes, zeros).map { vote, zero in
      vote == 0 ? zero : vote > 0 ? (zero + 1) / 2 : zero / 2
    }
  }
}

extension Double {
  /// -1, 0 or 1.
  fileprivate var signed: Double { self > 0 ? 1 : self < 0 ? -1 : 0 }
}
