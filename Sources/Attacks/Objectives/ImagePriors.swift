import Clients
import TensorGraph

extension Priors.TotalVariation {
  /// Of images [N, C, H, W]: a scalar, without the weight.
  func value(of images: Value) -> Value {
    precondition(images.shape.rank == 4, "total variation of \(images.shape)")
    let channels = withOpponents(images)
    let differences = [2, 3].filter { channels.shape[$0] > 1 }.map { axis in
      let extent = channels.shape[axis]
      return (
        axis: axis,
        value: channels.slice(axis: axis, 1..<extent) - channels.slice(axis: axis, 0..<extent - 1)
      )
    }
    guard let first = differences.first else { return images.builder.constant(0, images.dtype) }
    if outerExponent == 1 {
      return differences.dropFirst().reduce(raised(first.value).mean()) {
        $0 + raised($1.value).mean()
      }
    }
    let terms = differences.map { difference in
      var high = [0, 0, 0, 0]
      high[difference.axis] = 1
      return raised(difference.value).pad(low: [0, 0, 0, 0], high: high)
    }
    let sum = terms.dropFirst().reduce(terms[0], +)
    // A root has no slope at 0; 1e-8 is as in the published implementations.
    return (sum + 1e-8).power(outerExponent).mean()
  }

  /// |difference|^p.
  private func raised(_ difference: Value) -> Value {
    switch innerExponent {
    case 1: difference.absolute()
    case 2: difference.squared()
    default: difference.absolute().power(innerExponent)
    }
  }

  private func withOpponents(_ images: Value) -> Value {
    guard colorOpponents, images.shape[1] == 3 else { return images }
    let (red, green, blue) = (
      images.slice(axis: 1, 0..<1), images.slice(axis: 1, 1..<2), images.slice(axis: 1, 2..<3)
    )
    return Value.concatenate([images, red - green, red - blue, green - blue], axis: 1)
  }
}

extension Priors.Norm {
  /// Of images [N, C, H, W]: a scalar, without the weight.
  func value(of images: Value) -> Value {
    (exponent == 2 ? images.squared() : images.absolute().power(exponent)).mean() / exponent
  }
}

extension Priors.Orthogonality {
  /// Of images [N, C, H, W]: a scalar, without the weight. 0 for one image.
  func value(of images: Value) -> Value {
    let count = images.shape[0]
    let squares = images.reshape(to: [count, images.shape.elementCount / count]).squared()
    // (xᵢ xⱼ)² summed over pixels is an entry of the Gram matrix of the squares.
    let gram = squares.matmul(squares, transposeB: true)
    return (gram.sum() - squares.squared().sum()) / Double(squares.shape[1])
  }
}

extension Priors.Box {
  /// Of images [N, C, H, W]: a scalar, without the weight.
  func value(of images: Value) -> Value {
    let above = (images - 1).maximum(0)
    let below = (-images).maximum(0)
    return (above.squared() + below.squared()).mean()
  }
}

extension Priors.BatchNorm {
  /// Of the batch normalisations of a forward pass: a scalar, without the weight. There must be one.
  func value(of layers: [ForwardContext.BatchNormLayer]) -> Value {
    precondition(!layers.isEmpty, "a model without batch normalisation")
    let distances = layers.map { layer in
      let statistics = layer.input.channelStatistics()
      return euclideanNorm(statistics.mean - layer.running.mean)
        + euclideanNorm(statistics.variance - layer.running.variance)
    }
    return distances.dropFirst().reduce(firstLayerFactor * distances[0], +)
  }

  /// ‖x‖₂, whose derivative at 0 is 0 instead of not a number.
  private func euclideanNorm(_ difference: Value) -> Value {
    (difference.squared().sum() + 1e-24).sqrt()
  }
}

extension Priors.Features {
  /// Of features [N, F] and those read off the shared gradient: a scalar, without the weight.
  func value(of features: Value, recovered: Value) -> Value {
    (features - recovered).squared().mean()
  }
}

extension Priors.Group {
  /// Of dummy batches of one shape: a scalar, without the weight.
  func value(of batches: [Value]) -> Value {
    let mean = batches.dropFirst().reduce(batches[0], +) / Double(batches.count)
    let distances = batches.map { ($0 - mean).squared().sum() }
    return distances.dropFirst().reduce(distances[0], +)
  }
}

extension Priors.EpochOrder {
  /// Of the images [E·N, C, H, W] of E epochs, one after another: a scalar, without the weight.
  ///
  /// - Parameter clients: who hold the N images, each apart.
  func value(of images: Value, epochs: Int, clients: [Range<Int>]) -> Value {
    let count = images.shape[0] / epochs
    let pixels = images.shape.elementCount / images.shape[0]
    let batches = images.reshape(to: [epochs, count, pixels])
    let terms = clients.map { client in
      let own = batches.slice(axis: 1, client)
      let aggregates =
        switch aggregate {
        case .mean: own.mean(axes: [1])
        case .max: own.max(axes: [1])
        }
      // The mean over pairs of squared differences is twice the variance.
      return 2 * (aggregates - aggregates.mean(axes: [0], keepsAxes: true)).squared().mean()
    }
    return terms.dropFirst().reduce(terms[0], +)
  }
}

extension Priors.Label {
  /// Of logits [N, K] and label probabilities [N, K]: a scalar, without the weight.
  func value(of logits: Value, probabilities: Value) -> Value {
    (logits.softmax() - probabilities).squared().sum() / Double(logits.shape[0])
  }
}
