import Clients
import TensorGraph

/// A model's parameters as one vector, in the model's order, and tensors in it.
package struct ParameterVector: Sendable {
  /// Names and f32 types of the parameters.
  package let types: [(name: String, type: TensorType)]
  /// Where each parameter begins, and behind the last the number of all elements.
  package let starts: [Int]

  /// The vector of a model's parameters.
  package init(_ model: Model) {
    self.init(model.parameters.map { ($0.name, TensorType($0.shape, .f32)) })
  }

  /// The vector of parameters of these names and f32 types.
  package init(_ types: [(name: String, type: TensorType)]) {
    self.types = types
    starts = types.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.type.shape.elementCount) }
  }

  /// Number of all elements.
  package var count: Int { starts[types.count] }

  /// The elements of f32 tensors, one after another.
  package func flat(_ tensors: [Tensor]) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(count)
    for tensor in tensors {
      guard case .f32(let elements) = tensor.storage else { preconditionFailure("not f32") }
      result += elements
    }
    return result
  }

  /// The tensors that lie in a vector.
  package func tensors(_ flat: [Float]) -> [Tensor] {
    types.indices.map {
      Tensor(types[$0].type.shape, .f32(Array(flat[starts[$0]..<starts[$0 + 1]])))
    }
  }

  /// Tensors by the parameters' names.
  package func named(_ tensors: [Tensor]) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: zip(types.map(\.name), tensors))
  }

  /// The mean of several workers' tensors, weighted by their examples: summed in f64 in the order given.
  package func mean(_ shares: [(tensors: [Tensor], examples: Int)]) -> [Tensor] {
    let total = Double(shares.reduce(0) { $0 + $1.examples })
    return types.indices.map { index in
      var sum = [Double](repeating: 0, count: types[index].type.shape.elementCount)
      for (tensors, examples) in shares {
        guard case .f32(let elements) = tensors[index].storage else {
          preconditionFailure("not f32")
        }
        let share = Double(examples) / total
        for position in sum.indices { sum[position] += share * Double(elements[position]) }
      }
      return Tensor(types[index].type.shape, .f32(sum.map { Float($0) }))
    }
  }

  /// The weights that follow from a mean: that itself where workers share weights, and one step along it where they
  /// share gradients.
  package func next(
    _ weights: [Tensor], mean: [Tensor], _ settings: FederationSettings
  ) -> [Tensor] {
    guard !settings.sharesWeights else { return mean }
    let rate = settings.learningRate
    return zip(weights, mean).map { weight, gradient in
      Tensor(
        weight.shape, .f32(zip(weight.doubles, gradient.doubles).map { Float($0 - rate * $1) }))
    }
  }
}
