import TensorGraph

/// What labels stand for where they are no classes: label i is row i. Sets of classes of a multi-label
/// model are rows of zeros and ones, targets of a regression rows of numbers.
public struct TargetTable: Hashable, Sendable {
  /// One number for each of the model's outputs, in every row.
  public let rows: [[Double]]

  /// - Throws: ``AttackError`` when there is no row, or rows differ in length or are not finite.
  public init(_ rows: [[Double]]) throws(AttackError) {
    guard let width = rows.first?.count, rows.allSatisfy({ $0.count == width }), width > 0,
      rows.allSatisfy({ $0.allSatisfy(\.isFinite) })
    else {
      throw AttackError("targets need one finite number for each output of the model", .badInput)
    }
    self.rows = rows
  }

  /// The row of a label as people write it: "0+3" for classes 0 and 3, "none" for no class, "0.5" or
  /// "0.5+1.2" for numbers.
  public func name(of label: Int) -> String {
    guard rows.indices.contains(label) else { return "?" }
    return TargetTable.name(of: rows[label])
  }

  package static func name(of row: [Double]) -> String {
    guard row.count > 1, row.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      return row.map(number).joined(separator: ":")
    }
    let classes = row.indices.filter { row[$0] == 1 }
    return classes.isEmpty ? "none" : classes.map(String.init).joined(separator: "+")
  }

  /// Five significant digits.
  private static func number(_ value: Double) -> String {
    guard value != 0, abs(value) < 1e15, abs(value) > 1e-9 else { return "\(value)" }
    var unit = 1.0
    while abs(value) / unit < 1e4 { unit /= 10 }
    while abs(value) / unit >= 1e5 { unit *= 10 }
    let digits = (value / unit).rounded()
    let rounded = unit >= 1 ? digits * unit : digits / (1 / unit).rounded()
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  /// The rows as a value [rows, outputs], equal neighbours as one constant.
  func value(in builder: GraphBuilder, _ dtype: DType) -> Value {
    let lines = rows.map { row -> Value in
      var runs: [Value] = []
      var start = 0
      while start < row.count {
        var end = start + 1
        while end < row.count, row[end] == row[start] { end += 1 }
        runs.append(builder.constant(row[start], [1, end - start], dtype))
        start = end
      }
      return Value.concatenate(runs, axis: 1)
    }
    return Value.concatenate(lines, axis: 0)
  }

  /// The label whose row is nearest to these numbers.
  package func nearest(to target: ArraySlice<Double>) -> Int {
    func distance(_ row: [Double]) -> Double {
      zip(row, target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    return rows.indices.min { distance(rows[$0]) < distance(rows[$1]) } ?? 0
  }
}

extension Array {
  /// Pieces of `size` elements.
  package func chunked(_ size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }
}
