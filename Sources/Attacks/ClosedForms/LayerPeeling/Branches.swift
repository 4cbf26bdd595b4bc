import TensorGraph

/// Both branches of a layer's output below an activation that turns, element by element.
struct Branches {
  /// The argument on the first branch, which is the only one where none is open.
  let values: [Double]
  /// What it weighs as an equation, 0 where the branch is open.
  let weights: [Double]
  /// The middle of both arguments, and of both cotangents.
  let middle: [Double]
  let middleCotangent: [Double]
  /// Of the line through both cotangents; where the branch is not open, the cotangent and 0.
  let cotangentAtZero: [Double]
  let cotangentSlopes: [Double]
  /// Both arguments in order.
  let lower: [Double]
  let upper: [Double]
  /// What these weigh as bounds of open elements, 0 for others.
  let boundWeights: [Double]

  init(_ value: KnownValue, _ cotangent: Tensor, _ other: PeelingState.OtherBranch) {
    let (first, second) = (value.tensor.doubles, other.value.tensor.doubles)
    let (c, d) = (cotangent.doubles, other.cotangent.doubles)
    let slopes = first.indices.map { index in
      other.isOpen[index] && first[index] != second[index]
        ? (d[index] - c[index]) / (second[index] - first[index]) : 0
    }
    values = first
    weights = zip(value.weights, other.isOpen).map { $1 ? 0 : $0 }
    middle = zip(first, second).map { ($0 + $1) / 2 }
    middleCotangent = zip(c, d).map { ($0 + $1) / 2 }
    cotangentSlopes = slopes
    cotangentAtZero = first.indices.map { c[$0] - slopes[$0] * first[$0] }
    lower = zip(first, second).map(min)
    upper = zip(first, second).map(max)
    boundWeights = first.indices.map { index in
      other.isOpen[index] ? 1 / (1 + abs(first[index] - second[index])) : 0
    }
  }

  /// Share of the way between two arguments within which a value is taken for the nearer. Others lie so near
  /// the turn that rounding hides their side: their values are given up, and between the branches
  /// their cotangents hardly differ.
  private static let nearness = 0.1

  /// The state in which each open element is on the branch that its value, found otherwise, is on.
  func decided(
    _ state: PeelingState, _ other: PeelingState.OtherBranch, at found: [Double]
  ) -> PeelingState {
    guard let value = state.value else { return state }
    let (second, secondCotangent) = (other.value.tensor.doubles, other.cotangent.doubles)
    var (decided, weights) = (values, value.weights)
    var cotangent = state.cotangent.doubles
    for index in values.indices where other.isOpen[index] {
      let span = second[index] - values[index]
      let share = span == 0 ? 0 : min(max((found[index] - values[index]) / span, 0), 1)
      if share > 1 - Branches.nearness {
        (decided[index], cotangent[index]) = (second[index], secondCotangent[index])
        weights[index] = other.value.weights[index]
      } else if share >= Branches.nearness {
        weights[index] = 0
        cotangent[index] += share * (secondCotangent[index] - cotangent[index])
      }
    }
    let shape = value.tensor.shape
    return PeelingState(
      value: KnownValue(Tensor(shape, .f64(decided)), weights: weights),
      cotangent: Tensor(shape, .f64(cotangent)), other: other)
  }
}
