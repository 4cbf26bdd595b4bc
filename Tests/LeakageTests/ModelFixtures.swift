import Clients
import Foundation
import ModelIO
import TensorGraph

/// A model and batch of Tests/Fixtures/models, written by scripts/fixtures/models.py.
struct ModelCase: CustomStringConvertible, Sendable {
  let name: String
  let architecture: String
  let options: ModelOptions
  let batchSize: Int
  let mode: ForwardMode

  init(
    _ name: String, _ architecture: String, _ inputShape: Shape, classes: Int, batchSize: Int,
    activation: Activation? = nil, width: Int? = nil, depth: Int? = nil, pooling: Pooling? = nil,
    embedded: [Range<Int>] = [],
    mode: ForwardMode = .evaluation
  ) {
    self.name = name
    self.architecture = architecture
    var options = ModelOptions(
      inputShape: inputShape, classCount: classes, activation: activation, width: width,
      depth: depth, pooling: pooling)
    options.embedded = embedded
    self.options = options
    self.batchSize = batchSize
    self.mode = mode
  }

  var description: String { name }

  static let all = [
    ModelCase("lenet-1", "lenet", [3, 32, 32], classes: 100, batchSize: 1),
    ModelCase("lenet-2", "lenet", [1, 10, 7], classes: 5, batchSize: 2),
    ModelCase(
      "mlp", "mlp", [3, 4, 4], classes: 5, batchSize: 2, activation: .tanh, width: 9, depth: 2),
    ModelCase(
      "entity-mlp", "entity-mlp", [3, 4, 4], classes: 5, batchSize: 2, activation: .tanh, width: 9,
      depth: 2, embedded: [3..<9, 20..<22]),
    ModelCase(
      "convnet", "convnet", [3, 11, 9], classes: 5, batchSize: 2, activation: .silu, width: 2,
      pooling: .average),
    ModelCase("resnet20", "resnet20", [3, 8, 8], classes: 10, batchSize: 1, width: 4),
    ModelCase(
      "resnet18-training", "resnet18", [3, 16, 16], classes: 10, batchSize: 2,
      activation: .softplus, width: 2, mode: .training),
    ModelCase(
      "vgg11", "vgg11", [3, 32, 32], classes: 10, batchSize: 1, activation: .leakyReLU, width: 2),
    ModelCase("vit", "vit", [3, 8, 8], classes: 10, batchSize: 2, width: 12, depth: 2),
    ModelCase(
      "unet", "unet", [2, 4, 8], classes: 3, batchSize: 2, activation: .silu, width: 2,
      pooling: .average),
    ModelCase("cnn1d", "cnn1d", [2, 1, 11], classes: 5, batchSize: 2, activation: .silu, width: 3),
    ModelCase(
      "ft-transformer", "ft-transformer", [3, 4, 4], classes: 5, batchSize: 2, activation: .tanh,
      width: 8, depth: 2, embedded: [3..<9, 20..<22]),
  ]

  func model() throws -> Model { try ModelCatalog.model(named: architecture, options) }

  func golden() throws -> [String: Tensor] {
    try SafetensorsFile(contentsOf: modelFixtures + "/\(name).safetensors").tensors()
  }
}

let modelFixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("Fixtures/models").path

/// The script's `noise`: uniform in [-1, 1), the same bits in both languages.
func noise(_ shape: Shape, _ stream: Int) -> Tensor {
  let values = (1...max(shape.elementCount, 1)).map { counter -> Double in
    var state = UInt64(counter) &* 0x9E37_79B9_7F4A_7C15
    state &+= UInt64(stream) &* 0xD1B5_4A32_D192_ED03
    state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
    state ^= state >> 31
    return Double(state >> 11) * 0x1p-52 - 1
  }
  return Tensor(shape, .f64(values))
}

/// The script's `fill`: the weights of the fixtures.
func fixtureWeights(_ spec: ParameterSpec, _ stream: Int) -> Tensor {
  let values = noise(spec.shape, stream).doubles
  let filled: [Double]
  if spec.name.hasSuffix("running_var") {
    filled = values.map { 1 + 0.3 * $0 }
  } else if spec.shape.rank >= 2 {
    let fanIn = Double(spec.shape.elementCount / spec.shape[0])
    filled = values.map { $0 * 2 / fanIn.squareRoot() }
  } else if spec.name.hasSuffix("weight") {
    filled = values.map { 1 + 0.3 * $0 }
  } else {
    filled = values.map { 0.2 * $0 }
  }
  return Tensor(spec.shape, .f64(filled))
}

extension Model {
  /// The fixtures' parameters, then buffers.
  var fixtureState: [Tensor] {
    parameters.enumerated().map { fixtureWeights($1, 100 + $0) }
      + buffers.enumerated().map { fixtureWeights($1, 1000 + $0) }
  }

  /// The fixtures' private batch: images and class indices.
  func fixtureBatch(_ batchSize: Int) -> (images: Tensor, labels: Tensor) {
    let shape = Shape([batchSize] + inputShape.dimensions)
    let images = Tensor(shape, .f64(noise(shape, 1).doubles.map { 0.5 + 0.5 * $0 }))
    let labelShape = Shape([batchSize] + labelPositions.dimensions)
    let labels = (0..<labelShape.elementCount).map { Int32((7 * $0 + 3) % classCount) }
    return (images, Tensor(labelShape, .i32(labels)))
  }
}

/// The largest difference of elements, relative to the norm of the expected tensor.
func relativeError(_ actual: Tensor, _ expected: Tensor?) -> Double {
  guard let expected, actual.shape == expected.shape else { return .infinity }
  let norm = expected.doubles.reduce(0) { $0 + $1 * $1 }.squareRoot()
  let difference = zip(actual.doubles, expected.doubles).reduce(0) { max($0, abs($1.0 - $1.1)) }
  return difference.isNaN || actual.doubles.contains(where: \.isNaN)
    ? .infinity : difference / max(norm, .leastNormalMagnitude)
}
