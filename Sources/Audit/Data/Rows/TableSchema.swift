/// What the columns of a table are: what a model's inputs are made of, and what stands for a row that came back.
package struct TableSchema: Sendable, Equatable {
  /// In the order of the table.
  package var columns: [Column]
  /// The name of the column that the model is trained to tell.
  package var label: String

  package init(columns: [Column], label: String) {
    (self.columns, self.label) = (columns, label)
  }

  /// One column.
  package struct Column: Sendable, Equatable {
    package var name: String
    package var kind: Kind
    /// Whether cells may be empty.
    package var mayBeMissing = false
    /// What is done to numbers before the model gets them.
    package var scaling = Scaling.none

    package init(
      name: String, kind: Kind, mayBeMissing: Bool = false, scaling: Scaling = .none
    ) {
      (self.name, self.kind, self.mayBeMissing) = (name, kind, mayBeMissing)
      self.scaling = scaling
    }
  }

  /// What the cells of a column are.
  package enum Kind: Sendable, Equatable {
    /// Numbers within bounds, written with so many decimals at most; nil where they are not rounded.
    case continuous(ClosedRange<Double>, decimals: Int?)
    /// Whole numbers within bounds.
    case integer(ClosedRange<Int>)
    /// Words in an order.
    case ordinal([String])
    /// Words in no order.
    case categorical([String])
    /// Neither an input nor the label, such as a number of a record.
    case ignored

    /// As schemas and records call it.
    package var name: String {
      switch self {
      case .continuous: "continuous"
      case .integer: "integer"
      case .ordinal: "ordinal"
      case .categorical: "categorical"
      case .ignored: "ignored"
      }
    }

    package static let names = ["continuous", "integer", "ordinal", "categorical", "ignored"]

    /// The words that a cell can be; nil of numbers.
    package var values: [String]? {
      switch self {
      case .ordinal(let values), .categorical(let values): values
      case .continuous, .integer, .ignored: nil
      }
    }

    /// The bounds of numbers; nil of words.
    var bounds: ClosedRange<Double>? {
      switch self {
      case .continuous(let bounds, _): bounds
      case .integer(let bounds): Double(bounds.lowerBound)...Double(bounds.upperBound)
      case .ordinal, .categorical, .ignored: nil
      }
    }
  }

  /// What a client does to the numbers of a column before the model gets them; undone in what comes back.
  package enum Scaling: Sendable, Equatable {
    case none
    /// Subtracts a mean and divides by a standard deviation.
    case standard(mean: Double, deviation: Double)
    /// Maps the column's bounds to 0...1.
    case minimumMaximum

    package static let names = ["none", "standard", "min-max"]
  }

  /// The columns that make the model's inputs, with their places in the table.
  package var inputs: [(place: Int, column: Column)] {
    columns.enumerated().filter { $1.name != label && $1.kind != .ignored }
      .map { (place: $0, column: $1) }
  }

  /// The column of the label, with its place in the table.
  package var labelColumn: (place: Int, column: Column)? {
    columns.firstIndex { $0.name == label }.map { (place: $0, column: columns[$0]) }
  }

  /// The names of what is recovered: the inputs, then the label.
  package var recoveredNames: [String] { inputs.map(\.column.name) + [label] }
}
