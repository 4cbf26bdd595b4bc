// An attack of your own, beside two of the catalogue.
import Audit
import CPUBackend
import Leakage
import ModelIO
import TensorGraph

let backend = CPUBackend()
let model = try ModelCatalog.model(
  named: "lenet", ModelOptions(inputShape: [3, 16, 16], classCount: 10))
let weighted = WeightedModel(untrained: model, seed: 0)
guard let photograph = BundledImages.image(named: "coffee", size: 32) else {
  fatalError("there is no such photograph")
}
let picture = photograph.fitted(width: 16, height: 16).tensor(.f64)
let update = try weighted.share(
  images: picture.reshaped(to: [1, 3, 16, 16]), labels: [3], backend: backend)

let attacks: [any Attack] = [
  RelativeMatching(), try AttackCatalog.attack(named: "idlg"),
  try AttackCatalog.attack(named: "peeling"),
]
for attack in attacks {
  let problem = try AttackProblem(
    weighted, update: update, configuration: AttackConfiguration(trials: 3, iterations: 2000),
    backend: backend)
  let result = try problem.run(attack)
  let quality = ReconstructionQuality(
    of: result.images.reshaped(to: model.inputShape), original: picture)
  let isRecovered = quality.peakSignalToNoiseRatio > 40 && result.labels == [3]
  print("\(attack.descriptor.name): \(isRecovered ? "recovered" : "not recovered")")
}
