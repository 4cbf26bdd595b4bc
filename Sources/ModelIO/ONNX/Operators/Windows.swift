import TensorGraph

/// The attributes that convolutions and pooling share, for any number of spatial axes.
struct WindowAttributes {
  /// Extents of the input's spatial axes.
  let input: [Int]
  let kernel: [Int]
  let strides: [Int]
  let dilations: [Int]
  /// Padding before and after each axis; negative amounts remove elements.
  var low: [Int]
  var high: [Int]

  private static let largest = 1 << 24

  init(_ call: OperatorCall, input: [Int], kernel: [Int]) throws(ONNXError) {
    let count = input.count
    func list(_ name: String) throws(ONNXError) -> [Int] {
      let values = call.integers(name) ?? [Int](repeating: 1, count: count)
      guard values.count == count, values.allSatisfy((1...WindowAttributes.largest).contains) else {
        throw ONNXError(.malformed, "its \(name) \(values) do not fit \(count) spatial axes")
      }
      return values
    }
    self.input = input
    self.kernel = kernel
    strides = try list("strides")
    dilations = try list("dilations")
    let pads = call.integers("pads") ?? [Int](repeating: 0, count: 2 * count)
    guard pads.count == 2 * count, kernel.count == count,
      kernel.allSatisfy((1...WindowAttributes.largest).contains),
      pads.allSatisfy((-WindowAttributes.largest...WindowAttributes.largest).contains),
      input.allSatisfy((0...1 << 32).contains)
    else {
      throw ONNXError(
        .malformed, "its kernel \(kernel) and pads \(pads) do not fit \(count) spatial axes")
    }
    (low, high) = (Array(pads[..<count]), Array(pads[count...]))
    switch call.string("auto_pad", default: "NOTSET") {
    case "NOTSET", "": break
    case "VALID":
      low = [Int](repeating: 0, count: count)
      high = low
    case "SAME_UPPER": padToSame(extraAtStart: false)
    case "SAME_LOWER": padToSame(extraAtStart: true)
    case let other: throw ONNXError(.malformed, "its auto_pad \(other.quotedForMessage) is unknown")
    }
  }

  /// Extent of the dilated window along each axis.
  var spans: [Int] { kernel.indices.map { dilations[$0] * (kernel[$0] - 1) + 1 } }

  private mutating func padToSame(extraAtStart: Bool) {
    for axis in input.indices {
      let output = (input[axis] + strides[axis] - 1) / strides[axis]
      let total = max((output - 1) * strides[axis] + spans[axis] - input[axis], 0)
      let small = total / 2
      low[axis] = extraAtStart ? total - small : small
      high[axis] = total - low[axis]
    }
  }

  /// Number of windows along each axis.
  ///
  /// - Parameter ceils: whether a last window may reach beyond the padding; it is left out when it
  ///   would start there.
  func positions(ceils: Bool = false) throws(ONNXError) -> [Int] {
    var counts: [Int] = []
    for axis in input.indices {
      let room = input[axis] + low[axis] + high[axis] - spans[axis]
      guard room >= 0 || (ceils && room > -strides[axis]) else {
        throw ONNXError(
          .malformed,
          "its window of \(spans[axis]) does not fit an extent of \(input[axis]) with padding")
      }
      var count = ceils ? (room + strides[axis] - 1) / strides[axis] + 1 : room / strides[axis] + 1
      if ceils, (count - 1) * strides[axis] >= input[axis] + low[axis] { count -= 1 }
      guard count >= 1 else { throw ONNXError(.malformed, "it has no window along axis \(axis)") }
      counts.append(count)
    }
    return counts
  }

  /// Padding at the end with which exactly `count` windows fit; negative when elements are unused.
  func exactHigh(_ counts: [Int]) -> [Int] {
    counts.indices.map {
      (counts[$0] - 1) * strides[$0] + spans[$0] - input[$0] - low[$0]
    }
  }
}

extension Term {
  /// Zero padding of the spatial axes of [N, C, ...], where negative amounts remove elements.
  func padSpatially(low: [Int], high: [Int]) throws(ONNXError) -> Term {
    if low.allSatisfy({ $0 == 0 }), high.allSatisfy({ $0 == 0 }) { return self }
    return try pad(low: [0, 0] + low, high: [0, 0] + high)
  }
}
