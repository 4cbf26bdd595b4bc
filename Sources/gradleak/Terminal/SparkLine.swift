/// Numbers over time as one line of block characters.
struct SparkLine {
  /// What stands at the foot and at the head.
  struct Scale {
    let low: Double
    let high: Double

    /// That of all finite numbers.
    init(_ numbers: [Double]) {
      let finite = numbers.filter(\.isFinite)
      (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
    }
  }

  private static let blocks = Array("▁▂▃▄▅▆▇█")

  /// As many characters as the width, or as there are numbers.
  let text: String

  /// - Parameter width: columns; of several numbers in one, that which is farthest from the middle is drawn.
  init(_ numbers: [Double], _ scale: Scale, width: Int) {
    let columns = min(width, numbers.count)
    let span = max(scale.high - scale.low, .leastNormalMagnitude)
    let middle = (scale.low + scale.high) / 2
    text = String(
      (0..<columns).map { column -> Character in
        let part = numbers[
          column * numbers.count / columns..<(column + 1) * numbers.count / columns]
        guard let shown = part.max(by: { abs($0 - middle) < abs($1 - middle) }), shown.isFinite
        else {
          return " "
        }
        let height = (min(max(shown, scale.low), scale.high) - scale.low) / span
        return SparkLine.blocks[min(Int(height * 8), 7)]
      })
  }
}
