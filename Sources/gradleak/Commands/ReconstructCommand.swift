import ArgumentParser
import Audit
import Foundation
import Leakage
import ModelIO
import TensorGraph

/// The same with the user's own pictures.
struct ReconstructCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconstruct",
    abstract: "Shares the gradient of your pictures, and reads them back from it.",
    discussion: """
      Takes PNG and JPEG pictures of any size; they are cropped and resized to the model's input, \
      which is said. Results are the reconstructions, a contact sheet, the snapshots on the way, \
      run.json (records) and trace.csv.

      EXAMPLES
        gradleak reconstruct photo.jpg --out out
        gradleak reconstruct a.png b.png --batch-size 2 --labels 3,7 --out out
        gradleak reconstruct photo.jpg --attack idlg --trials 10 --seed 1
        gradleak reconstruct photo.jpg --defence prune:0.3 --defence fp16
        gradleak reconstruct photo.jpg --model mlp --attack linear --out out
      """)

  @Argument(
    help: ArgumentHelp(
      "Pictures: PNG or JPEG, or names of bundled photographs.", valueName: "image"))
  var images: [String]

  @OptionGroup var selection: ModelSelection
  @OptionGroup var attack: AttackOptions
  @OptionGroup var defence: DefenceOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures that share one gradient; the rest of a division forms a smaller batch.",
      valueName: "n"))
  var batchSize = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The pictures' true labels, such as 3,7; random by default.", valueName: "classes"))
  var labels: String?

  func validate() throws {
    try check("--batch-size", batchSize, 1...100_000)
  }

  func run() throws {
    let (model, activation) = try selection.select()
    let labels = try trueLabels(of: model)
    let names = uniqueNames()
    // All pictures are read before anything is written.
    let examples = try images.indices.map { index in
      PrivateExample(
        name: names[index],
        picture: try BundledImages.image(
          named: images[index], size: model.inputShape[1] > 32 ? 64 : 32)
          ?? Image(contentsOf: images[index]), label: labels[index],
        inputShape: model.inputShape)
    }
    let writer = try output.out.map { try ResultWriter(folder: $0) }
    let session = SimulationSession(
      selection: selection, kind: attack.chosenAttack ?? .automatic, attack: attack, output: output,
      defence: try defence.choice())
    session.explainSmoothness(of: model)
    let jobs = stride(from: 0, to: examples.count, by: batchSize).map { start in
      let batch = Array(examples[start..<min(start + batchSize, examples.count)])
      return SimulationSession.Job(
        name: batch.map(\.name).joined(separator: "+"), seed: attack.seed, batch: batch)
    }
    let outcomes = try session.run(jobs, model: model, activation: activation)
    try finish(outcomes, writer, output)
  }

  private func trueLabels(of model: Model) throws -> [Int] {
    guard let labels else {
      var source = RandomSource(seed: attack.seed).derive(label: "labels")
      return images.map { _ in source.integer(below: model.classCount) }
    }
    let given = try labels.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let text = part.trimmingCharacters(in: .whitespaces)
      guard let label = Int(text), (0..<model.classCount).contains(label) else {
        throw ValidationError(
          "--labels has \(text.quotedForMessage); give class numbers from 0 to "
            + "\(model.classCount - 1), separated by commas.")
      }
      return label
    }
    guard given.count == images.count else {
      throw ValidationError(
        "--labels has \(given.count) of them for \(images.count) pictures; give one for each.")
    }
    return given
  }

  /// The pictures' file names without extension, made unique and safe for file names.
  private func uniqueNames() -> [String] {
    var used: Set<String> = []
    return images.map { path in
      let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
      let safe = stem.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "_" }
      let base = safe.isEmpty ? "image" : String(safe).prefix(utf8Count: 120)
      var name = base
      var count = 2
      while !used.insert(name).inserted {
        name = "\(base)-\(count)"
        count += 1
      }
      return name
    }
  }
}

extension String {
  /// The longest beginning of at most `utf8Count` bytes that cuts no scalar. File systems limit names
  /// to 255 bytes, and one character may have any number of them.
  fileprivate func prefix(utf8Count: Int) -> String {
    var result = ""
    for scalar in unicodeScalars {
      guard result.utf8.count + String(scalar).utf8.count <= utf8Count else { break }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
