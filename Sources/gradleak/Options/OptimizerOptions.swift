import ArgumentParser
import Audit
import Clients
import TensorGraph

extension ClientOptimizer.Name: ExpressibleByArgument {
  /// Any name; the catalogue knows which there are.
  public init?(argument: String) {
    self.init(rawValue: argument)
  }

  /// For the help of options.
  public static var allValueStrings: [String] { OptimizerCatalog.names.map(\.rawValue) }
}

/// How a client makes steps of its gradients.
struct OptimizerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The client's optimiser: \(ClientOptimizer.Name.allValueStrings.joined(separator: ", ")), with PyTorch's "
        + "defaults.", valueName: "name", visibility: .rare))
  var optimizer = ClientOptimizer.Name.sgd

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Momentum of the client's sgd or rmsprop.", valueName: "factor", visibility: .rare))
  var momentum: Double?

  @Flag(help: ArgumentHelp("Nesterov's form of the momentum of sgd.", visibility: .rare))
  var nesterov = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Weight decay: of adamw apart from the gradients, of others an L2 penalty.",
      valueName: "factor", visibility: .rare))
  var weightDecay: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of adam and adamw: how long gradients are averaged.", valueName: "factor", visibility: .rare)
  )
  var beta1: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of adam and adamw: how long squares are averaged.", valueName: "factor", visibility: .rare))
  var beta2: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of rmsprop: how long squares are averaged.", valueName: "factor", visibility: .rare))
  var alpha: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of adam, adamw and rmsprop: added to the root of squares.", valueName: "number",
      visibility: .rare))
  var eps: Double?

  @Flag(
    help: ArgumentHelp(
      "Of adam and adamw: the largest average of squares so far.", visibility: .rare))
  var amsgrad = false

  @Flag(help: ArgumentHelp("Of rmsprop: by the variance of gradients.", visibility: .rare))
  var centered = false

  @Option(
    help: ArgumentHelp(
      "What the client's optimiser kept from earlier rounds: its state_dict() by torch.save, or tensors called "
        + "exp_avg.NAME and so on. (default: a fresh optimiser)", valueName: "file",
      visibility: .rare), completion: .tensors)
  var optimizerState: String?

  @Option(
    help: ArgumentHelp(
      "How the client's learning rate changes from step to step: \(LearningRateSchedule.forms).",
      valueName: "form", visibility: .rare))
  var schedule: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Mini-batches whose gradients make one of the client's steps.", valueName: "n",
      visibility: .rare))
  var accumulate = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The client clips its gradients to this norm, all together.", valueName: "norm",
      visibility: .rare))
  var clipNorm: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The client clips each element of its gradients to this.", valueName: "value",
      visibility: .rare))
  var clipValue: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Factor of FedProx's proximal term in the client's loss.", valueName: "mu", visibility: .rare)
  )
  var proximal = 0.0

  @Option(
    help: ArgumentHelp(
      "Precision of a simulated client's weights, whose rounding a difference of them carries. (default: f32 for "
        + "adam, adamw and rmsprop, else that of the attack)", valueName: "name", visibility: .rare)
  )
  var weightPrecision: Precision?

  /// What the options say.
  ///
  /// - Throws: ``ValidationError`` when there is no such schedule.
  func choice() throws -> StepChoice {
    var choice = StepChoice()
    choice.optimizer = optimizer
    let numbers: [(ClientOptimizer.Setting, Double?)] = [
      (.momentum, momentum), (.nesterov, nesterov ? 1 : nil), (.weightDecay, weightDecay),
      (.beta1, beta1), (.beta2, beta2), (.alpha, alpha), (.epsilon, eps),
      (.amsgrad, amsgrad ? 1 : nil), (.centered, centered ? 1 : nil),
    ]
    for (setting, value) in numbers {
      if let value { choice[setting] = value }
    }
    if let schedule {
      do throws(AttackError) {
        choice.schedule = try LearningRateSchedule(schedule)
      } catch {
        throw ValidationError("--schedule: \(error.message).")
      }
    }
    choice.accumulate = accumulate
    (choice.clipNorm, choice.clipValue, choice.proximal) = (clipNorm, clipValue, proximal)
    choice.state = optimizerState
    choice.weightPrecision = weightPrecision
    return choice
  }
}
