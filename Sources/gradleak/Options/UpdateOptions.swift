import ArgumentParser
import Audit
import Clients
import ModelIO

extension UpdateKind: ExpressibleByArgument {
  /// Nil for other words; weights are given with --before and --after.
  public init?(argument: String) {
    guard let kind = UpdateKind(rawValue: argument), kind != .weights else { return nil }
    self = kind
  }

  /// For the help of options.
  public static let allValueStrings = [UpdateKind.gradient, .difference].map(\.rawValue)
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "gradient": "the loss's gradient",
    "difference": "weights after training minus weights before",
  ])
}

/// A client's update in a file.
struct UpdateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What a client shared: a file of tensors (safetensors, .pt, .npz, .npy).", valueName: "file"),
    completion: .tensors)
  var update: String?

  @Option(
    help: ArgumentHelp(
      "Instead: the weights that the client got.",
      valueName: "file"), completion: .tensors)
  var before: String?

  @Option(
    help: ArgumentHelp(
      "The weights that the client sent back.",
      valueName: "file"), completion: .tensors)
  var after: String?

  @Option(help: ArgumentHelp("What the file's tensors are.", valueName: "name", visibility: .rare))
  var updateKind: UpdateKind = .gradient

  @Flag(
    help: ArgumentHelp(
      "Find the factor of a single picture's update by its last layer: the learning rate of weights, the loss's scale "
        + "of a gradient.", visibility: .rare))
  var findScale = false

  @Option(
    help: ArgumentHelp(
      "Which elements of the update were seen: its tensors again, with 0 for what was not.",
      valueName: "file",
      visibility: .rare), completion: .tensors)
  var seen: String?

  func validate() throws {
    if seen != nil, file == nil {
      throw ValidationError(
        "--seen is about an update; give one with --update, or --before and --after.")
    }
    if findScale, file == nil {
      throw ValidationError(
        "--find-scale reads an update's; give one with --update, or --before and --after.")
    }
    guard (before == nil) == (after == nil) else {
      throw ValidationError(
        "--before and --after go together: the weights that the client got, and those that it sent back."
      )
    }
    guard after != nil else { return }
    if update != nil || updateKind != .gradient {
      throw ValidationError(
        "--before and --after are an update themselves; leave out --update and --update-kind.")
    }
  }

  /// The weights that the model starts from; nil for none.
  ///
  /// - Parameter weights: those of --weights.
  /// - Throws: ``ValidationError`` when both are given.
  func start(or weights: String?) throws -> String? {
    guard let before else { return weights }
    guard weights == nil || weights == before else {
      throw ValidationError("--before gives the weights that the client got; leave --weights out.")
    }
    return before
  }

  /// - Parameter remedy: options that say the factor of these data.
  /// - Throws: ``ValidationError`` where the factor is to be found of what is no picture.
  func refuseFindingScale(_ remedy: String = "--learning-rate or --loss-scale") throws {
    guard findScale else { return }
    throw ValidationError("--find-scale is for pictures; give the client's \(remedy).")
  }

  /// - Throws: ``ValidationError`` where a real client's update is to be defended.
  func refuse(_ defence: DefenceOptions) throws {
    guard file != nil, !defence.defences.isEmpty else { return }
    throw ValidationError(
      "--defence is what a simulated client does, and --update comes from a real one; leave one out."
    )
  }

  /// The file with what a client shared; nil for none.
  var file: String? { update ?? after }

  /// The update that the options name; nil for none.
  ///
  /// - Parameter batchSize: of each client.
  func choice(batchSize: Int) -> UpdateChoice? {
    file.map {
      var choice = UpdateChoice(
        file: $0, kind: after == nil ? updateKind : .weights, batchSize: batchSize)
      choice.seen = seen
      return choice
    }
  }
}
