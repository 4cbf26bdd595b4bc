import TensorGraph

/// Resampling of grids: interpolation is separable, so each axis is one product with a matrix of
/// weights that is known before the graph runs.
let resizingOperators: [OperatorEntry] = [
  .uniform("Resize", since: 10) { call throws(ONNXError) in try Resampling(call).applied() },
  .uniform("Upsample", since: 7) { call throws(ONNXError) in try Resampling(call).applied() },
]

private struct Resampling {
  let call: OperatorCall
  let x: Term
  /// Axes that may change, with their scale and new extent.
  let axes: [(axis: Int, scale: Double, extent: Int)]
  /// Start and end of the region of interest along each of `axes`.
  let regions: [(start: Double, end: Double)]

  init(_ call: OperatorCall) throws(ONNXError) {
    self.call = call
    let x = try call.term(0)
    self.x = x
    let isEarly = call.opset < 11 || call.node.opType == "Upsample"
    let axes = try call.axesInOrder(call.integers("axes") ?? Array(0..<x.rank), rank: x.rank)
    var scales = call.numbers("scales") ?? []
    if call.opset >= 9 || scales.isEmpty {
      let host = try call.optionalHost(isEarly ? 1 : 2, "scales")
      scales = host.map(\.doubles) ?? scales
    }
    var sizes: [Int] = []
    if !isEarly { sizes = try call.optionalHostIntegers(3, "sizes") ?? [] }
    guard scales.count == axes.count || sizes.count == axes.count else {
      throw ONNXError(.malformed, "its scales or sizes do not fit \(x.shape)")
    }
    var plan: [(axis: Int, scale: Double, extent: Int)] = []
    if sizes.count == axes.count {
      var factors = axes.indices.map { Double(sizes[$0]) / Double(max(x.shape[axes[$0]], 1)) }
      let policy = call.string("keep_aspect_ratio_policy", default: "stretch")
      if policy != "stretch", let first = factors.first {
        let factor =
          policy == "not_larger"
          ? factors.reduce(first, Swift.min) : factors.reduce(first, Swift.max)
        factors = factors.map { _ in factor }
        sizes = axes.map { Resampling.extent(factor * Double(x.shape[$0]) + 0.5) }
      }
      for index in axes.indices { plan.append((axes[index], factors[index], sizes[index])) }
    } else {
      for index in axes.indices {
        let extent = Resampling.extent(
          Double(Float(scales[index]) * Float(x.shape[axes[index]])))
        plan.append((axes[index], scales[index], extent))
      }
    }
    guard
      plan.allSatisfy({ $0.scale > 0 && $0.scale.isFinite && (0...1 << 24).contains($0.extent) })
    else { throw ONNXError(.malformed, "its scales or sizes are out of range") }
    self.axes = plan
    let region = isEarly ? [] : try call.optionalHost(1, "roi")?.doubles ?? []
    regions = plan.indices.map { index in
      region.count == 2 * plan.count ? (region[index], region[index + plan.count]) : (0, 1)
    }
  }

  /// Rounded down, and clamped before it overflows.
  private static func extent(_ value: Double) -> Int {
    value.isNaN ? -1 : Int(Swift.min(Swift.max(value.rounded(.down), -1), 0x1p40))
  }

  func applied() throws(ONNXError) -> Term {
    let mode = call.string("mode", default: "nearest")
    var result = x.dtype.isFloatingPoint ? x : try x.converted(call.emission.floating)
    for (index, entry) in axes.enumerated() {
      let input = x.shape[entry.axis]
      if entry.extent == input, entry.scale == 1, coordinateMode != "tf_crop_and_resize" {
        continue
      }
      guard input > 0 else { throw ONNXError(.malformed, "an axis of \(x.shape) is empty") }
      let places = (0..<entry.extent).map {
        coordinate(Double($0), entry, input: input, regions[index])
      }
      guard !places.contains(where: \.isNaN) else {
        throw ONNXError(.malformed, "its region of interest is no range of numbers")
      }
      if mode == "nearest" {
        let taken = try result.taking(
          places.map { Swift.min(Swift.max(nearest($0), 0), input - 1) }, axis: entry.axis)
        result = try extrapolated(taken, places, input, entry.axis)
        continue
      }
      guard entry.extent * input <= 1 << 24 else {
        throw ONNXError(.tooLarge, "its matrix of \(entry.extent) x \(input) weights is too large")
      }
      let shortest = Swift.min(entry.scale, 1)
      guard Double(entry.extent) / shortest <= 0x1p24 else {
        throw ONNXError(.tooLarge, "its scale \(entry.scale) is too small")
      }
      let rows = try places.map { (place) throws(ONNXError) in
        try weights(at: place, input: input, scale: entry.scale, mode)
      }
      let matrix = HostTensor(
        [entry.extent, input], .double, .floats(rows.flatMap { $0 }))
      let moved = try result.movingToLast(entry.axis)
      let product = try moved.matmul(call.emission.term(Operand(matrix)), transposeB: true)
      result = try extrapolated(product.movingLast(to: entry.axis), places, input, entry.axis)
    }
    return try result.converted(x.dtype)
  }

  private var coordinateMode: String {
    let isEarly = call.opset < 11 || call.node.opType == "Upsample"
    return call.string(
      "coordinate_transformation_mode", default: isEarly ? "asymmetric" : "half_pixel")
  }

  /// Where in the input the output's element `index` lies.
  private func coordinate(
    _ index: Double, _ entry: (axis: Int, scale: Double, extent: Int), input: Int,
    _ region: (start: Double, end: Double)
  ) -> Double {
    let width = Double(input)
    let length = entry.scale * width
    switch coordinateMode {
    case "align_corners": return length == 1 ? 0 : index * (width - 1) / (length - 1)
    case "asymmetric": return index / entry.scale
    case "pytorch_half_pixel" where length == 1: return -0.5
    case "half_pixel_symmetric":
      let offset = width / 2 * (1 - Double(entry.extent) / length)
      return offset + (index + 0.5) / entry.scale - 0.5
    case "tf_crop_and_resize":
      let span = (region.end - region.start) * (width - 1)
      let place = length == 1 ? span / 2 : index * span / (length - 1)
      return place + region.start * (width - 1)
    default: return (index + 0.5) / entry.scale - 0.5
    }
  }

  private func nearest(_ place: Double) -> Int {
    let isEarly = call.opset < 11 || call.node.opType == "Upsample"
    let bounded = Swift.min(Swift.max(place, -0x1p40), 0x1p40)
    switch call.string("nearest_mode", default: isEarly ? "floor" : "round_prefer_floor") {
    case "floor": return Int(bounded.rounded(.down))
    case "ceil": return Int(bounded.rounded(.up))
    case "round_prefer_ceil": return Int((bounded + 0.5).rounded(.down))
    default: return Int((bounded - 0.5).rounded(.up))
    }
  }

  /// Weights of the input's elements for the place between them.
  private func weights(
    at place: Double, input: Int, scale: Double, _ mode: String
  ) throws(ONNXError) -> [Double] {
    guard mode == "linear" || mode == "cubic" || mode == "bilinear" else {
      throw ONNXError(.malformed, "its mode \(mode.quotedForMessage) is unknown")
    }
    let isCubic = mode == "cubic"
    // Antialiasing widens the filter when shrinking.
    let shrink = call.flag("antialias") ? Swift.min(scale, 1) : 1
    let reach = Int(((isCubic ? 2 : 1) / shrink).rounded(.up)) + 1
    let start = Int(Swift.min(Swift.max(place, -0x1p40), 0x1p40).rounded(.down))
    guard reach <= 1 << 16 else { throw ONNXError(.tooLarge, "its scale \(scale) is too small") }
    var weights = [Double](repeating: 0, count: input)
    var total = 0.0
    for index in start - reach...start + reach + 1 {
      let distance = abs(Double(index) - place) * shrink
      let weight = isCubic ? cubic(distance) : Swift.max(1 - distance, 0)
      let isOutside = !(0..<input).contains(index)
      if weight == 0 || (isOutside && call.flag("exclude_outside")) { continue }
      weights[Swift.min(Swift.max(index, 0), input - 1)] += weight
      total += weight
    }
    return total == 0 ? weights : weights.map { $0 / total }
  }

  /// The cubic convolution kernel (Keys 1981, equation 15, with a free coefficient).
  private func cubic(_ x: Double) -> Double {
    let a = call.number("cubic_coeff_a", default: -0.75)
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
  }

  /// Places outside the input take a constant when cropping.
  private func extrapolated(
    _ result: Term, _ places: [Double], _ input: Int, _ axis: Int
  ) throws(ONNXError) -> Term {
    guard coordinateMode == "tf_crop_and_resize" else { return result }
    let flags = places.map { $0 < 0 || $0 > Double(input - 1) ? Int64(1) : 0 }
    var dimensions = [Int](repeating: 1, count: result.rank)
    dimensions[axis] = flags.count
    let isOutside = try call.emission.term(
      Operand(HostTensor(Shape(checking: dimensions), .bool, .integers(flags))))
    let value = call.number("extrapolation_value", default: 0)
    return try isOutside.select(result.filled(value), result)
  }
}

extension OperatorCall {
  /// Distinct axes in the given order.
  func axesInOrder(_ given: [Int], rank: Int) throws(ONNXError) -> [Int] {
    _ = try axes(given, rank: rank)
    return given.map { $0 < 0 ? $0 + rank : $0 }
  }
}
