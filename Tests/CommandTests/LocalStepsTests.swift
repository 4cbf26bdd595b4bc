import Audit
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import gradleak

/// Clients that train for several steps before they share, on the command line.
struct LocalStepsTests {
  let folder = TestFolder()
  private let model = ["--size", "8", "--classes", "5"]
  private let update = "\(fixtures)/local-update"

  private func run(_ arguments: String, _ rest: [String] = []) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init) + rest, in: folder.path)
  }

  @Test func aSimulatedClientTrains() throws {
    folder.picture("rgb.png")
    let run = try run(
      "reconstruct photo.png --epochs 3 --learning-rate 0.1 --momentum 0.5 --out out", model)
    #expect(
      run.status == 0 && run.output.contains("Recovered 1 of 1"), "\(run.errors)\(run.output)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.update.kind == "difference" && record.update.localSteps == 3)
    #expect(record.threatModel.localSteps == 3 && record.threatModel.known.contains(.localTraining))
    #expect(
      record.update.training
        == "3 local steps (3 epochs of mini-batches of 1), learning rate 0.1, momentum 0.5")
  }

  @Test func oneStepIsAGradient() throws {
    folder.picture("rgb.png")
    let run = try run(
      "reconstruct photo.png --epochs 1 --learning-rate 0.1 --attack lm --out out", model)
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.update.kind == "gradient" && record.update.training == nil)
    #expect(record.threatModel.localSteps == 1)
  }

  /// What PyTorch's SGD left, in f32 (scripts/fixtures/local-update.py).
  @Test func aDifferenceFromPyTorchGivesItsPictures() throws {
    let run = try run(
      "reconstruct --update \(update)/difference.safetensors --update-kind difference --epochs 2 "
        + "--mini-batch 1 --learning-rate 0.1 --momentum 0.5 --weights "
        + "\(update)/weights.safetensors --truth \(update)/a.png \(update)/b.png --labels 3,1 "
        + "--batch-size 2 --attack lm --out out", model)
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.update.localSteps == 4)
    #expect(record.images.count == 2)
    for image in record.images { #expect((image.psnr?.value ?? 0) > 40) }
    #expect(record.diagnosis?.verdict == .recovered)
  }

  /// The weights before as NVFlare writes them and those after as Flower does; see scripts/fixtures/local-update.py.
  @Test func weightsBeforeAndAfterGiveTheirPictures() throws {
    let client = "--epochs 2 --mini-batch 1 --learning-rate 0.1 --momentum 0.5 --batch-size 2"
    let run = try run(
      "reconstruct --before \(update)/before.pt --after \(update)/after.npz \(client) --truth "
        + "\(update)/a.png \(update)/b.png --labels 3,1 --attack lm --out out", model)
    #expect(run.status == 0 && run.errors.contains("by position"), "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.update.kind == "difference" && record.update.localSteps == 4)
    #expect(record.model.weights == .file("before.pt"))
    for image in record.images { #expect((image.psnr?.value ?? 0) > 40) }
    let experiment = try #require(record.experiment)
    #expect(experiment.data.update?.kind == .weights)
    let command = try #require(ExperimentCommandLine.commands(for: [experiment]).first)
    #expect(command.arguments.contains("--before") && !command.arguments.contains("--weights"))
    let parsed = try ReconstructCommand.parse(Array(command.arguments.dropFirst()))
    #expect(try parsed.experiments(on: try parsed.selection.select()) == [experiment])
  }

  /// The inputs that training code had, in one file.
  @Test func theTruthMayBeABatchOfTensors() throws {
    let client = "--epochs 2 --mini-batch 1 --learning-rate 0.1 --momentum 0.5 --labels 3,1"
    let weights = "--before \(update)/before.pt --after \(update)/after.npz"
    let run = try run(
      "reconstruct \(weights) \(client) --truth \(update)/images.pt --batch-size 2 --attack lm --out out",
      model)
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.images.map(\.name) == ["images-1", "images-2"])
    for image in record.images { #expect((image.psnr?.value ?? 0) > 40) }
    let wrong = try self.run(
      "reconstruct \(weights) \(client) --truth \(update)/images.pt --batch-size 3 --attack lm",
      model)
    #expect(wrong.status == 2, "\(wrong.errors)")
  }

  @Test(arguments: [
    ("reconstruct --before a.pt", "go together"), ("reconstruct --after a.pt", "go together"),
    ("reconstruct --before a.pt --after b.pt --update c.pt", "leave out --update"),
    ("reconstruct --before a.pt --after b.pt --update-kind difference", "leave out --update"),
    ("reconstruct --before a.pt --after b.pt --weights c.pt", "leave --weights out"),
    ("reconstruct --update c.pt --update-kind weights", "update-kind"),
    ("audit --before a.pt --after b.pt photo.png", "beside"),
  ]) func weightsThatContradictAreRefused(_ arguments: String, _ sentence: String) throws {
    let run = try run(arguments, model)
    #expect(run.status == 2 && run.errors.contains(sentence), "\(run.errors)")
  }

  @Test func aClientTrainsWithAdam() throws {
    folder.picture("rgb.png")
    let run = try run(
      "reconstruct photo.png --optimizer adamw --beta2 0.99 --schedule linear:9:1 --epochs 3 --learning-rate "
        + "1e-3 --clip-norm 1 --weight-precision f64 --trials 1 --out out", model)
    #expect(
      run.status == 0 && run.errors.contains("AdamW divides each gradient"), "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.update.kind == "difference" && record.update.localSteps == 3)
    #expect(
      record.update.training
        == "3 local steps (3 epochs of mini-batches of 1), learning rate 0.001, AdamW with beta2 0.99, fresh, "
        + "schedule linear:9:1, gradients clipped to norm 1.0")
    let experiment = try #require(record.experiment)
    let command = try #require(ExperimentCommandLine.commands(for: [experiment]).first)
    #expect(command.line.contains("--optimizer adamw --beta2 0.99"), "\(command.line)")
  }

  /// What PyTorch's Adam and AdamW left, in f32 (scripts/fixtures/local-update.py).
  @Test(arguments: [
    ("adam", "--optimizer adam --learning-rate 1e-3", 15.0),
    ("adamw", "--optimizer adamw --learning-rate 1e-3 --epochs 10", 40.0),
  ])
  func aDifferenceFromPyTorchsAdamIsAttacked(
    _ name: String, _ arguments: String, _ level: Double
  ) throws {
    let run = try run(
      "reconstruct --update \(update)/\(name).safetensors --update-kind difference \(arguments) "
        + "--weights \(update)/weights.safetensors --truth \(update)/smooth.png --labels 3 --out out",
      model)
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.truthCheck?.fits == true, "\(String(describing: record.truthCheck))")
    #expect((record.images[0].psnr?.value ?? 0) > level, "\(run.output)")
    // As SGD's it is named.
    let wrong = try self.run(
      "reconstruct --update \(update)/adam.safetensors --update-kind difference --learning-rate 0.1 "
        + "--weights \(update)/weights.safetensors --iterations 5 --trials 1", model)
    #expect(
      wrong.output.contains("looks like Adam's") && wrong.output.contains("--optimizer adam"),
      "\(wrong.output)\(wrong.errors)")
  }

  @Test(arguments: [
    ("--optimizer adam --momentum 0.9", "momentum is a setting of sgd and rmsprop"),
    ("--optimizer adma", "did you mean adam?"),
    ("--beta1 0.5", "beta1 is a setting of adam and adamw"),
    ("--optimizer adam --eps 0", "eps is 0.0; give a number above 0"),
    ("--optimizer adam --schedule cos:3", "is no schedule of learning rates"),
    ("--optimizer adam --accumulate 2", "give a number that divides it"),
    ("--optimizer adam --clip-norm 1 --clip-value 1", "give one of both"),
    ("--optimizer-state none.safetensors", "keeps no state"),
    ("--optimizer adam --optimizer-state none.safetensors", "none.safetensors"),
    ("--nesterov", "nesterov is a form of momentum"),
    ("--optimizer adam --attack peeling", "layer peeling reads one gradient"),
  ]) func wrongOptimisersAreRefused(_ arguments: String, _ sentence: String) throws {
    let run = try run("reconstruct chelsea --learning-rate 1e-3 \(arguments)", model)
    #expect(run.status == 2 && run.errors.contains(sentence), "\(run.errors)")
    // One sentence, and no usage.
    #expect(!run.errors.contains("Usage"), "\(run.errors)")
  }

  /// A state of PyTorch's, by names or numbers.
  @Test func anOptimiserGoesOn() throws {
    let names = try SafetensorsFile(contentsOf: "\(update)/weights.safetensors").tensors()
    let order =
      (0..<3).flatMap { ["body.\($0 * 2).weight", "body.\($0 * 2).bias"] }
      + ["fc.0.weight", "fc.0.bias"]
    var state = ["state.0.step": Tensor([], .f32, [4])]
    for (index, name) in order.enumerated() {
      let shape = try #require(names[name]).shape
      state["state.\(index).exp_avg"] = Tensor(shape, .f32, repeating: 1e-3)
      state["exp_avg_sq.\(name)"] = Tensor(shape, .f32, repeating: 1e-5)
    }
    try Safetensors.write(state, to: folder("state.safetensors"))
    let arguments =
      "reconstruct chelsea --learning-rate 1e-3 --optimizer adam --attack lm --trials 1 --out out "
    let run = try run(arguments + "--optimizer-state state.safetensors", model)
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.update.training?.hasSuffix("Adam, after 4 earlier steps") == true)
    state["state.0.step"] = nil
    try Safetensors.write(state, to: folder("no-step.safetensors"))
    let without = try self.run(arguments + "--optimizer-state no-step.safetensors", model)
    #expect(without.status == 2 && without.errors.contains("how many steps"), "\(without.errors)")
    state["exp_avg_sq.fc.0.bias"] = nil
    state["step"] = Tensor([], .f32, [4])
    try Safetensors.write(state, to: folder("short.safetensors"))
    let short = try self.run(arguments + "--optimizer-state short.safetensors", model)
    #expect(
      short.status == 2 && short.errors.contains("there is no exp_avg_sq of fc.0.bias"),
      "\(short.errors)")
  }

  @Test(arguments: [
    ("demo --epochs 2", "learning rate"),
    ("demo --epochs 0 --learning-rate 1", "--epochs is 0"),
    ("demo --epochs 2 --local-steps 2 --learning-rate 1", "exclude each other"),
    ("demo --epochs 2 --learning-rate -1", "learning rate is -1.0"),
    ("demo --epochs 201 --learning-rate 1", "201 local steps"),
    ("demo --epochs 2 --learning-rate 1 --attack peeling", "layer peeling reads one gradient"),
    ("demo --epochs 2 --learning-rate 1 --defence dp-sgd:1,1", "DP-SGD clips"),
  ]) func wrongTrainingIsRefused(_ arguments: String, _ sentence: String) throws {
    let run = try run(arguments, model)
    #expect(run.status == 2 && run.errors.contains(sentence), "\(run.errors)")
  }

  @Test func theMeanOfSeveralClientsIsAttacked() throws {
    let run = try run(
      "reconstruct chelsea rocket --clients 2 --epochs 2 --learning-rate 0.1 --seed 1 --attacker "
        + "neighbour --unknown labels --out out", model)
    #expect(
      run.status == 0 && run.output.contains("Recovered 2 of 2"), "\(run.errors)\(run.output)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.threatModel.clients == 2 && record.threatModel.known.contains(.clients))
    #expect(record.threatModel.attacker == .neighbour && record.threatModel.withheld == [.labels])
    let experiment = try #require(record.experiment)
    let command = try #require(ExperimentCommandLine.commands(for: [experiment]).first)
    for part in [
      "--clients 2", "--epochs 2", "--learning-rate 0.1", "--attacker neighbour",
      "--unknown labels",
    ] {
      #expect(command.line.contains(part), "\(command.line)")
    }
    #expect(!command.line.contains("--batch-size"))
    #expect(command.note == nil)
  }

  @Test func aShuffledEpochIsSoughtApart() throws {
    let run = try run(
      "reconstruct chelsea rocket --batch-size 2 --mini-batch 1 --epochs 2 --learning-rate 0.1 "
        + "--shuffle-epochs --out out", model)
    #expect(
      run.status == 0
        && run.output.contains(
          "Left out, since the attacker does not know the mini-batch order: lm"),
      "\(run.errors)\(run.output)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.trials.map(\.method) == ["data-leakage-in-fedavg"])
    #expect(record.skipped?.map(\.attack) == ["lm", "inverting-gradients"])
    #expect(!record.threatModel.known.contains(.miniBatchOrder))
  }

  @Test(arguments: [
    ("--clients 0", "--clients is 0"), ("--clients 3", "do not go round 3 clients"),
    ("--clients 8", "do not go round 8 clients"),
    ("--clients 2 --defence prune:0.5", "only noise is simulated"),
    ("--shuffle-epochs", "give their number with --epochs"),
    ("--unknown lables", "did you mean labels?"),
    ("--unknown weights", "needs to know the weights"),
    ("--attack dlg --unknown batch-size", "dlg needs to know the batch size"),
    (
      "--batch-size 4 --mini-batch 1 --epochs 2 --learning-rate 1 --shuffle-epochs --attack lm",
      "use the attack data-leakage-in-fedavg"
    ),
  ]) func wrongClientsAreRefused(_ arguments: String, _ sentence: String) throws {
    let run = try run("reconstruct chelsea rocket coffee astronaut \(arguments)", model)
    #expect(run.status == 2 && run.errors.contains(sentence), "\(run.errors)")
  }

  @Test func aGradientHasNoSteps() throws {
    let run = try run(
      "reconstruct --update \(update)/difference.safetensors --local-steps 4 --learning-rate 0.1",
      model)
    #expect(run.status == 2 && run.errors.contains("use --update-kind difference"), "\(run.errors)")
    let uneven = try self.run(
      "reconstruct --update \(update)/difference.safetensors --update-kind difference "
        + "--local-steps 3 --mini-batch 1 --batch-size 2 --learning-rate 0.1", model)
    #expect(uneven.status == 2 && uneven.errors.contains("give a multiple"), "\(uneven.errors)")
  }
}
