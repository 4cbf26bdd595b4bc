import TensorGraph

/// Where a model is not twice continuously differentiable in its input, which attacks that match
/// gradients by gradient descent rely on (Zhu et al. 2019, arXiv 1906.08935, section 3.1).
package struct SmoothnessReport: Hashable, Sendable {
  /// What breaks a derivative. In the order reports show them.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Activations made of straight pieces, like ReLU: the second derivative is 0 wherever it
    /// exists, and the slope jumps.
    case piecewiseLinear
    /// Activations whose pieces meet smoothly but bend differently, like ELU: the second derivative
    /// jumps.
    case piecewiseSmooth
    /// Choices of the largest element in a window.
    case maxPooling
    /// Absolute values, maxima and minima: the slope jumps.
    case kink
    /// Signs and roundings: the derivative is 0 wherever it exists.
    case step
  }

  /// Number of places of each kind that occurs.
  package let counts: [Kind: Int]

  package init(counts: [Kind: Int]) {
    self.counts = counts.filter { $0.value > 0 }
  }

  /// Whether nothing was found.
  package var isSmooth: Bool { counts.isEmpty }

  /// What was found, as a list in words: "17 piecewise-linear activations and 2 max poolings".
  /// Empty when nothing was.
  package var findings: String {
    let items = Kind.allCases.compactMap { kind in counts[kind].map { kind.phrase(count: $0) } }
    guard let last = items.last, items.count > 1 else { return items.first ?? "" }
    return items.dropLast().joined(separator: ", ") + " and " + last
  }

  /// One paragraph for people: what was found, why it hurts gradient matching, what to use instead.
  package var explanation: String {
    if isSmooth {
      return "The model is twice differentiable everywhere, as matching gradients by gradient "
        + "descent assumes."
    }
    let reasons = Kind.allCases.filter { counts[$0] != nil }.map(\.reason)
    return "The model has \(findings), so it is not twice differentiable everywhere. Matching "
      + "gradients by gradient descent follows the derivative, with respect to the image, of a "
      + "gradient with respect to the weights: a second derivative. "
      + reasons.joined(separator: " ")
      + " The matching loss is then flat in places and broken in others, and searches are slower, "
      + "worse or stuck. That protects little: the attack auto reads single examples off such a "
      + "gradient in closed form where the layers allow it."
  }
}

extension SmoothnessReport.Kind {
  fileprivate func phrase(count: Int) -> String {
    let noun =
      switch self {
      case .piecewiseLinear: "piecewise-linear activation"
      case .piecewiseSmooth: "piecewise-smooth activation"
      case .maxPooling: "max pooling"
      case .kink: "absolute value, maximum or minimum"
      case .step: "sign or rounding"
      }
    guard count != 1 else { return "1 \(noun)" }
    let plural =
      switch self {
      case .kink: "absolute values, maxima or minima"
      case .step: "signs or roundings"
      case .piecewiseLinear, .piecewiseSmooth, .maxPooling: noun + "s"
      }
    return "\(count) \(plural)"
  }

  fileprivate var reason: String {
    switch self {
    case .piecewiseLinear:
      "Activations like ReLU have a second derivative of zero, and their slope jumps at 0: a unit "
        + "that is switched off tells the attack nothing, and one that switches moves the gradient "
        + "by a jump."
    case .piecewiseSmooth:
      "The second derivative of activations like ELU jumps at 0."
    case .maxPooling:
      "Max pooling passes derivatives to one pixel per window, and jumps when another becomes the "
        + "largest."
    case .kink:
      "The slope of absolute values, maxima and minima jumps."
    case .step:
      "Signs and roundings have no derivative to follow."
    }
  }
}
