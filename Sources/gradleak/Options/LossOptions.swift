import ArgumentParser
import Audit
import Clients
import TensorGraph

extension ClientLoss.Kind: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "cross-entropy": "softmax and cross entropy",
    "mse": "squared error against one-hot labels, or numbers",
    "bce": "sigmoids and binary cross entropy (BCEWithLogitsLoss)",
  ])
}

extension LossReduction: ExpressibleByArgument {}

/// Which loss the client's gradient is of.
struct LossOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The client's loss.", valueName: "name"))
  var loss: ClientLoss.Kind = .crossEntropy

  @Option(
    help: ArgumentHelp(
      "How the client made one number of a batch's losses.", valueName: "name", visibility: .rare))
  var reduction: LossReduction = .mean

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Label smoothing of the client's cross entropy.", valueName: "share", visibility: .rare))
  var labelSmoothing = 0.0

  @Option(
    help: ArgumentHelp(
      "Class weights of the client's cross entropy, such as 1,2.5,1.", valueName: "weights",
      visibility: .rare))
  var classWeights: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "A factor on the client's loss, such as 0.5.", valueName: "factor", visibility: .rare))
  var lossScale = 1.0

  @Flag(
    help: ArgumentHelp(
      "The client applied its loss to the values of the softmax or sigmoid that the model's file ends in, "
        + "not to what goes into it. Found by which fits, where a single example's update tells.",
      visibility: .rare))
  var keepSoftmax = false

  /// What the options say.
  ///
  /// - Throws: ``ValidationError`` for a text that cannot be read.
  func choice() throws -> LossChoice {
    var choice = LossChoice()
    choice.kind = loss
    choice.reduction = reduction
    choice.labelSmoothing = labelSmoothing
    choice.classWeights = try classWeights.map { try numbers($0, of: "--class-weights") }
    choice.scale = lossScale
    choice.keepsSoftmax = keepSoftmax
    return choice
  }

  /// The client's loss on a model; see ``LossChoice/clientLoss(of:)``.
  func clientLoss(of selected: SelectedModel) throws -> ClientLoss {
    try naming { try choice().clientLoss(of: selected) }
  }

  /// - Throws: ``AttackError`` when a number is out of range or options do not go together.
  func clientLoss() throws -> ClientLoss { try choice().clientLoss() }
}
