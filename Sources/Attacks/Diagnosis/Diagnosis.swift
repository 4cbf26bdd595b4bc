import ModelIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What an attack's end means: whether the data came back, and if not, why.
public struct Diagnosis: Codable, Sendable, Equatable {
  /// What an attack's end means.
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    /// The matching loss is at rounding level, and what rounding and that loss may stand for is an error
    /// below `tolerableError`: the solution is locally the only one.
    case recovered
    /// The matching loss is at rounding level, but other batches, farther away than `tolerableError`, have
    /// one too: some combinations of pixels are not determined, or the numbers are too coarse, or nobody
    /// measured it. Or the client added noise, and the fit is as good as that allows.
    case recoveredUpToAmbiguity = "recovered up to ambiguity"
    /// No point with a matching loss at rounding level was found.
    case stuck
    /// The gradient gives fewer equations than there are pixels: many other batches have it too.
    case notDetermined = "not determined by this gradient"
    /// The update cannot be this model's under the stated loss, labels, mode, batch size and kind.
    case doesNotFit = "does not fit this model"
    /// The update is exactly zero, whatever the data are.
    case carriesNothing = "carries nothing"
    /// A limit of time or iterations, or the user, ended the attack before it was done.
    case cutShort = "cut short"
  }

  /// What the end means.
  public let verdict: Verdict
  /// One or two sentences for people.
  public let explanation: Sentence
  /// Matching loss divided by the squared norm of the shared update.
  public let relativeMatchingLoss: Double
  /// Numbers sought: pixels of the batch; nil where no numbers are, as of texts.
  public let unknowns: Int?
  /// See `equationBound(batchSize:)`; nil likewise.
  public let equationBound: Int?
  /// Estimates of the extreme eigenvalues of JᵀJ at the solution; nil when not known.
  public let smallestEigenvalue: Double?
  /// The largest; see ``smallestEigenvalue``.
  public let largestEigenvalue: Double?
  /// The mean squared error per pixel value that the rounding of the update and the rest of the loss may
  /// stand for; nil when nothing was solved or it was not measured. See `ImpliedError`.
  public let impliedError: Double?

  /// Share of the largest eigenvalue below which one cannot be told from 0 in f64.
  static let rankTolerance = 1e-14
  /// Mean squared error per pixel, 40 dB, above which a loss may not be taken for a recovery.
  static let tolerableError = 1e-4

  /// Of data that are no numbers.
  package init(_ verdict: Verdict, _ explanation: Sentence, relativeMatchingLoss: Double) {
    self.init(
      verdict, explanation, relativeMatchingLoss: relativeMatchingLoss, unknowns: nil,
      equationBound: nil)
  }

  init(
    _ verdict: Verdict, _ explanation: Sentence, relativeMatchingLoss: Double, unknowns: Int?,
    equationBound: Int?, error: ImpliedError? = nil
  ) {
    self.verdict = verdict
    self.explanation = explanation
    self.relativeMatchingLoss = relativeMatchingLoss
    self.unknowns = unknowns
    self.equationBound = equationBound
    smallestEigenvalue = error?.extremeEigenvalues?.smallest
    largestEigenvalue = error?.extremeEigenvalues?.largest
    impliedError = error?.meanSquaredError.isFinite == true ? error?.meanSquaredError : nil
  }
}

extension Diagnosis {
  /// What an attack's end is judged by.
  struct Evidence {
    /// Not divided by anything, and divided by the squared norm of the update.
    var matchingLoss: Double
    var relativeMatchingLoss: Double
    /// Whether the matching loss is what was asked for.
    var isSolved: Bool
    /// Whether the solution was computed in closed form.
    var isClosedForm = false
    var unknowns: Int
    /// What they are, for people.
    var unknownWords = "pixel values"
    var equationBound: Int
    /// Nil where it was not measured.
    var error: ImpliedError?
    /// What layer peeling met, from the last layer to the first; may be empty.
    var layers: [LayerPeeling.Layer] = []
    /// Whether a fit to the noise's energy was accepted.
    var isNoisy = false
    /// The squared error that rounding of the shared numbers brings, relative to their squared norm.
    var relativeRounding = 0.0
    /// What speaks against the update being this model's.
    var misfit: UpdateMisfit?
    /// Whether a limit or the user ended the attack before it was done.
    var wasCutShort = false
    /// What was tried.
    var methods: [String]
  }

  init(_ evidence: Evidence) {
    let (verdict, explanation) = Diagnosis.judgement(evidence)
    self.init(
      verdict, explanation, relativeMatchingLoss: evidence.relativeMatchingLoss,
      unknowns: evidence.unknowns, equationBound: evidence.equationBound, error: evidence.error)
  }

  private static func judgement(_ evidence: Evidence) -> (Verdict, Sentence) {
    guard evidence.isSolved else { return judgementOfFailure(evidence) }
    if evidence.equationBound < evidence.unknowns {
      return (
        .notDetermined, tooFewEquations(evidence, ", and this reconstruction is one of them.")
      )
    }
    if evidence.isNoisy {
      return (
        .recoveredUpToAmbiguity,
        """
        The reconstruction fits the update as well as the client's noise allows. How near it is to the \
        private images the update does not tell; `gradleak analyse` bounds it.
        """
      )
    }
    guard let error = evidence.error else {
      return (
        .recoveredUpToAmbiguity,
        """
        The reconstruction has the shared gradient to rounding. Whether other batches have it too was not \
        measured; `gradleak analyse` does that for small batches.
        """
      )
    }
    if error.isSingular {
      return (
        .recoveredUpToAmbiguity,
        """
        The reconstruction has nearly the shared gradient, but some combinations of pixels change that \
        gradient by less than what is left; `gradleak analyse` shows which.
        """
      )
    }
    if !error.isTolerable {
      return (.recoveredUpToAmbiguity, Sentence(nearMiss(evidence, error)))
    }
    if evidence.isClosedForm, let end = evidence.layers.first(where: \.isSought) {
      return (.recovered, Sentence(explanation(ofEnd: end)))
    }
    if evidence.isClosedForm, evidence.layers.contains(where: { $0.turnedValues > 0 }) {
      return (.recovered, Sentence(explanation(ofTurns: evidence.layers)))
    }
    return (
      .recovered,
      evidence.isClosedForm
        ? "Computed layer by layer from systems of full rank: the solution is the only one."
        : "The reconstruction has the shared gradient to rounding, and no other batch near it does."
    )
  }

  private static func explanation(ofEnd end: LayerPeeling.Layer) -> String {
    """
    Read exactly, layer by layer, down to \(end.name), whose gradient gives \(end.equations) equations for \
    the \(end.unknowns) values it reads; the image below was found from them and the values above, and no \
    other image near it has this gradient.
    """
  }

  private static func explanation(ofTurns layers: [LayerPeeling.Layer]) -> String {
    """
    Computed layer by layer from systems of full rank; which of two arguments \
    \(layers.reduce(0) { $0 + $1.turnedValues }) values of an activation that turns have was found from \
    the layers' equations, which all hold, and no other image near this one has its gradient.
    """
  }

  private static func judgementOfFailure(_ evidence: Evidence) -> (Verdict, Sentence) {
    if let misfit = evidence.misfit { return (.doesNotFit, misfit.sentence) }
    if evidence.equationBound < evidence.unknowns {
      return (.notDetermined, tooFewEquations(evidence, "."))
    }
    if let open = evidence.layers.first(where: \.isOpen) {
      return (.notDetermined, Sentence(explanation(of: open)))
    }
    let tried = Dictionary(grouping: evidence.methods) { $0 }.map { "\($1.count) x \($0)" }
      .sorted().joined(separator: ", ")
    let isCoarse = evidence.relativeRounding > 1e-6
    let rounding =
      isCoarse
      ? " The update's numbers are rounded so that \(percent(evidence.relativeRounding.squareRoot())) of "
        + "it are error, which hides what a reconstruction could be told by."
      : ""
    if evidence.wasCutShort {
      return (
        .cutShort,
        """
        A limit ended the attack before it was done; tried \(tried). That says nothing about safety: give \
        it more time (\(.timeLimit), \(.budget), \(.iterations)).\(rounding)
        """
      )
    }
    return (
      .stuck,
      """
      No batch with this gradient was found; tried \(tried). That is no proof of safety: more trials or \
      another attack may succeed.\(rounding)
      """
    )
  }

  private static func tooFewEquations(_ evidence: Evidence, _ end: String) -> Sentence {
    """
    The gradient gives at most \(evidence.equationBound) independent equations for \
    \(evidence.unknowns) \(evidence.unknownWords), so other batches share it\(end) \
    A wider model, a smaller batch or smaller images would leak them.
    """
  }

  /// Other examples that fit as well.
  private static func nearMiss(_ evidence: Evidence, _ error: ImpliedError) -> String {
    let distance =
      error.meanSquaredError < 1
      ? "as far as \(Int((-10 * log10(max(error.meanSquaredError, 1e-30))).rounded())) dB away"
      : "that look nothing like it"
    let cause =
      evidence.relativeRounding >= evidence.relativeMatchingLoss
      ? "the rounding of its numbers, \(percent(evidence.relativeRounding.squareRoot())) of it,"
      : "what is left of the matching loss"
    return
      "The reconstruction fits the update, but so do other examples, \(distance): the update determines "
      + "them no better, since \(cause) is multiplied on the way back to them."
  }

  private static func percent(_ share: Double) -> String {
    let value = share * 100
    guard value >= 0.095 else {
      return value >= 0.00095 ? "\(rounded(value)) %" : "next to nothing"
    }
    return "\(rounded(value)) %"
  }

  /// Two significant digits.
  private static func rounded(_ value: Double) -> String {
    guard value > 0, value.isFinite else { return "\(value)" }
    let unit = pow(10, floor(log10(value)) - 1)
    let number = (value / unit).rounded() * unit
    return number >= 10 ? "\(Int(number.rounded()))" : "\((number * 1e6).rounded() / 1e6)"
  }

  /// Why peeling ends at a layer whose equations leave its input open.
  private static func explanation(of layer: LayerPeeling.Layer) -> String {
    let place = "At \(layer.name), with everything behind it known,"
    let cause =
      layer.equations < layer.unknowns
      ? " the gradient gives \(layer.equations) equations for \(layer.unknowns) values"
      : " the \(layer.equations) equations that the gradient gives leave some of \(layer.unknowns) "
        + "values open"
    return place + cause
      + (layer.lostValues > 0
        ? ": \(layer.lostValues) values of its output are behind a ReLU that is 0 there and passes no "
          + "equation on."
        : ".")
      + " The reconstruction is one of many batches that come close to this gradient; a wider model "
      + "would leak them."
  }
}
