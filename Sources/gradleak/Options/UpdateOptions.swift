import ArgumentParser
import Leakage
import ModelIO

extension UpdateKind: ExpressibleByArgument {
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

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The client's learning rate, for a difference.", valueName: "rate"))
  var learningRate: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The client's steps of training, for a difference.", valueName: "n"))
  var localSteps = 1

  func validate() throws {
    try check("--local-steps", localSteps, 1...1_000_000)
  }

  func reading(
    batchSize: Int, loss: ClientLoss, renamings: [TensorRenaming]
  ) -> UpdateReading {
    UpdateReading(
      kind: updateKind, learningRate: learningRate, localSteps: localSteps, batchSize: batchSize,
      loss: loss, renamings: renamings)
  }
}
