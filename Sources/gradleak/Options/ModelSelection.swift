import ArgumentParser
import Foundation
import Leakage
import TensorGraph

/// Which model the client trains.
struct ModelSelection: ParsableArguments {
  @Option(help: ArgumentHelp("Model; see 'gradleak models'.", valueName: "name"))
  var model = "lenet"

  @Option(help: ArgumentHelp("Activation instead of the model's own.", valueName: "name"))
  var activation: Activation?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Number of classes instead of the model's own.", valueName: "n"))
  var classes: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Channels or features of the first layer instead of the model's own.", valueName: "n"))
  var width: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Height and width of the input.", valueName: "pixels"))
  var size: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Number of repeated layers, where that is a choice.", valueName: "n"))
  var depth: Int?

  @Option(help: ArgumentHelp("Pooling, where that is a choice.", valueName: "name"))
  var pooling: Pooling?

  /// The model and the name of its activation.
  ///
  /// - Throws: ``ModelError`` when there is no such model, an option does not fit it, or it cannot fit
  ///   into memory.
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
      classCount: classes, activation: activation, width: width, depth: depth,
      pooling: pooling)
    let activation = activation ?? architecture.defaults.activation
    let model = try architecture.model(options)
    try checkMemory(model)
    return (model, activation.rawValue)
  }

  /// Refuses what the system would end in the middle: weights, the shared gradient and what attacks
  /// derive from them take 8 to 14 times the weights in f64.
  private func checkMemory(_ model: Model) throws(ModelError) {
    let needed = 12 * 8 * Double(model.parameterCount)
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard needed <= available else {
      func gigabytes(_ bytes: Double) -> Int { Int((bytes / 1e9).rounded(.up)) }
      throw ModelError(
        "\(model.name) would have \(model.parameterCount) parameters, and attacking it would take "
          + "about \(gigabytes(needed)) GB of memory, more than the \(gigabytes(available)) GB of "
          + "this machine; use a smaller image, number of classes or model")
    }
  }
}
