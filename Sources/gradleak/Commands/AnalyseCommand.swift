import ArgumentParser
import Attacks
import Audit
import Clients
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// What a gradient determines, without an attack.
struct AnalyseCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "analyse",
    abstract: "Tells which pixels a gradient determines.",
    discussion: """
      Computes the spectrum of JtJ, J being the derivative of the shared gradient with respect to \
      the pixels: its rank tells how many pixel values are determined at all, its eigenvalues how \
      much noise would hide them, and what nobody can do better under noise. No attack is run.

      EXAMPLES
        gradleak analyse astronaut --size 16          a bundled photograph
        gradleak analyse chelsea --size 16 --out out
        gradleak analyse chelsea coffee --size 16     both in one gradient
      """,
    aliases: ["analyze"])

  @Argument(
    help: ArgumentHelp(
      "Pictures that share one gradient: PNG or JPEG, or names of bundled photographs ("
        + BundledImages.names.joined(separator: ", ") + ").", valueName: "image"),
    completion: .picturesAndNames)
  var images: [String]

  @OptionGroup(title: HelpTitle.data) var pictures: PictureOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(help: "Seed of weights and labels.")
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Memory at most, in GiB.", valueName: "GiB", visibility: .rare))
  var memory = 8

  func validate() throws {
    try check("--memory", memory, 1...4096)
  }

  func run() throws {
    let selected = try selection.select(batchSizes: [images.count])
    let (model, loss) = (selected.model, try loss.clientLoss(of: selected))
    try checkPictures(model)
    let writer = try output.folder(besides: images).map { AnalysisWriter(folder: $0) }
    var labels = RandomSource(seed: seed).derive(label: "labels")
    let trueLabels = images.map { _ in
      labels.integer(below: loss.labelCount(classCount: model.classCount))
    }
    let names = PictureNames.unique(images, outputFolder: output.out)
    let examples = try images.indices.map { index in
      try PictureFile(images[index], as: pictures.readAs).example(
        name: names[index], label: trueLabels[index], inputShape: model.inputShape)
    }
    let backend = try output.backend
    let weighted = selected.weighted(seed: seed)
    let batch = Tensor(
      Shape([examples.count] + model.inputShape.dimensions),
      .f64(examples.flatMap(\.image.doubles)))
    let update = try weighted.share(
      images: batch, labels: trueLabels, loss: loss, mode: selected.mode, backend: backend)
    guard update.squaredNorm > 0 else {
      throw AttackError(
        advising: """
          the gradient is exactly zero here, so there is nothing to analyse. \
          \(EmptyUpdate.causes(model, loss))
          """)
    }
    let unknowns = batch.shape.elementCount
    // Some is left for everything else.
    let available = AvailableMemory.byteCount / 4 * 3
    let limit = min(memory << 30, available)
    let exact = GradientAnalysis.byteCount(unknowns: unknowns)
    if exact > limit {
      let reason =
        available < memory << 30
        ? "the \(available >> 20) MiB that can be had" : "--memory \(memory)"
      Notes.warn(
        """
        This is an estimate: all eigenvalues of \(unknowns) pixel values need \(exact >> 20) MiB, more than \
        \(reason).
        """)
    }
    Interruption.listen()
    let analysis: GradientAnalysis
    do {
      analysis = try GradientAnalysis(
        weighted, images: batch, labels: trueLabels, loss: loss, mode: selected.mode,
        memoryLimit: limit, backend: backend, shouldStop: { Interruption.isRequested })
    } catch {
      guard Interruption.isRequested else { throw error }
      Terminal.printError("Interrupted; nothing was computed to the end.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
    let record = AnalysisRecord(
      analysis, images: examples.map(\.name), model: model.name, update: update)
    let written = try writer.map { try $0.write(analysis, record) }
    if output.json {
      Terminal.print(try ResultWriter.json(record))
    } else {
      show(record, analysis)
      if let written { Terminal.printWritten(written) }
    }
  }

  private func show(_ record: AnalysisRecord, _ analysis: GradientAnalysis) {
    let bound = min(record.equationBound, record.unknowns)
    let pictures = record.images.count == 1 ? "the image" : "the \(record.images.count) images"
    let share = Double(record.rank) / Double(record.unknowns)
    Terminal.printVerdict(
      analysis.isDetermined
        ? "The gradient determines \(pictures): nothing of \(record.images.count == 1 ? "it" : "them") is hidden."
        : String(
          format: "The gradient determines %@%.0f %% of the pixel values of \(pictures)",
          analysis.spectrum.isExact ? "" : "at least ", 100 * share)
          + "; an attacker who knows what images look like may guess the rest.",
      share > 0.5 ? .red : .yellow)
    Terminal.print()
    if analysis.spectrum.isExact {
      Terminal.printParagraph(
        "Determined: \(record.rank) of \(record.unknowns) directions in pixel space "
          + "(the model's layers allow at most \(bound)).")
      Terminal.printParagraph(
        String(
          format: "Eigenvalues of JtJ: largest %.3g, smallest %.3g, condition %.3g.",
          record.largestEigenvalue.value, record.smallestEigenvalue.value, record.condition.value))
    } else {
      Terminal.printParagraph(
        "Determined, estimated: about \(record.rank) of \(record.unknowns) directions in pixel space "
          + "have eigenvalues above "
          + String(format: "%.1e; smaller ones are not resolved", analysis.threshold)
          + " (the model's layers allow at most \(bound)).")
    }
    Terminal.print()
    var table = TextTable(
      [
        ("noise variance", .right), ("relative", .right), ("unbiased, dB", .right),
        ("any, dB", .right), ("bound, dB", .right),
      ], dispensable: ["relative", "unbiased, dB"])
    for row in record.noise {
      table.append([
        String(format: "%.0e", row.variance), String(format: "%.1e", row.relativeVariance.value),
        row.cramerRaoPSNR.map { ResultWriter.decibels($0.value) } ?? "-",
        ResultWriter.decibels(row.bayesianPSNR.value),
        row.boundPSNR.map { ResultWriter.decibels($0.value) } ?? "-",
      ])
    }
    Terminal.print(table)
    Terminal.print()
    var text =
      "unbiased, any: predictions of the PSNR that no unbiased reconstruction, and no reconstruction at all, exceeds "
      + "(Cramer-Rao bounds linearised at the true images; prior: pixels of variance 1/12, independent of one another)."
    if let variance = record.varianceFor20dB {
      text += String(
        format:
          " By them noise of variance %.1e per component keeps reconstructions below "
          + "20 dB; an attacker who knows what pictures look like may do better.",
        variance)
    }
    Terminal.printParagraph(text, indentation: 0)
    Terminal.print()
    guard analysis.priorBound != nil else {
      Terminal.printParagraph(
        "bound: none. The bound of van Trees takes a gradient that changes without jumps, and this model's jumps wherever a ReLU, a "
          + "maximum or the like switches: such jumps tell more than any derivative, and these predictions do not know of them.",
        indentation: 0)
      return
    }
    Terminal.printParagraph(
      "bound: the mean squared error that nobody goes below, as PSNR, on average over pictures whose pixels are independent, "
        + "each of density 2 sin\u{B2}(pi x) (van Trees inequality; nothing is linearised; at 95 %, from "
        + "\(PriorBound.draws) such pictures). It holds for this noise alone, one update, known labels. Real pictures are fewer "
        + "than these, so that they can come back better; 'gradleak check-dp' bounds that for any pictures.",
      indentation: 0)
  }
}
