extension StructuralOp {
  func evaluate(_ operands: [InterpretedTensor], _ type: TensorType) -> [Double] {
    let operand = operands[0]
    let operandStrides = operand.shape.strides
    switch self {
    case .broadcast(let shape, let axes):
      var steps = [Int](repeating: 0, count: shape.rank)
      for (axis, target) in axes.enumerated() { steps[target] = operandStrides[axis] }
      return operand.elements(start: 0, steps: steps, shape)
    case .reshape:
      return operand.elements
    case .transpose(let permutation):
      return operand.elements(start: 0, steps: permutation.map { operandStrides[$0] }, type.shape)
    case .slice(let starts, _, let strides):
      let start = zip(starts, operandStrides).reduce(0) { $0 + $1.0 * $1.1 }
      return operand.elements(start: start, steps: zip(strides, operandStrides).map(*), type.shape)
    case .pad(let low, _, let interior):
      return operand.padded(low: low, interior: interior, type.shape)
    case .concatenate(let axis):
      return InterpretedTensor.concatenatedElements(operands, axis: axis)
    }
  }
}

extension StructuralOp {
  /// Numbers that stand for the operands' elements, moved as the elements are; 0 where there is padding.
  ///
  /// - Parameters:
  ///   - operands: as many numbers as the type has elements.
  ///   - type: of the result.
  package func moving(
    _ operands: [(type: TensorType, numbers: [Double])], to type: TensorType
  ) -> [Double] {
    evaluate(operands.map { InterpretedTensor(type: $0.type, elements: $0.numbers) }, type)
  }
}

extension InterpretedTensor {
  /// The elements of a result of `shape` that reads this value at `start`, stepping over `steps`
  /// elements for one step along each axis.
  fileprivate func elements(start: Int, steps: [Int], _ shape: Shape) -> [Double] {
    shape.mapIndices { index in
      var offset = start
      for (position, step) in zip(index, steps) { offset += position * step }
      return elements[offset]
    }
  }

  /// A result index stands for a padded position; it holds an element when it is a whole number of
  /// gaps away from the first one.
  fileprivate func padded(low: [Int], interior: [Int], _ shape: Shape) -> [Double] {
    shape.mapIndices { index in
      var offset = 0
      for axis in index.indices {
        let position = index[axis] - low[axis]
        let step = interior[axis] + 1
        guard position >= 0, position % step == 0, position / step < self.shape[axis] else {
          return 0
        }
        offset = offset * self.shape[axis] + position / step
      }
      return elements[offset]
    }
  }

  fileprivate static func concatenatedElements(
    _ operands: [InterpretedTensor], axis: Int
  ) -> [Double] {
    let outerCount = operands[0].shape.dimensions[..<axis].reduce(1, *)
    var results: [Double] = []
    for outer in 0..<outerCount {
      for operand in operands {
        let count = operand.shape.dimensions[axis...].reduce(1, *)
        results += operand.elements[outer * count..<(outer + 1) * count]
      }
    }
    return results
  }
}
