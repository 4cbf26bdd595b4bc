import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

/// Models as users have them, on the command line.
struct UserModelCommandTests {
  let folder = TestFolder()

  init() throws {
    folder.picture("rgb.png")
    for name in try FileManager.default.contentsOfDirectory(atPath: "\(fixtures)/user-models") {
      folder.file(name, bytes(of: "\(fixtures)/user-models/\(name)"))
    }
  }

  private func run(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(
      arguments.split(separator: " ").map(String.init) + ["--threads", "1"], in: folder.path)
  }

  private func inspect(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(
      ["inspect"] + arguments.split(separator: " ").map(String.init), in: folder.path)
  }

  /// One logit under a cross entropy has no gradient: never a grade.
  @Test(arguments: [
    "audit photo.png --model one-logit.onnx --budget 5",
    "reconstruct photo.png --model one-logit.onnx", "analyse photo.png --model one-logit.onnx",
    "gradient --input photo.png --label 0 --model one-logit.onnx --out g.st",
    "reconstruct --update one-logit-0.safetensors --model squeezed.onnx",
  ])
  func oneLogitNeedsAnotherLoss(_ arguments: String) throws {
    let run = try run(arguments)
    #expect(run.status == 2 && run.errors.contains("--loss bce"), "\(run.errors)")
    #expect(!run.output.contains("Grade"))
  }

  /// Weights beside an ONNX file take the place of its own.
  @Test func weightsOfAFileAreReplaced() throws {
    let own = try run(
      "gradient --model five.onnx --input photo.png --label 3 --out g.st --save-weights w.st")
    #expect(own.status == 0, "\(own.errors)")
    var weights = try SafetensorsFile(contentsOf: folder("w.st")).tensors()
    for (name, tensor) in weights {
      weights[name] = Tensor(tensor.shape, .f32(tensor.doubles.map { Float($0 / 2) }))
    }
    try Safetensors.write(weights, to: folder("half.st"))
    let half = try run(
      "gradient --model five.onnx --weights half.st --input photo.png --label 3 --out h.st "
        + "--save-weights again.st")
    #expect(half.status == 0, "\(half.errors)")
    #expect(try SafetensorsFile(contentsOf: folder("again.st")).tensors() == weights)
    #expect(bytes(of: folder("g.st")) != bytes(of: folder("h.st")))
  }

  @Test func labelsOfOneLogitAreZeroAndOne() throws {
    for label in 0...1 {
      let run = try run(
        "reconstruct --update one-logit-\(label).safetensors --model one-logit.onnx --loss bce "
          + "--labels \(label)")
      #expect(run.status == 0 && run.output.contains("recovered"), "\(run.errors)")
    }
    // A simulated client has both as well.
    for label in 0...1 {
      let run = try run(
        "reconstruct photo.png --model one-logit.onnx --loss bce --labels \(label) --attack peeling"
      )
      #expect(run.output.contains("\(label) ok"), "\(run.errors)\(run.output)")
    }
    let run = try run("reconstruct photo.png --model one-logit.onnx --loss bce --labels 2")
    #expect(run.status == 2 && run.errors.contains("give 0 or 1"), "\(run.errors)")
  }

  @Test func setsAndNumbersAreLabels() throws {
    let sets = try run(
      "reconstruct photo.png --model five.onnx --loss bce --labels 0+3 --attack peeling")
    #expect(sets.status == 0 && sets.output.contains("0+3 ok"), "\(sets.errors)\(sets.output)")
    let number = try run(
      "reconstruct photo.png --model one-logit.onnx --loss mse --labels 0.7 --attack peeling")
    #expect(number.status == 0 && number.output.contains("0.7 ok"), "\(number.errors)")
    let several = try run(
      "reconstruct photo.png photo.png photo.png --model one-logit.onnx --loss mse "
        + "--labels 0.7,-2,0.25 --attack peeling")
    #expect(several.output.contains("-2 ok") && several.output.contains("0.25 ok"))
    let contradicted = try run(
      "reconstruct --update multi-label.safetensors --model five.onnx --loss bce --labels 0+2")
    let text = contradicted.output + contradicted.errors
    #expect(text.contains("--labels 0+3") || contradicted.status != 0, "\(text)")
    let wrong = try run("reconstruct photo.png --model five.onnx --loss bce --labels 0+9")
    #expect(wrong.status == 2 && wrong.errors.contains("0+3"), "\(wrong.errors)")
  }

  @Test func aKeptSoftmaxIsAnotherLoss() throws {
    let kept = try run(
      "gradient --input photo.png --label 3 --model softmax.onnx --keep-softmax --out k.st")
    #expect(kept.status == 0 && kept.output.contains("of the softmax"), "\(kept.errors)")
    let wrong = try run(
      "gradient --input photo.png --label 3 --model five.onnx --keep-softmax --out k.st")
    #expect(wrong.status == 2 && wrong.errors.contains("--keep-softmax"))
  }

  /// What the importer found is said in every command, and once.
  @Test(arguments: [
    "gradient --input photo.png --label 3 --model dropout.onnx --out g.st",
    "reconstruct photo.png --model dropout.onnx --attack peeling",
    "audit photo.png --model dropout.onnx --defences none --budget 10",
    "reconstruct --update cross-entropy.safetensors --model dropout.onnx --attack peeling",
    "audit --update cross-entropy.safetensors --model dropout.onnx --budget 10",
    "analyse photo.png --model dropout.onnx",
  ])
  func notesAreShown(_ arguments: String) throws {
    let run = try run(arguments)
    let text = run.errors.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(text.components(separatedBy: "is left out").count == 2, "\(run.errors)")
  }

  @Test func inspectTellsTheOutputTaken() throws {
    let two = try inspect("two-outputs.onnx")
    #expect(two.output.contains("--output") && two.output.contains("5 classes"))
    let features = try inspect("two-outputs.onnx --output features")
    #expect(features.output.contains("b.weight"), "\(features.output)\(features.errors)")
    let boxes = try inspect("detection.onnx")
    #expect(boxes.status == 2 && boxes.errors.contains("Detection"), "\(boxes.errors)")
  }

  /// A photograph is no row of a table.
  @Test(arguments: [
    "audit photo.png --model table.onnx", "reconstruct photo.png --model table.onnx",
    "gradient --input photo.png --label 1 --model table.onnx --out g.st",
    "reconstruct photo.png --input-shape 1x2x400 --model mlp",
  ])
  func photographsAreNoTables(_ arguments: String) throws {
    let run = try run(arguments)
    #expect(run.status == 2 && run.errors.contains("no picture"), "\(run.errors)")
  }

  /// A row of a table is.
  @Test func arraysAreTablesRows() throws {
    let row = (0..<30).map { Double($0 * 7 % 30) / 10 - 1 }
    folder.file("row.npy", NPYFile.bytes(Tensor([30], .f64, row)))
    let run = try run("audit row.npy --labels 1 --model table.onnx --defences none --quiet")
    #expect(run.status == 0 && run.output.hasPrefix("Grade F"), "\(run.errors)")
  }

  @Test(arguments: [
    "nan-weight", "nan-constant", "negative", "huge", "circle", "kernel-shape", "no-parameters",
  ])
  func brokenModelsEndWithAStatus(_ name: String) throws {
    let inspected = try inspect(name + ".onnx")
    #expect(inspected.status == 2 && inspected.errors.hasPrefix("gradleak:"), "\(inspected.errors)")
    let audited = try run("audit photo.png --model \(name).onnx --budget 5")
    #expect(audited.status == 2 && audited.output.isEmpty, "\(audited.errors)")
  }
}
