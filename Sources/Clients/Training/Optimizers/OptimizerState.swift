import TensorGraph

/// What a client's optimiser has kept from earlier rounds, as far as the attacker knows it.
public struct OptimizerState: Hashable, Sendable {
  /// Steps that it has taken.
  public let step: Int
  /// One tensor for each parameter of the model, in its order, by the names of
  /// ``ClientOptimizer/stateNames``.
  public let tensors: [String: [Tensor]]

  /// A state; its shapes are checked where it meets a model.
  public init(step: Int, tensors: [String: [Tensor]]) {
    self.step = step
    self.tensors = tensors
  }
}

extension OptimizerState {
  /// The tensors of all names and parameters in one order, with names for graphs.
  package func named(for parameters: [ParameterSpec]) -> [(spec: ParameterSpec, tensor: Tensor)] {
    tensors.sorted { $0.key < $1.key }.flatMap { name, tensors in
      zip(parameters, tensors).map { parameter, tensor in
        (ParameterSpec("\(name).\(parameter.name)", tensor.shape, parameter.initializer), tensor)
      }
    }
  }

  /// For each parameter what its tensors became, by their names.
  ///
  /// - Parameter values: in the order of ``named(for:)``.
  package func grouped<Numbers>(_ values: [Numbers], parameterCount: Int) -> [[String: Numbers]] {
    var result = [[String: Numbers]](repeating: [:], count: parameterCount)
    for (place, name) in tensors.keys.sorted().enumerated() {
      for parameter in 0..<parameterCount {
        result[parameter][name] = values[place * parameterCount + parameter]
      }
    }
    return result
  }
}
