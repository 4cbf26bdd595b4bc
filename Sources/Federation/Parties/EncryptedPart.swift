import Crypto
import TensorGraph

/// A worker's part where shares are encrypted: it holds the keys and the weights, and the server adds.
final class EncryptedPart: WorkerPart {
  private let welcome: Invitation.Welcome
  private let vector: ParameterVector
  private let layers: EncryptedLayers
  private let memory: WorkerMemory
  private let scheme: EncryptionScheme

  init(
    _ welcome: Invitation.Welcome, _ vector: ParameterVector, _ memory: WorkerMemory
  ) throws(FederationError) {
    guard let scheme = welcome.settings.protection.scheme else {
      throw FederationError("the settings name no scheme of encryption", .badInput)
    }
    try welcome.settings.check(vector)
    self.scheme = scheme
    self.welcome = welcome
    self.vector = vector
    self.memory = memory
    layers = EncryptedLayers(welcome.settings, vector)
  }

  func weights(_ frame: Frame, _ vector: ParameterVector) throws(FederationError) -> [Tensor] {
    guard let weights = memory.weights else {
      throw FederationError("a round began before the server sent any weights", .refused)
    }
    return weights
  }

  func begin(
    _ share: LocalTrainer.Share, _ worker: Worker, _ frame: Frame
  ) throws -> Worker.End? {
    let (hidden, clear) = layers.split(share.tensors)
    var generator = SystemRandomNumberGenerator()
    let encrypted = try keys().encrypt(
      layers.hidden.flat(hidden).map(Double.init), using: &generator)
    let body = try EncryptedShare(
      examples: share.examples.count, clear: clear, encrypted: encrypted
    ).bytes(layers)
    worker.send(Frame(.update, round: frame.round, body: body))
    // What the server does not see, the study does.
    try worker.report(share, round: frame.round, withShare: true)
    return nil
  }

  private func keys() throws(FederationError) -> any AdditiveEncryption {
    guard let keys = memory.keys else {
      throw FederationError("a round began before there were keys", .refused)
    }
    return keys
  }

  func take(_ frame: Frame, _ worker: Worker) throws -> Worker.End? {
    if frame.kind == .report {
      tell(worker, frame.round)
      return nil
    }
    guard frame.kind == .encrypted, let step = EncryptedStep(rawValue: frame.step) else {
      throw FederationError("the server sent a \(frame.kind), which is for others", .refused)
    }
    switch step {
    case .ask: answer(.introduction, memory.introduction.bytes, frame, worker)
    case .keyRequest: answer(.sealedKeys, try sealedKeys(frame).bytes, frame, worker)
    case .keys: try take(try KeyDelivery(frame.body), frame.round)
    case .weights:
      guard memory.weights == nil else {
        throw FederationError("the server sent weights to a worker that has some", .refused)
      }
      memory.weights = try TensorBody(frame.body).tensors(of: vector.types)
    case .sum: try takeSum(frame)
    case .introduction, .sealedKeys:
      throw FederationError("the server sent a \(step), which is for others", .refused)
    }
    return nil
  }

  private func answer(_ step: EncryptedStep, _ body: [UInt8], _ frame: Frame, _ worker: Worker) {
    worker.send(Frame(.encrypted, round: frame.round, step: step.rawValue, body: body))
  }

  private func parties(
    _ round: Int, maker: KeyRequest, recipient: KeyRequest
  ) -> SealedKeys.Parties {
    SealedKeys.Parties(
      seed: welcome.settings.seed, round: round, maker: maker.worker,
      makerKey: maker.agreementKey, recipient: recipient.worker,
      recipientKey: recipient.agreementKey)
  }

  private var own: KeyRequest {
    KeyRequest(worker: welcome.worker, agreementKey: memory.publicKey)
  }

  /// The keys for others; new ones where it has none.
  private func sealedKeys(_ frame: Frame) throws -> SealedKeys {
    let requests = try KeyRequest.list(frame.body)
    var generator = SystemRandomNumberGenerator()
    let keys = memory.keys ?? scheme.generateKeys(using: &generator)
    memory.keys = keys
    return try SealedKeys(
      keys, own: memory.agreementKey,
      for: requests.map { parties(frame.round, maker: own, recipient: $0) })
  }

  private func take(_ delivery: KeyDelivery, _ round: Int) throws {
    memory.keys = try SealedKeys.open(
      delivery.box, pair: delivery.pair, own: memory.agreementKey,
      parties(round, maker: delivery.maker, recipient: own), scheme)
  }

  /// Decrypts the sum of a round and comes to the weights that follow from it.
  private func takeSum(_ frame: Frame) throws {
    let settings = welcome.settings
    guard let weights = memory.weights,
      settings.sharesWeights ? frame.attempt >= memory.sumCount : frame.attempt == memory.sumCount
    else {
      throw FederationError(
        "the server sent sum \(frame.attempt + 1) to a worker that knows \(memory.sumCount)",
        .refused)
    }
    let keys = try keys()
    let mean = try EncryptedShare(frame.body, layers, keys).mean(layers, keys)
    memory.weights = vector.next(weights, mean: mean, settings)
    memory.sumCount = frame.attempt + 1
  }

  /// Tells the study, which measures accuracy, the weights.
  private func tell(_ worker: Worker, _ round: Int) {
    var report = StudyReport(loss: .nan, examples: 1)
    report.weights = memory.weights ?? []
    guard let body = try? report.body.bytes else { return }
    worker.send(Frame(.report, round: round, step: EncryptedPart.weightsStep, body: body))
  }

  /// The step of a report of weights; those of a round's batches have 0.
  static let weightsStep = 1
}
