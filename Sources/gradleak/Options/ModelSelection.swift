import ArgumentParser
import Leakage
import TensorGraph

/// Which model the client trains.
struct ModelSelection: ParsableArguments {
  @Option(help: ArgumentHelp("Model; see 'gradleak models'.", valueName: "name"))
  var model = "lenet"

  @Option(
    help: ArgumentHelp(
      "Activation instead of the model's own: "
        + Activation.allCases.map(\.rawValue).joined(separator: ", ") + ".",
      valueName: "name"))
  var activation: Activation?

  @Option(help: ArgumentHelp("Number of classes instead of the model's own.", valueName: "n"))
  var classes: Int?

  @Option(
    help: ArgumentHelp(
      "Channels or features of the first layer instead of the model's own.", valueName: "n"))
  var width: Int?

  @Option(help: ArgumentHelp("Height and width of the input, in pixels.", valueName: "pixels"))
  var size: Int?

  /// The model and the name of its activation.
  ///
  /// - Throws: ``ModelError`` when there is no such model or an option does not fit it.
  func select() throws(ModelError) -> (model: Model, activation: String) {
    let architecture = try ModelCatalog.architecture(named: model)
    let channels = architecture.defaults.inputShape[0]
    let options = ModelOptions(
      inputShape: try size.map { size throws(ModelError) in
        guard (1...8192).contains(size) else {
          throw ModelError("--size is \(size); give a number of pixels from 1 to 8192")
        }
        return [channels, size, size]
      },
      classCount: classes, activation: activation, width: width)
    let activation = activation ?? architecture.defaults.activation
    return (try architecture.model(options), activation.rawValue)
  }
}
