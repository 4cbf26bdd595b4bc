/// The least of `values` that at least this share of them does not exceed; NaN without values.
///
/// - Parameter share: in 0...1.
public func quantile(_ share: Double, of values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return .nan }
  let position = max(Int((share * Double(sorted.count)).rounded(.up)) - 1, 0)
  return sorted[min(position, sorted.count - 1)]
}
