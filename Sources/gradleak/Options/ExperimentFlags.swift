import ArgumentParser
import Audit

/// The options that an experiment's members come from.
enum ExperimentFlags {
  private static let names = [
    "data.pictures": "--truth", "data.labels": "--labels", "data.readAs": "--read-as",
    "data.update": "--update", "model.activation": "--activation", "model.classes": "--classes",
    "model.width": "--width", "model.depth": "--depth", "model.pooling": "--pooling",
    "model.size": "--size", "model.inputShape": "--input-shape", "model.extents": "--shape",
    "model.output": "--output", "model.weights": "--weights", "loss.keepsSoftmax": "--keep-softmax",
    "client.optimizer": "--optimizer", "client.epochs": "--epochs",
    "client.miniBatch": "--mini-batch", "client.count": "--clients",
    "client.learningRate": "--learning-rate", "client.shufflesEpochs": "--shuffle-epochs",
    "client.freezesEmbeddings": "--freeze-embeddings", "client.adapterRank": "--lora",
    "data.texts": "--texts", "data.rows": "--rows", "data.table.label": "--label",
    "data.table.clients": "--by", "data.signals": "The signals", "data.signal.length": "--length",
    "data.signal.channels": "--channels", "data.signal.range": "--range",
    "data.signal.rate": "--rate", "model": "--model",
    "data.update.batchSize": "--batch-size",
    "data.update.noiseVariance": "--noise", "data.update.seen": "--seen", "model.head": "--head",
    "model.tokenizer": "--tokenizer", "model.adapter": "--adapter", "model.mean": "--mean",
    "model.deviation": "--std", "loss": "--loss", "mode": "--mode", "start": "--start",
    "prior": "--prior-model", "attack.plan": "--plan", "defences": "--defence",
  ]

  /// How the option is called that a member needs beside it.
  private static let remedies = ["client.shufflesEpochs": " with --epochs"]

  /// The error as a user of options reads it.
  ///
  /// - Parameter others: options of one command that are called otherwise.
  static func sentence(_ error: ExperimentError, _ others: [String: String]) -> String {
    (others[error.place] ?? names[error.place] ?? error.place) + " " + error.problem
      + (remedies[error.place] ?? "") + "."
  }
}

/// Names the option that is to blame where members of an experiment are wrong.
///
/// - Parameter others: options of one command that are called otherwise, by their members.
func naming<Result>(
  _ others: [String: String] = [:], _ body: () throws -> Result
) throws -> Result {
  do {
    return try body()
  } catch let error as ExperimentError {
    throw ValidationError(ExperimentFlags.sentence(error, others))
  }
}
