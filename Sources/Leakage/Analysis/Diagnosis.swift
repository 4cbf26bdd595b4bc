/// What an attack's end means: whether the data came back, and if not, why.
public struct Diagnosis: Codable, Sendable, Equatable {
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    /// The matching loss is at rounding level and the solution is locally the only one.
    case recovered
    /// The matching loss is at rounding level, but JᵀJ has eigenvalues that rounding cannot tell
    /// from 0: some combinations of pixels are not determined. Or the client added noise, and the fit
    /// is as good as that allows.
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

  public let verdict: Verdict
  /// One or two sentences for people.
  public let explanation: String
  /// Matching loss divided by the squared norm of the shared update.
  public let relativeMatchingLoss: Double
  /// Numbers sought: pixels of the batch.
  public let unknowns: Int
  /// See ``Model/equationBound(batchSize:)``.
  public let equationBound: Int
  /// Estimates of the extreme eigenvalues of JᵀJ at the solution; nil when not known.
  public let smallestEigenvalue: Double?
  public let largestEigenvalue: Double?

  /// Share of the largest eigenvalue below which one cannot be told from 0 in f64.
  static let rankTolerance = 1e-14
  /// Mean squared error per pixel, 40 dB, above which a loss may not be taken for a recovery.
  static let tolerableError = 1e-4

  /// - Parameters:
  ///   - isSolved: whether the matching loss is what was asked for.
  ///   - isClosedForm: whether the solution was computed in closed form.
  ///   - layers: what layer peeling met, from the last layer to the first; may be empty.
  ///   - isNoisy: whether a fit to the noise's energy was accepted.
  ///   - matchingLoss: not divided by anything.
  ///   - methods: what was tried, for the explanation.
  init(
    relativeMatchingLoss: Double, isSolved: Bool, isClosedForm: Bool, unknowns: Int,
    equationBound: Int, extremeEigenvalues: (smallest: Double, largest: Double)?,
    layers: [LayerPeeling.Layer] = [], isNoisy: Bool = false, matchingLoss: Double = 0,
    methods: [String]
  ) {
    self.relativeMatchingLoss = relativeMatchingLoss
    self.unknowns = unknowns
    self.equationBound = equationBound
    smallestEigenvalue = extremeEigenvalues?.smallest
    largestEigenvalue = extremeEigenvalues?.largest
    // What is left of the loss may stand for an error along the weakest direction.
    let isSingular = extremeEigenvalues.map {
      $0.smallest <= Diagnosis.rankTolerance * $0.largest
        || matchingLoss > Diagnosis.tolerableError * Double(unknowns) * $0.smallest
    }
    if equationBound < unknowns {
      verdict = .notDetermined
      explanation =
        "The gradient gives at most \(equationBound) independent equations for \(unknowns) pixel "
        + "values, so other batches share it"
        + (isSolved ? ", and this reconstruction is one of them." : ".")
        + " A wider model, a smaller batch or smaller images would leak them."
    } else if !isSolved, let open = layers.first(where: { !$0.isDetermined }) {
      verdict = .notDetermined
      explanation = Diagnosis.explanation(of: open)
    } else if !isSolved {
      verdict = .stuck
      let tried = Dictionary(grouping: methods) { $0 }.map { "\($1.count) x \($0)" }.sorted()
      explanation =
        "No batch with this gradient was found; tried " + tried.joined(separator: ", ")
        + ". That is no proof of safety: more trials or another attack may succeed."
    } else if isNoisy {
      verdict = .recoveredUpToAmbiguity
      explanation =
        "The reconstruction fits the update as well as the client's noise allows. How near it is to the "
        + "private images the update does not tell; `gradleak analyse` bounds it."
    } else if isSingular == true, !isClosedForm {
      verdict = .recoveredUpToAmbiguity
      explanation =
        "The reconstruction has nearly the shared gradient, but some combinations of pixels change that "
        + "gradient by less than what is left; `gradleak analyse` shows which."
    } else {
      verdict = .recovered
      explanation =
        isClosedForm
        ? "Computed layer by layer from systems of full rank: the solution is the only one."
        : "The reconstruction has the shared gradient to rounding, and no other batch near it does."
    }
  }

  /// Why peeling ends at a layer.
  private static func explanation(of layer: LayerPeeling.Layer) -> String {
    let place = "At \(layer.name), with everything behind it known,"
    let cause =
      layer.equations < layer.unknowns
      ? " the gradient gives \(layer.equations) equations for \(layer.unknowns) values"
      : " the \(layer.equations) equations that the gradient gives leave some of \(layer.unknowns) "
        + "values open"
    return place + cause
      + ": a ReLU passes no equation on where it is 0. The reconstruction is one of many batches that "
      + "come close to this gradient; a wider model would leak them."
  }
}
