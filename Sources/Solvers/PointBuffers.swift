import TensorGraph

// A solver's point is one vector of f64; a graph takes it apart into buffers of its own types.

extension [HostBuffer] {
  /// Fills the buffers, one after another, with the elements of `point`.
  package func store(_ point: UnsafeBufferPointer<Double>) {
    var start = 0
    for buffer in self {
      let count = buffer.type.shape.elementCount
      buffer.store(UnsafeBufferPointer(rebasing: point[start..<start + count]))
      start += count
    }
  }

  /// Fills `vector` with the buffers' elements, one buffer after another.
  package func load(into vector: UnsafeMutableBufferPointer<Double>) {
    var start = 0
    for buffer in self {
      let count = buffer.type.shape.elementCount
      buffer.load(into: UnsafeMutableBufferPointer(rebasing: vector[start..<start + count]))
      start += count
    }
  }
}

extension HostBuffer {
  /// Rounds the elements to this buffer's floating-point type.
  package func store(_ elements: UnsafeBufferPointer<Double>) {
    switch type.dtype {
    case .f64:
      let target = pointer(as: Double.self)
      for index in 0..<target.count { target[index] = elements[index] }
    case .f32:
      let target = pointer(as: Float.self)
      for index in 0..<target.count { target[index] = Float(elements[index]) }
    case .i32, .i64, .bool:
      preconditionFailure("a point is made of floating-point numbers, not \(type)")
    }
  }

  package func load(into elements: UnsafeMutableBufferPointer<Double>) {
    switch type.dtype {
    case .f64:
      let source = pointer(as: Double.self)
      for index in 0..<source.count { elements[index] = source[index] }
    case .f32:
      let source = pointer(as: Float.self)
      for index in 0..<source.count { elements[index] = Double(source[index]) }
    case .i32, .i64, .bool:
      preconditionFailure("a gradient is made of floating-point numbers, not \(type)")
    }
  }

  /// One element of a buffer of floating-point numbers.
  package func number(at index: Int) -> Double {
    type.dtype == .f64
      ? pointer(as: Double.self)[index] : Double(pointer(as: Float.self)[index])
  }
}
