extension Window {
  /// Positions of the first largest element of each window over [N, C, H, W]; -1 for a window that
  /// lies in the padding entirely.
  func evaluateArgmax(_ operand: InterpretedTensor, _ type: TensorType) -> [Double] {
    let (height, width) = (operand.shape[2], operand.shape[3])
    return type.shape.mapIndices { index in
      let plane = (index[0] * operand.shape[1] + index[1]) * height * width
      var best: (position: Int, value: Double)?
      for windowRow in 0..<size.height {
        let row = index[2] * strides.height + windowRow * dilations.height - padding.top
        guard (0..<height).contains(row) else { continue }
        for windowColumn in 0..<size.width {
          let column = index[3] * strides.width + windowColumn * dilations.width - padding.left
          guard (0..<width).contains(column) else { continue }
          let position = row * width + column
          let value = operand.elements[plane + position]
          if best.map({ value.isLargerForArgmax(than: $0.value) }) ?? true {
            best = (position, value)
          }
        }
      }
      return Double(best?.position ?? -1)
    }
  }
}
