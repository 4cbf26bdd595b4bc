import ArgumentParser
import Audit
import CPUBackend
import Foundation
import Leakage
import ModelIO
import TensorGraph

/// The same with the user's own pictures, or with a gradient that a client shared.
struct ReconstructCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconstruct",
    abstract: "Reads pictures back from a gradient: a client's, or that of your own pictures.",
    discussion: """
      With --update it attacks a gradient that a client shared, and needs no picture; with --truth \
      it measures what came back. Without --update it shares the gradient of your pictures and \
      attacks that: PNG and JPEG pictures of any size, which are cropped and resized to the model's \
      input. With --epochs or --mini-batch the client trains for several local steps and shares \
      the difference of its weights; with --clients the mean of several clients' updates is attacked. \
      Results are the reconstructions, a contact sheet, the snapshots on the way, run.json \
      (records) and trace.csv.

      EXAMPLES
        gradleak reconstruct photo.jpg --out out
        gradleak reconstruct a.png b.png --batch-size 2 --labels 3,7 --out out
        gradleak reconstruct photo.jpg --defence prune:0.3 --defence fp16
        gradleak reconstruct --model m.onnx --update gradient.safetensors --out out
        gradleak reconstruct --model m.onnx --update g.safetensors --truth a.png --labels 3
        gradleak reconstruct --weights w.safetensors --update g.safetensors --batch-size 4
        gradleak reconstruct photo.jpg --model mlp --attack linear --out out
        gradleak reconstruct a.png b.png --batch-size 2 --mini-batch 1 --learning-rate 0.1
        gradleak reconstruct --update d.safetensors --update-kind difference --batch-size 4 \
          --epochs 2 --mini-batch 2 --learning-rate 0.1
        gradleak reconstruct a.png b.png c.png d.png --clients 2 --batch-size 2
        gradleak reconstruct a.png b.png --clients 2 --epochs 3 --learning-rate 0.1
        gradleak reconstruct a.png b.png --batch-size 2 --mini-batch 1 --epochs 3 \
          --learning-rate 0.1 --shuffle-epochs
        gradleak reconstruct photo.jpg --attacker neighbour --unknown loss-function
      """)

  @Argument(
    help: ArgumentHelp(
      "Pictures: PNG or JPEG, names of bundled photographs, or .npy arrays of the model's input.",
      valueName: "image"))
  var images: [String] = []

  @OptionGroup var update: UpdateOptions
  @OptionGroup var training: LocalTrainingOptions
  @OptionGroup var aggregate: ClientOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "With --update: the pictures it was computed on, to measure by, or .npy arrays of the model's input.",
      valueName: "image"))
  var truth: [String] = []

  @OptionGroup var pictures: PictureOptions
  @OptionGroup var selection: ModelSelection
  @OptionGroup var loss: LossOptions
  @OptionGroup var attack: AttackOptions
  @OptionGroup var defence: DefenceOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures that share one gradient, of each client; the rest of a division forms a smaller batch.",
      valueName: "n"))
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The pictures' true labels, such as 3,7; random by default. With --update: labels that the "
        + "attacker knows. For --loss bce also sets such as 0+3,2,none; for --loss mse numbers.",
      valueName: "classes"))
  var labels: String?

  func validate() throws {
    try aggregate.checkOrder(of: training)
    if let batchSize { try check("--batch-size", batchSize, 1...100_000) }
    if update.update != nil, !images.isEmpty {
      throw ValidationError(
        "The picture \(images[0].quotedForMessage) is given beside --update; name pictures to "
          + "measure by with --truth.")
    }
    if update.update != nil, !defence.defences.isEmpty {
      throw ValidationError(
        "--defence is what a simulated client does, and --update comes from a real one; leave one out."
      )
    }
    if update.update == nil, images.isEmpty {
      throw ValidationError(
        "There is nothing to reconstruct; give pictures, or a client's gradient with --update.")
    }
    if update.update == nil {
      try aggregate.checkRound(pictures: images.count, batchSize: batchSize ?? 1)
    }
    if update.update == nil, !truth.isEmpty {
      throw ValidationError("--truth is measured against an --update; give pictures without it.")
    }
  }

  func run() throws {
    if let path = update.update {
      try reconstruct(path)
    } else {
      try simulate()
    }
  }

  private var kind: AttackName { attack.chosenAttack ?? .automatic }

  // MARK: - A client's update

  private func reconstruct(_ path: String) throws {
    let ofEach = batchSize ?? max(truth.count / aggregate.clients, 1)
    let count = ofEach * aggregate.clients
    guard truth.isEmpty || truth.count == count else {
      throw ValidationError(
        "--truth has \(truth.count) pictures for a batch of \(count); give one for each image.")
    }
    let selected = try selection.select(batchSizes: [count])
    let model = selected.model
    try checkPictures(model, arePhotographs: !truth.isEmpty)
    var clientLoss = try loss.clientLoss(of: selected)
    let given = try labels.map { try LabelArguments($0, of: "--labels", for: model, clientLoss) }
    let known = given?.labels
    clientLoss = given?.loss ?? clientLoss
    if let known, known.count != count {
      throw ValidationError(
        "--labels has \(known.count) of them for a batch of \(count); give one for each image.")
    }
    var file = try UpdateFile(
      contentsOf: path, for: model, wanted: selected.wanted,
      try update.reading(
        training, aggregate, from: selected.weighted(seed: attack.seed),
        batchSize: ofEach,
        loss: clientLoss, renamings: try selection.renamings()))
    let ending = file.chooseEnding(selected.ending, selected.weighted(seed: attack.seed))
    let examples = try readTruth(known, model)
    let writer = try output.folder(besides: images + truth).map { ResultWriter(folder: $0) }
    let session = SimulationSession(selected: selected, kind: kind, attack: attack, output: output)
    session.explainSmoothness()
    if let ending { Terminal.printNote(ending) }
    explain(file)
    let outcome = try session.run(
      UpdateAudit.Subject(
        update: file.update, truth: examples, name: PictureNames.safe(fileStem(path)),
        knownLabels: known, kind: update.updateKind.rawValue))
    try finish([outcome], writer, output)
  }

  private func readTruth(_ labels: [Int]?, _ model: Model) throws -> [PrivateExample]? {
    guard !truth.isEmpty else { return nil }
    let names = PictureNames.unique(truth, outputFolder: output.out)
    return try truth.indices.map { index in
      try pictures.example(
        truth[index], name: names[index], label: labels?[index], inputShape: model.inputShape)
    }
  }

  /// Says how the file was understood, as far as it was not plain.
  private func explain(_ file: UpdateFile) {
    for note in file.matching.explanations + file.notes { Terminal.printNote(note) }
    if !selection.isFile, selection.weights == nil {
      Terminal.printNote(
        "The model is untrained, with weights drawn from seed \(attack.seed). Unless the client "
          + "started from these, give its weights with --weights.")
    }
  }

  // MARK: - A simulated client

  private func simulate() throws {
    let size = (batchSize ?? 1) * aggregate.clients
    let rest = images.count % size
    let selected = try selection.select(
      batchSizes: images.count < size ? [rest] : rest == 0 ? [size] : [size, rest])
    let model = selected.model
    try checkPictures(model)
    let clientLoss = try loss.clientLoss(of: selected)
    let given = try trueLabels(of: model, clientLoss)
    let labels = given.labels
    let names = PictureNames.unique(images, outputFolder: output.out)
    // All pictures are read before anything is written.
    let examples = try images.indices.map { index in
      try pictures.example(
        images[index], name: names[index], label: labels[index], inputShape: model.inputShape)
    }
    let writer = try output.folder(besides: images + truth).map { ResultWriter(folder: $0) }
    let session = SimulationSession(
      selected: selected, kind: kind, loss: given.loss, attack: attack, output: output,
      defence: try defence.choice(), training: training, clients: aggregate)
    session.explainSmoothness()
    let jobs = stride(from: 0, to: examples.count, by: size).map { start in
      let batch = Array(examples[start..<min(start + size, examples.count)])
      return SimulationSession.Job(
        name: batch.map(\.name).joined(separator: "+"), seed: attack.seed, batch: batch)
    }
    try finish(try session.run(jobs), writer, output)
  }

  private func trueLabels(
    of model: Model, _ loss: ClientLoss
  ) throws -> (labels: [Int], loss: ClientLoss) {
    guard let labels else {
      var source = RandomSource(seed: attack.seed).derive(label: "labels")
      let count = loss.labelCount(classCount: model.classCount)
      return (images.map { _ in source.integer(below: count) }, loss)
    }
    let given = try LabelArguments(labels, of: "--labels", for: model, loss)
    guard given.labels.count == images.count else {
      throw ValidationError(
        "--labels has \(given.labels.count) of them for \(images.count) pictures; give one for each."
      )
    }
    return (given.labels, given.loss)
  }
}
