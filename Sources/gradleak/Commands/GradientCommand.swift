import ArgumentParser
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

/// What a client would share.
struct GradientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradient",
    abstract: "Computes the gradient that a client with your data would share.",
    discussion: """
      Several inputs form one batch. Pictures are cropped and resized to the model's input; a file of \
      tensors holds images [N, C, H, W] or [C, H, W]. The file written has one tensor for each parameter.

      EXAMPLES
        gradleak gradient --input chelsea --label 3 --out g.safetensors
        gradleak gradient --input chelsea coffee --label 3,7 --out g.safetensors
        gradleak gradient --input chelsea --label 3 -o g.st --save-weights w.st
      """)

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Pictures (PNG or JPEG), .npy arrays of one image, or files of tensors that are images.",
      valueName: "file"), completion: .picturesAndNames)
  var input: [String]

  @Option(
    name: [.customLong("label"), .customLong("labels")],
    help: ArgumentHelp(
      "Class numbers, one for each image, such as 3,7; for --loss bce also sets such as 0+3,2,none, and for "
        + "--loss mse numbers such as 0.5,1.2.", valueName: "classes"))
  var labels: String

  @OptionGroup(title: HelpTitle.data) var pictures: PictureOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions

  @Option(
    help: ArgumentHelp(
      "Arithmetic, and type of the numbers written.", valueName: "type", visibility: .rare))
  var precision: Precision = .f32

  @Option(parsing: .unconditional, help: "Seed of the weights of a named model.")
  var seed: UInt64 = 0

  @Option(
    name: [.long, .short], help: ArgumentHelp("The safetensors file to write.", valueName: "file"),
    completion: .safetensors)
  var out: String

  @Option(
    help: ArgumentHelp(
      "Also writes the model's weights and buffers, to this safetensors file.", valueName: "file"),
    completion: .safetensors)
  var saveWeights: String?

  @Option(
    help: ArgumentHelp(
      "Also writes the logits, to this safetensors file.", valueName: "file", visibility: .rare),
    completion: .safetensors)
  var saveLogits: String?

  @Flag(help: "Print a record as JSON instead of a sentence.")
  var json = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Processor threads; all by default.", valueName: "n", visibility: .rare))
  var threads: Int?

  private struct Summary: Encodable {
    /// Version of gradleak that made it.
    let tool: String
    /// The model's name.
    let model: String
    /// How the model came by its weights.
    let weights: WeightSource
    /// The client's loss, in words.
    let loss: String
    /// Its value on the batch.
    let lossValue: JSONNumber
    /// Examples behind the gradient.
    let batchSize: Int
    /// Euclidean norm of the gradient over all tensors.
    let norm: JSONNumber
    /// Where the gradient was written.
    let file: String
  }

  func validate() throws {
    if let threads { try check("--threads", threads, 1...1024) }
    for (name, path) in [("--out", out), ("--save-weights", saveWeights ?? " ")] where path.isEmpty
    {
      throw ValidationError("\(name) is empty; give the name of a file to write.")
    }
  }

  func run() throws {
    let files = try input.map { try GradientInput($0, pictures) }
    let count = files.reduce(0) { $0 + $1.imageCount }
    guard (1...100_000).contains(count) else {
      throw ValidationError("--input has \(count) images; give 1 to 100000.")
    }
    let selected = try selection.select(batchSizes: [count], for: .gradient(precision.dtype))
    let model = selected.model
    let given = exampleLabels(self.labels)
    let plain = try self.loss.clientLoss(of: selected)
    let (labels, loss) = try naming(["data.labels": "--label"]) {
      try plain.labels(given, of: model)
    }
    guard labels.count == count else {
      throw ValidationError("--label has \(labels.count) of them, and \(count) are needed.")
    }
    let images = try files.flatMap { try $0.elements(for: model) }
    let batch = Tensor(
      Shape([count] + model.inputShape.dimensions), precision.dtype, images)
    let weighted = selected.weighted(seed: seed)
    let backend = try BackendChoice.cpu.backend(threads: threads)
    let step = try weighted.step(
      images: batch, labels: labels.flatMap(\.classes), loss: loss, mode: selected.mode,
      backend: backend)
    try Safetensors.write(
      Dictionary(
        uniqueKeysWithValues: zip(model.parameters.map(\.name), step.update.gradients)),
      metadata: ["gradleak": GradleakVersion.current, "loss": loss.description], to: out,
      isPrivate: true)
    try save(weighted)
    if let saveLogits {
      try Safetensors.write(["logits": step.logits], to: saveLogits, isPrivate: true)
    }
    let summary = Summary(
      tool: GradleakVersion.current, model: model.name,
      weights: selected.weightSource(seed: seed), loss: loss.description,
      lossValue: JSONNumber(step.loss), batchSize: count,
      norm: JSONNumber(step.update.squaredNorm.squareRoot()), file: out)
    guard !json else { return Terminal.print(try ResultWriter.json(summary)) }
    Terminal.printParagraph(
      String(
        format: "The %@ of %d image%@ is %.6g; its gradient has the norm %.6g. Wrote %@.",
        summary.loss, count, count == 1 ? "" : "s", step.loss, summary.norm.value,
        out.escapingControlCharacters))
  }

  private func save(_ weighted: WeightedModel) throws {
    guard let saveWeights else { return }
    let specs = weighted.model.parameters + weighted.model.buffers
    let tensors = (weighted.parameters + weighted.buffers).map {
      $0.converted(to: precision.dtype)
    }
    try Safetensors.write(
      Dictionary(uniqueKeysWithValues: zip(specs.map(\.name), tensors)), to: saveWeights)
  }
}

/// One file of a client's data.
private enum GradientInput {
  case picture(path: String, PictureOptions)
  case tensors(path: String, [(name: String, tensor: Tensor)])

  init(_ path: String, _ pictures: PictureOptions) throws {
    // A single array is read as pictures are.
    guard TensorFile.isThere(path), case let file = try TensorFile(contentsOf: path),
      file.format != .npy
    else {
      self = .picture(path: path, pictures)
      return
    }
    let tensors = try file.names.map { ($0, try file.tensor(named: $0)) }
    guard tensors.allSatisfy({ (3...4).contains($0.1.shape.rank) }) else {
      throw FileError(
        path: path, problem: "a tensor is no image [C, H, W] or batch [N, C, H, W]",
        remedy: "give a file that holds nothing else")
    }
    self = .tensors(path: path, tensors)
  }

  var imageCount: Int {
    switch self {
    case .picture: 1
    case .tensors(_, let tensors):
      tensors.reduce(0) { $0 + ($1.tensor.shape.rank == 4 ? $1.tensor.shape[0] : 1) }
    }
  }

  /// The images' elements, row-major.
  func elements(for model: Model) throws -> [Double] {
    switch self {
    case .picture(let path, let pictures):
      try checkPictures(model, haveMasks: true)
      let example = try PictureFile(path, as: pictures.readAs).example(
        name: path, label: nil, inputShape: model.inputShape)
      if let preparation = example.preparation {
        Notes.remark("Prepared \(path.escapingControlCharacters): \(preparation).")
      }
      return example.image.doubles
    case .tensors(let path, let tensors):
      return try tensors.flatMap { name, tensor in
        let image = tensor.shape.rank == 4 ? tensor.shape.removing(axes: [0]) : tensor.shape
        guard image == model.inputShape else {
          throw FileError(
            path: path,
            problem:
              "tensor \(name.quotedForMessage) holds images \(image), and \(model.name) takes "
              + "\(model.inputShape)",
            remedy: "give images of that shape, or another --input-shape")
        }
        guard tensor.doubles.allSatisfy(\.isFinite) else {
          throw FileError(
            path: path,
            problem: "tensor \(name.quotedForMessage) holds numbers that are not finite",
            remedy: "give images of finite numbers")
        }
        return tensor.doubles
      }
    }
  }
}
