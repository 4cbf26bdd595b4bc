import ArgumentParser
import Audit
import Clients
import ModelIO

extension UpdateKind: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = [
    "gradient": "the loss's gradient",
    "difference": "weights after training minus weights before",
  ]
}

/// A client's update in a file.
struct UpdateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A client's gradient: a safetensors file with tensors named as the model's parameters.",
      valueName: "file"))
  var update: String?

  @Option(help: ArgumentHelp("What the file's tensors are.", valueName: "name"))
  var updateKind: UpdateKind = .gradient

  /// The update that the options name; nil for none.
  ///
  /// - Parameter batchSize: of each client.
  func choice(batchSize: Int) -> UpdateChoice? {
    update.map { UpdateChoice(file: $0, kind: updateKind, batchSize: batchSize) }
  }
}
