// Reads a picture back from the gradient in a safetensors file.
//
// `GradientFile [FOLDER]` writes gradient.safetensors, original.png and reconstruction.png to FOLDER.
import Audit
import CPUBackend
import Foundation
import Leakage
import ModelIO
import TensorGraph

let folder = URL(
  filePath: CommandLine.arguments.dropFirst().first ?? NSTemporaryDirectory() + "gradient-file")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
let path = folder.appending(path: "gradient.safetensors").path

// The model and its weights, which the server gave to its clients and the attacker knows.
let model = try ModelCatalog.model(named: "lenet", ModelOptions(classCount: 10))
let weighted = WeightedModel(untrained: model, seed: 0)
let backend = CPUBackend()

// The client: the gradient of its loss on one private picture, one tensor for each parameter. A file
// that PyTorch wrote does as well, with the names of `named_parameters()`.
guard let photograph = BundledImages.image(named: "chelsea", size: 32) else {
  fatalError("there is no such photograph")
}
let picture = photograph.tensor(.f32)
let shared = try weighted.share(
  images: picture.reshaped(to: [1, 3, 32, 32]), labels: [7], backend: backend)
try Safetensors.write(
  Dictionary(uniqueKeysWithValues: zip(model.parameters.map(\.name), shared.gradients)), to: path)

// The attacker: the file, the model, and how many pictures are behind it.
let file = try UpdateFile(contentsOf: path, for: model, UpdateReading(batchSize: 1))
let problem = try AttackProblem(
  weighted, update: file.update, configuration: AttackConfiguration(), backend: backend)
let result = try problem.run()

let reconstruction = result.images.reshaped(to: model.inputShape)
let quality = ReconstructionQuality(of: reconstruction, original: picture)
try photograph.writePNG(to: folder.appending(path: "original.png").path)
try Image(reconstruction).writePNG(to: folder.appending(path: "reconstruction.png").path)
print("attack: \(result.trials[result.bestTrial].method.name)")
print("label: \(result.labels[0])")
print("recovered: \(quality.peakSignalToNoiseRatio > 40)")
if let diagnosis = result.diagnosis { print("diagnosis: \(diagnosis.verdict)") }
