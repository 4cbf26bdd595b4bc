import Attacks
import Clients
import ModelIO
import Solvers
import TensorGraph

/// Experiments on rows of one table and one model.
package final class RowRunner: ExperimentRunner {
  package let table: LoadedTable
  /// Runs them as inputs.
  package let inputs: PictureRunner

  /// Models that are made for tables.
  private static let modelsOfTables: Set = [RowData().descriptor.usualModel, "entity-mlp"]
  /// Features of a hidden layer, and such layers, of the usual model.
  private static let (usualWidth, usualDepth) = (256, 2)

  /// - Parameters: as of ``DataKind/runner(for:batchSizes:backend:)``.
  package init(_ experiment: Experiment, batchSizes: Set<Int>, backend: any Backend) throws {
    table = try LoadedTable(experiment.data.table ?? TableChoice())
    var choice = experiment.model
    choice.inputShape = [1, 1, table.encoding.width]
    guard table.encoding.width <= 8192 else {
      throw ExperimentError(
        "data.table",
        "makes \(table.encoding.width) inputs, and a model takes 8192 at most; ignore columns of many values"
      )
    }
    if !choice.isFile {
      choice.classes = choice.classes ?? RowRunner.outputs(table.schema, experiment.loss.kind)
      if RowRunner.modelsOfTables.contains(choice.name) {
        choice.width = choice.width ?? RowRunner.usualWidth
        choice.depth = choice.depth ?? RowRunner.usualDepth
      }
      try RowRunner.check(choice, takes: table.encoding.width)
    }
    let selected = try choice.select(
      mode: experiment.mode, batchSizes: batchSizes, embedding: table.encoding.wordBlocks)
    inputs = PictureRunner(
      selected.reading(table.encoding.structure), backend: backend)
    try checkLabels(selected.model)
    try RowRunner.checkLabel(table.schema, experiment.loss.kind, inputs.selected.model)
  }

  /// Outputs of a model that tells the label under a loss.
  private static func outputs(_ schema: TableSchema, _ loss: ClientLoss.Kind) -> Int {
    let count = schema.labelColumn?.column.kind.values?.count ?? 1
    return loss == .binaryCrossEntropy && count == 2 ? 1 : count
  }

  /// - Throws: ``ExperimentError`` for a built-in model that a row is no input of, as of models of pictures of some size.
  private static func check(_ choice: ModelChoice, takes width: Int) throws {
    let options = ModelOptions(inputShape: [1, 1, width])
    guard let lack = try ModelCatalog.architecture(named: choice.name).lack(options) else { return }
    let others = ["mlp", "entity-mlp", "ft-transformer"].filter { $0 != choice.name }
    throw ExperimentError(
      "model",
      "is \(choice.name), which needs \(lack), and a row of this table has \(width) inputs; use "
        + others.dropLast().joined(separator: ", ") + " or \(others.last ?? "")")
  }

  private static func checkLabel(
    _ schema: TableSchema, _ loss: ClientLoss.Kind, _ model: Model
  ) throws(ExperimentError) {
    guard let label = schema.labelColumn?.column else { return }
    guard let values = label.kind.values else {
      guard loss == .meanSquaredError, model.classCount == 1 else {
        throw ExperimentError(
          "loss",
          "is \(loss.rawValue), and the label \(label.name.quotedForMessage) is \(label.kind.name): "
            + "numbers go with mse and a model of one output")
      }
      return
    }
    let known = model.classCount == 1 && loss != .crossEntropy ? 2 : model.classCount
    guard values.count <= known else {
      throw ExperimentError(
        "model.classes",
        "\(model.classCount) are fewer than the \(values.count) values of the label "
          + label.name.quotedForMessage)
    }
  }

  package var drawsWeights: Bool { inputs.drawsWeights }
  package var notes: [Sentence] { inputs.notes }

  /// The same: the table has the labels.
  package func labelled(_ experiment: Experiment) throws -> Experiment { experiment }

  package func prepare(
    _ experiment: Experiment, names: [String]?
  ) throws -> any PreparedExperiment {
    try prepareRows(experiment, names: names)
  }

  /// The same as ``prepare(_:names:)``.
  package func prepareRows(
    _ experiment: Experiment, names: [String]? = nil
  ) throws -> PreparedRows {
    let data = experiment.data
    guard data.update != nil || !data.examples.isEmpty else {
      throw ExperimentError("data.rows", "is empty; give the numbers of rows")
    }
    guard data.examples.isEmpty || data.examples.count == experiment.batchSize else {
      throw ExperimentError(
        "data.rows",
        "has \(data.examples.count) rows for a batch of \(experiment.batchSize); give one for each")
    }
    let truth = try data.examples.map { name throws(ExperimentError) in
      try table.row(named: name)
    }
    let loss = try experiment.loss.clientLoss(of: inputs.selected)
    let (examples, given) = try examples(data.examples, names: names, loss)
    return PreparedRows(
      inputs: try inputs.prepare(
        experiment, examples: examples,
        labels: data.update == nil ? examples.compactMap(\.label) : nil,
        loss: data.update == nil ? given : loss),
      runner: self, truth: zip(examples, truth).map { PrivateRow(name: $0.name, values: $1) })
  }

  /// Rows as inputs with the labels of a loss.
  ///
  /// - Parameters:
  ///   - rows: their numbers, from 1.
  ///   - names: for tables; made of the numbers where nil.
  /// - Returns: the examples, and the loss with what labels stand for where they are no classes.
  /// - Throws: ``ExperimentError`` when there is no such row.
  package func examples(
    _ rows: [String], names: [String]? = nil, _ loss: ClientLoss
  ) throws -> (examples: [PrivateExample], loss: ClientLoss) {
    let values = try rows.map { name throws(ExperimentError) in try table.row(named: name) }
    let given = try loss.labels(
      values.map { label(of: $0) }, classCount: inputs.selected.model.classCount)
    let examples = values.enumerated().map { index, values in
      PrivateExample(
        name: names?[index] ?? "row-\(rows[index])", image: input(of: values),
        label: given.labels[index])
    }
    return (examples, given.loss)
  }

  /// A row as the model's input [1, 1, D].
  package func input(of values: [CellValue]) -> Tensor {
    Tensor([1, 1, table.encoding.width], .f64(table.encoding.inputs(Array(values.dropLast()))))
  }

  /// The label of a row as losses take it.
  private func label(of values: [CellValue]) -> ExampleLabel {
    switch values.last {
    case .word(let place): ExampleLabel(String(place))
    case .number(let number):
      ExampleLabel("\(table.columns.last?.scaled(number) ?? number)")
    case .missing, nil: ExampleLabel("")
    }
  }

  /// The label's cell that a label of a loss stands for.
  func cell(ofLabel label: Int, _ loss: ClientLoss) -> CellValue {
    guard let column = table.columns.last else { return .missing }
    if let values = column.kind.values { return .word(min(max(label, 0), values.count - 1)) }
    let target = loss.target(of: label, classCount: inputs.selected.model.classCount)
    return RowEncoding([column]).snapped([target.first ?? 0, 0]).first ?? .missing
  }
}

/// A row that a client holds.
struct PrivateRow: Sendable {
  /// Short, for tables.
  let name: String
  /// Of the inputs' columns, then the label.
  let values: [CellValue]
}
