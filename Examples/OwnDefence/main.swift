// A defence of your own, alone and in chains with those of the catalogue, against an attack that knows
// of it.
import Audit
import CPUBackend
import Leakage
import ModelIO
import TensorGraph

let backend = CPUBackend()
let model = try ModelCatalog.model(
  named: "lenet", ModelOptions(inputShape: [3, 16, 16], classCount: 10))
let weighted = WeightedModel(untrained: model, seed: 0)
guard let photograph = BundledImages.image(named: "rocket", size: 32) else {
  fatalError("there is no such photograph")
}
let picture = photograph.fitted(width: 16, height: 16).tensor(.f64)

let kinds = DefenceCatalog.all + [Pixelation.descriptor]
for text in ["none", "pixelate:2", "pixelate:4", "pixelate:2+fp16"] {
  let chain = try DefenceChain(text, among: kinds)
  var pipeline = DefencePipeline(chain, seed: 0)
  let shared = try weighted.share(
    images: picture.reshaped(to: [1, 3, 16, 16]), labels: [2], through: &pipeline,
    backend: backend)
  let problem = try AttackProblem(
    weighted, update: shared.update, configuration: AttackConfiguration(),
    counter: shared.counterAttack, backend: backend)
  let reconstruction = try problem.run().images.reshaped(to: model.inputShape)

  let original = ReconstructionQuality(of: reconstruction, original: picture)
  let seen = shared.encodings.map { ReconstructionQuality(of: reconstruction, original: $0[0]) }
  print(
    "\(chain): \(shared.wireByteCount) bytes; the picture "
      + (original.peakSignalToNoiseRatio > 40 ? "comes back" : "does not come back")
      + (seen.map { $0.peakSignalToNoiseRatio > 40 } == true ? ", what the model saw does" : ""))
}
