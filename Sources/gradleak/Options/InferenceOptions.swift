import ArgumentParser
import Audit
import Clients
import ModelIO

/// A command that asks updates of clients for what is known of records.
protocol InferenceCommand {
  var table: TableFileOptions { get }
  var batchSize: Int { get }
  var seed: UInt64 { get }
  var update: UpdateOptions { get }
  var selection: ModelSelection { get }
  var loss: LossOptions { get }
  var training: LocalTrainingOptions { get }
  var defence: DefenceOptions { get }
  var output: OutputOptions { get }
}

extension InferenceCommand {
  /// The clients that the options describe, on rows of the table where there is one; its data have no records yet.
  ///
  /// - Parameters:
  ///   - recording: of signals, in place of rows and pictures.
  ///   - reading: how it is read.
  func experiment(on recording: String? = nil, _ reading: SignalChoice? = nil) throws -> Experiment
  {
    var experiment = Experiment()
    let kind: DataKindName =
      recording != nil ? .signals : table.file == nil ? .pictures : .rows
    experiment.model = try selection.choice(
      of: selection.chosenModel ?? DataKinds.descriptor(kind).usualModel)
    experiment.mode = selection.mode
    experiment.loss = try loss.choice()
    experiment.attack.seed = seed
    experiment.client = try training.choice(exampleCount: batchSize)
    experiment.data = ExperimentData(kind)
    experiment.data.table = table.choice
    experiment.data.signal = reading
    experiment.data.examples = [recording].compactMap(\.self)
    experiment.data.update = update.choice(batchSize: batchSize)
    try experiment.add(defence)
    try experiment.check()
    return experiment
  }

  /// Pictures as a model reads them, without labels.
  func examples(_ paths: [String], _ selected: SelectedModel) throws -> [PrivateExample] {
    try zip(paths, PictureNames.unique(paths, outputFolder: output.out)).map { path, name in
      try PictureFile(path, as: .pillow).example(
        name: name, label: nil, inputShape: selected.model.inputShape)
    }
  }
}
