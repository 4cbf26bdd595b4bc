/// The least of `values` that at least this share of them does not exceed; NaN without values.
///
/// - Parameter share: in 0...1.
public func quantile(_ share: Double, of values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return .nan }
  let position = max(Int((share * Double(sorted.count)).rounded(.up)) - 1, 0)
  return sorted[min(position, sorted.count - 1)]
}

/// The middle of the values in order, or the mean of the two middle ones; NaN for none.
public func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
