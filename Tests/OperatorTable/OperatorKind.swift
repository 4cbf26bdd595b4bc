import TensorGraph

/// The operators without their attributes: what the table must hold a row for.
public enum OperatorKind: Hashable, Sendable {
  case input
  case constant
  case iota
  case unary(UnaryOp)
  case binary(BinaryOp)
  case compare(Comparison)
  case select
  case convert
  case reduce(Reduction)
  case argmax
  case matmul
  case convolution
  case convolutionInputGradient
  case convolutionWeightGradient
  case windowArgmax
  case broadcast
  case reshape
  case transpose
  case slice
  case pad
  case concatenate
  case gather
  case scatterAdd

  /// The kind of an operator.
  public init(_ op: Op) {
    switch op {
    case .input: self = .input
    case .constant: self = .constant
    case .iota: self = .iota
    case .elementwise(.unary(let op)): self = .unary(op)
    case .elementwise(.binary(let op)): self = .binary(op)
    case .elementwise(.compare(let comparison)): self = .compare(comparison)
    case .elementwise(.select): self = .select
    case .elementwise(.convert): self = .convert
    case .reduction(.reduce(let reduction, _)): self = .reduce(reduction)
    case .reduction(.argmax): self = .argmax
    case .contraction(.matmul): self = .matmul
    case .contraction(.convolution): self = .convolution
    case .contraction(.convolutionInputGradient): self = .convolutionInputGradient
    case .contraction(.convolutionWeightGradient): self = .convolutionWeightGradient
    case .reduction(.windowArgmax): self = .windowArgmax
    case .structural(.broadcast): self = .broadcast
    case .structural(.reshape): self = .reshape
    case .structural(.transpose): self = .transpose
    case .structural(.slice): self = .slice
    case .structural(.pad): self = .pad
    case .structural(.concatenate): self = .concatenate
    case .indexing(.gather): self = .gather
    case .indexing(.scatterAdd): self = .scatterAdd
    }
  }

  /// All kinds, each member of the function enums counted on its own.
  ///
  /// Walked along a chain whose `switch` has no `default`: a new case does not compile until it has
  /// its place here.
  public static let all: [OperatorKind] = {
    var kinds: [OperatorKind] = []
    var next: OperatorKind? = .input
    while let kind = next {
      switch kind {
      case .unary: kinds += UnaryOp.allCases.map { .unary($0) }
      case .binary: kinds += BinaryOp.allCases.map { .binary($0) }
      case .compare: kinds += Comparison.allCases.map { .compare($0) }
      case .reduce: kinds += Reduction.allCases.map { .reduce($0) }
      default: kinds.append(kind)
      }
      next = kind.next
    }
    return kinds
  }()

  private var next: OperatorKind? {
    switch self {
    case .input: .constant
    case .constant: .iota
    case .iota: .unary(.negate)
    case .unary: .binary(.add)
    case .binary: .compare(.less)
    case .compare: .select
    case .select: .convert
    case .convert: .reduce(.sum)
    case .reduce: .argmax
    case .argmax: .matmul
    case .matmul: .convolution
    case .convolution: .convolutionInputGradient
    case .convolutionInputGradient: .convolutionWeightGradient
    case .convolutionWeightGradient: .windowArgmax
    case .windowArgmax: .broadcast
    case .broadcast: .reshape
    case .reshape: .transpose
    case .transpose: .slice
    case .slice: .pad
    case .pad: .concatenate
    case .concatenate: .gather
    case .gather: .scatterAdd
    case .scatterAdd: nil
    }
  }
}
