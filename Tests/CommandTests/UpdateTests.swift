import Audit
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

/// A client's gradient as a file, and what comes back of it.
struct UpdateTests {
  let folder = TestFolder()
  private let model = ["--size", "8", "--classes", "5"]

  /// Without line breaks.
  private func words(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private func run(_ arguments: String, _ rest: [String] = []) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init) + rest, in: folder.path)
  }

  /// Shares the gradient of a picture with other weights than the attack would draw.
  private func share(_ options: String = "") throws {
    folder.picture("rgb.png")
    let run = try run(
      "gradient --input photo.png --label 3 --seed 9 --precision f64 --out g.safetensors "
        + "--save-weights w.safetensors " + options, model)
    #expect(run.status == 0, "\(run.errors)")
  }

  @Test func aFileGoesInAndAPictureComesOut() throws {
    try share()
    let run = try run(
      "reconstruct --weights w.safetensors --update g.safetensors --out out", model)
    #expect(run.status == 0, "\(run.errors)")
    // Private pictures can be read back from a gradient.
    let attributes = try FileManager.default.attributesOfItem(atPath: folder("g.safetensors"))
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(run.output.contains("No truth was given"))
    #expect(run.output.hasPrefix("The image came back, certain: "))
    // Columns that hold nothing are left out.
    #expect(run.output.contains("\nimage  label  trials    time  recovered\n"))
    #expect(run.output.contains("Diagnosis, 1 x recovered"))
    #expect(
      listing(of: folder("out")).keys.sorted() == [
        "contact-sheet.png", "g-reconstruction.npy", "g-reconstruction.png", "run.json",
        "timing.json", "trace.csv",
      ])
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.images.map(\.recoveredLabel) == [3] && record.images[0].psnr == nil)
    #expect(record.update.kind == "gradient" && record.update.loss == "mean cross entropy")
    #expect(record.model.weights == .file("w.safetensors"))
  }

  /// The learning rate of weights before and after, and the scale of a gradient's loss.
  @Test func theScaleIsFound() throws {
    try share()
    let gradient = try SafetensorsFile(contentsOf: folder("g.safetensors"))
    let weights = try SafetensorsFile(contentsOf: folder("w.safetensors"))
    var (after, scaled): ([String: Tensor], [String: Tensor]) = ([:], [:])
    for name in gradient.names {
      let (change, start) = (try gradient.tensor(named: name), try weights.tensor(named: name))
      let values = zip(start.doubles, change.doubles)
      after[name] = Tensor(start.shape, .f64(values.map { $0 - 0.03 * $1 }))
      scaled[name] = Tensor(start.shape, .f64(change.doubles.map { 8 * $0 }))
    }
    try Safetensors.write(after, to: folder("after.safetensors"))
    try Safetensors.write(scaled, to: folder("scaled.safetensors"))
    let found = try run(
      "reconstruct --before w.safetensors --after after.safetensors --find-scale --out out", model)
    #expect(
      found.status == 0 && words(found.errors).contains("learning rate was found"),
      "\(found.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(abs((record.experiment?.client.learningRate ?? 0) - 0.03) < 1e-6)
    #expect(record.diagnosis?.verdict == .recovered && record.misfit == nil)
    let loss = try run(
      "reconstruct --weights w.safetensors --update scaled.safetensors --find-scale --out out",
      model)
    #expect(words(loss.errors).contains("loss's scale was found"), "\(loss.errors)")
    let other = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(abs((other.experiment?.loss.scale ?? 0) - 8) < 1e-6)
    let batch = try run(
      "reconstruct --weights w.safetensors --update g.safetensors --find-scale --batch-size 2",
      model)
    #expect(batch.status == 2 && batch.errors.contains("--find-scale"))
    let none = try run("reconstruct photo.png --find-scale", model)
    #expect(none.status == 2 && none.errors.contains("--find-scale"))
  }

  @Test func theTruthMeasures() throws {
    try share()
    let run = try run(
      "reconstruct --weights w.safetensors --update g.safetensors --truth photo.png --labels 3",
      model)
    #expect(run.output.contains("Recovered 1 of 1"), "\(run.errors)\(run.output)")
  }

  /// Labels that were given are no finding, and wrong ones are said before any number.
  @Test func labelsThatWereGivenAreNotCounted() throws {
    try share()
    for label in [3, 1] {
      let run = try run(
        "reconstruct --weights w.safetensors --update g.safetensors --truth photo.png --iterations 5 "
          + "--trials 1 --time-limit 5 --labels \(label) --out out\(label)", model)
      #expect(!run.output.contains("Labels right"))
      #expect(words(run.errors).contains("give --labels 3") == (label == 1), "\(run.errors)")
      let record = try #require(
        try RunRecord.read(contentsOf: folder("out\(label)/run.json")).first)
      #expect(record.misfit?.kind == (label == 1 ? .labels : nil))
      #expect(record.truthCheck?.fits == (label == 3))
      #expect(record.images[0].isLabelGiven == true && record.images[0].isLabelRight == nil)
    }
  }

  @Test func anotherPictureIsSaid() throws {
    try share()
    folder.picture("grey.png", as: "other.png")
    let wrong = try run(
      "reconstruct --weights w.safetensors --update g.safetensors --truth other.png --time-limit 5",
      model)
    #expect(
      words(wrong.errors).contains("warning: The originals that were given have"), "\(wrong.errors)"
    )
    let right = try run(
      "reconstruct --weights w.safetensors --update g.safetensors --truth photo.png --time-limit 5",
      model)
    #expect(!right.errors.contains("warning"), "\(right.errors)")
  }

  @Test func aWrongScaleIsSaid() throws {
    try share("--loss-scale 0.5")
    let run = try run(
      "reconstruct --weights w.safetensors --update g.safetensors --trials 1 --iterations 5", model)
    #expect(run.errors.contains("use --loss-scale 0.5"))
  }

  @Test func foreignWeightsAreSaid() throws {
    try share()
    let run = try run(
      "reconstruct --update g.safetensors --trials 1 --iterations 5", model)
    #expect(run.errors.contains("give its weights with --weights"))
    #expect(words(run.errors).contains("No label, factor or sign gives the last layer's gradient"))
  }

  @Test func severalPicturesAreOneBatch() throws {
    folder.picture("rgb.png")
    let run = try run(
      "gradient --input photo.png photo.png --label 3,1 --loss bce --out g.safetensors --json",
      model)
    #expect(run.status == 0, "\(run.errors)")
    let summary = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(summary["batchSize"] as? Int == 2)
    #expect(summary["loss"] as? String == "mean binary cross entropy")
    let file = try SafetensorsFile(contentsOf: folder("g.safetensors"))
    #expect(file.names.count == 8 && file.storedType(of: "fc.0.bias") == .f32)
  }

  @Test func tensorsAreTakenAsInputs() throws {
    try Safetensors.write(
      ["x": Tensor([2, 3, 8, 8], .f32, repeating: 0.5)], to: folder("x.safetensors"))
    let good = try run("gradient --input x.safetensors --label 0,1 --out g.safetensors", model)
    #expect(good.status == 0, "\(good.errors)")
    try Safetensors.write(
      ["x": Tensor([3, 9, 9], .f32, repeating: 0.5)], to: folder("y.safetensors"))
    let bad = try run("gradient --input y.safetensors --label 0 --out h.safetensors", model)
    #expect(bad.status == 2 && bad.errors.contains("holds images [3, 9, 9]"))
    #expect(!FileManager.default.fileExists(atPath: folder("h.safetensors")))
  }

  @Test func inspectTellsWhatAnUpdateHolds() throws {
    try share()
    let run = try run(
      "inspect g.safetensors --model lenet --input-shape 3x8x8 --classes 5 --weights w.safetensors")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("8 tensors, "))
    #expect(run.output.contains("fc.0.bias") && run.output.contains("same name"))
    #expect(run.output.contains("loss: mean cross entropy"))
  }

  @Test(arguments: [
    ("before.pt", "PyTorch", "fc.0.bias"), ("after.npz", "NumPy", "[12, 3, 5, 5]"),
  ])
  func inspectSaysWhatAFileIs(_ file: String, _ program: String, _ tensor: String) throws {
    let run = try run("inspect", ["\(fixtures)/local-update/\(file)"])
    #expect(run.status == 0 && run.output.contains(tensor), "\(run.output)")
    #expect(run.errors.contains(file) && run.errors.contains(program), "\(run.errors)")
  }

  @Test func aModelFromAFileWorksInEveryCommand() throws {
    let model = "\(fixtures)/fuzz/small-torchscript.onnx"
    folder.picture("rgb.png")
    let shared = try run(
      "gradient --input photo.png --label 2 --out g.safetensors", ["--model", model])
    #expect(shared.status == 0 && shared.errors.contains("ends in a softmax"), "\(shared.errors)")
    let inspected = try run("inspect", [model])
    #expect(inspected.status == 0, "\(inspected.errors)")
    #expect(inspected.output.contains("images [1, 8, 8], 4 classes"), "\(inspected.output)")
    #expect(inspected.output.contains("piecewise-linear"))
    let matched = try run("inspect g.safetensors", ["--model", model])
    #expect(matched.output.contains("same name") && !matched.output.contains("Warning"))
    let attacked = try run(
      "reconstruct --update g.safetensors --truth photo.png --trials 1 --iterations 3 --out out",
      ["--model", model])
    #expect(attacked.status == 0, "\(attacked.errors)")
    let analysed = try run("analyse photo.png", ["--model", model])
    #expect(analysed.status == 0 && analysed.output.contains("Determined"), "\(analysed.errors)")
  }

  @Test(arguments: [
    ("reconstruct", "nothing to reconstruct"),
    ("reconstruct photo.png --update g.safetensors", "name pictures to measure by with --truth"),
    ("reconstruct photo.png --truth a.png", "--truth is measured against an --update"),
    ("reconstruct --update none.safetensors", "none.safetensors"),
    ("reconstruct --update g.safetensors --update-kind difference", "--learning-rate"),
    ("reconstruct --update g.safetensors --rename fc", "write OLD=NEW"),
    ("reconstruct --update g.safetensors --class-weights 1,2", "2 class weights for 5 classes"),
    ("reconstruct --update g.safetensors --mean 1,2", "2 means for 3 channels"),
    ("reconstruct --model none.onnx --update g.safetensors", "none.onnx"),
    ("reconstruct --model m.onnx --weights w.safetensors --update g.safetensors", "m.onnx"),
    ("gradient --input photo.png --label 7 --out h.safetensors", "from 0 to 4"),
    ("inspect photo.png", "safetensors"),
  ])
  func whatCannotBeIsRefused(_ arguments: String, _ words: String) throws {
    try share()
    let isModelFixed = arguments.contains(".onnx") || arguments.hasPrefix("inspect")
    let run = try run(arguments, isModelFixed ? [] : model)
    #expect(run.status == 2)
    #expect(run.errors.contains(words), "\(run.errors)")
  }

  /// A result of an earlier run does not become X-original-original.png.
  @Test func namesOfResultsDoNotGrow() throws {
    folder.picture("rgb.png")
    try FileManager.default.moveItem(
      atPath: folder("photo.png"), toPath: folder("photo-original.png"))
    let search = ["--attack", "dlg", "--iterations", "2", "--trials", "1"] + model
    #expect(try run("reconstruct photo-original.png --out out", search).status == 0)
    #expect(listing(of: folder("out")).keys.contains("photo-original.png"))
    // Its own place is not written to.
    let before = bytes(of: folder("photo-original.png"))
    #expect(try run("reconstruct photo-original.png --out .", search).status == 2)
    #expect(bytes(of: folder("photo-original.png")) == before)
  }
}
