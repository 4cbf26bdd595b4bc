import Attacks
import CPUBackend
import Clients
import Defences
import Solvers
import Synchronization
import TensorGraph

/// A client with a small model and a private batch, and the update it shares.
struct AttackedClient {
  let weighted: WeightedModel
  /// The private batch [N, C, H, W] in f64, values in 0...1.
  let images: Tensor
  let labels: [Int]
  let update: SharedUpdate

  static let backend = CPUBackend(CPUBackend.Options(threadCount: 1))

  /// - Parameter seed: of the model's initial weights.
  init(_ model: Model, labels: [Int], seed: UInt64 = 0) throws {
    weighted = WeightedModel(
      model: model, parameters: model.initialParameters(seed: seed, dtype: .f64).map(\.tensor),
      buffers: model.initialBuffers(dtype: .f64).map(\.tensor))
    images = model.fixtureBatch(labels.count / model.labelPositions.elementCount).images
    self.labels = labels
    update = try weighted.share(images: images, labels: labels, backend: AttackedClient.backend)
  }

  /// The paper's LeNet for images of 8x8 pixels and five classes.
  static func leNet(
    _ activation: Activation = .sigmoid, labels: [Int] = [3], seed: UInt64 = 0,
    width: Int? = nil
  ) throws -> AttackedClient {
    try AttackedClient(
      smallModel("lenet", activation, width: width), labels: labels, seed: seed)
  }

  /// A model of the catalogue for images of 8x8 pixels and five classes.
  static func smallModel(
    _ name: String, _ activation: Activation = .sigmoid, width: Int? = nil
  ) throws -> Model {
    try ModelCatalog.model(
      named: name,
      ModelOptions(inputShape: [3, 8, 8], classCount: 5, activation: activation, width: width))
  }

  func attack(
    _ configuration: AttackConfiguration, backend: any Backend = AttackedClient.backend,
    observe: (AttackProgress, () -> Tensor) -> SolverDecision = { _, _ in .proceed }
  ) throws -> AttackResult {
    try AttackProblem(
      weighted, update: update, configuration: configuration, backend: backend
    ).run(observe: observe)
  }

  /// PSNR in dB of a reconstruction of the whole batch, in the client's order.
  func psnr(of reconstruction: Tensor) -> Double {
    ImageMetrics.peakSignalToNoiseRatio(
      meanSquaredError: ImageMetrics.meanSquaredError(reconstruction, images))
  }
}

/// Another backend that counts the graphs it compiles and the runs it makes, and fails after some.
final class CountingBackend: Backend {
  private let base = AttackedClient.backend
  private let compilations = Atomic(0)
  private let runs = Atomic(0)
  private let runLimit: Int

  /// - Parameter runLimit: runs that succeed.
  init(runLimit: Int = .max) { self.runLimit = runLimit }

  var name: String { "counting" }
  var capabilities: BackendCapabilities { base.capabilities }
  var compilationCount: Int { compilations.load(ordering: .relaxed) }
  var runCount: Int { runs.load(ordering: .relaxed) }

  func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    compilations.add(1, ordering: .relaxed)
    return CountedExecutable(try base.compile(graph), owner: self)
  }

  private final class CountedExecutable: Executable {
    private let base: any Executable
    private let owner: CountingBackend

    init(_ base: any Executable, owner: CountingBackend) {
      self.base = base
      self.owner = owner
    }

    var graph: Graph { base.graph }
    var workspaceByteCount: Int { base.workspaceByteCount }
    func bind(input: Int, to buffer: HostBuffer) { base.bind(input: input, to: buffer) }
    func bind(output: Int, to buffer: HostBuffer) { base.bind(output: output, to: buffer) }
    func run() throws(GraphError) {
      owner.runs.add(1, ordering: .relaxed)
      guard owner.runCount <= owner.runLimit else {
        throw GraphError("the device was lost", .failedRun)
      }
      try base.run()
    }
  }
}

extension Backend {
  /// What a function computes, run once with its inputs in the order of their declaration.
  func evaluate(
    _ function: GraphFunction, _ inputs: [Tensor]
  ) throws -> (ValueHandle) -> Tensor {
    let results = try evaluate(function.graph, inputs)
    return { results[function.index(ofOutput: $0)] }
  }
}

/// An update to attack, with usual settings.
func problem(
  _ weighted: WeightedModel, _ update: SharedUpdate, _ counter: CounterAttack = .none
) throws -> AttackProblem {
  try AttackProblem(
    weighted, update: update, configuration: AttackConfiguration(), counter: counter,
    backend: AttackedClient.backend)
}

/// The message of the ``AttackError`` that `body` throws; nil when it throws none.
func attackErrorMessage(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return (error as? AttackError)?.message
  }
}
