import ModelIO
import TensorGraph

/// What a worker tells the study of a round, beside the scene: nobody in the scene hears it.
package struct StudyReport: Sendable {
  /// The mean loss of its first step.
  package var loss: Double
  /// Examples that it took.
  package var examples: Int
  /// Its private batch, where the round is tapped.
  package var batch: RoundTap.Batch?
  /// What it shares, where nobody else sees it in the clear and the round is tapped; empty otherwise.
  package var share: [Tensor] = []
  /// The weights that it came to, where no server knows them; empty otherwise.
  package var weights: [Tensor] = []
  /// What it received from its neighbour in a ring, where the round is tapped.
  package var hops: [RingHop] = []
  /// Bytes that it sent to its neighbour.
  package var sentBytes = 0

  package init(loss: Double, examples: Int) {
    self.loss = loss
    self.examples = examples
  }

  var body: TensorBody {
    var body = TensorBody(words: [
      "loss": "\(loss)", "examples": String(examples), "bytes": String(sentBytes),
    ])
    if let batch {
      body.tensors["images"] = batch.images
      for (index, text) in batch.texts.enumerated() { body.words["text.\(index)"] = text }
      body.tensors["labels"] = Tensor([batch.labels.count], .i32(batch.labels.map { Int32($0) }))
    }
    for (index, tensor) in share.enumerated() { body.tensors["share.\(index)"] = tensor }
    for (index, tensor) in weights.enumerated() { body.tensors["weights.\(index)"] = tensor }
    for (index, hop) in hops.enumerated() {
      body.tensors["hop.\(index)"] = Tensor([hop.values.count], .f32(hop.values))
      body.words["hop.\(index)"] =
        "\(hop.range.lowerBound):" + hop.summed.map(String.init).joined(separator: "+")
    }
    return body
  }

  private func batch(
    in body: TensorBody, _ labels: Tensor
  ) throws(FederationError) -> RoundTap.Batch {
    let classes = labels.doubles.map { Int($0) }
    let texts = (0..<examples).prefix { body.words["text.\($0)"] != nil }
      .compactMap { body.words["text.\($0)"] }
    guard labels.type == TensorType([examples], .i32) else {
      throw FederationError("its report has no batch of \(examples) examples", .refused)
    }
    if let images = body.tensors["images"] {
      guard images.shape.rank == 4, images.dtype == .f32, images.shape[0] == examples else {
        throw FederationError("its report has no batch of \(examples) pictures", .refused)
      }
      return RoundTap.Batch(images: images, labels: classes)
    }
    guard texts.count == examples else {
      throw FederationError("its report has no batch of \(examples) texts", .refused)
    }
    return RoundTap.Batch(texts: texts, labels: classes)
  }

  /// Reads a report on a model.
  ///
  /// - Throws: ``FederationError`` of kind `refused` for what does not fit it.
  init(_ body: TensorBody, _ parameters: [(name: String, type: TensorType)]) throws(FederationError)
  {
    loss = body.words["loss"].flatMap { Double($0) } ?? .nan
    examples = try body.number("examples", in: 1...1_000_000)
    sentBytes = try body.number("bytes", in: 0...Int(Int32.max))
    if let labels = body.tensors["labels"] { batch = try batch(in: body, labels) }
    func list(_ name: String) throws(FederationError) -> [Tensor] {
      guard body.tensors["\(name).0"] != nil else { return [] }
      return try body.tensors(
        of: parameters.indices.map { ("\(name).\($0)", parameters[$0].type) })
    }
    share = try list("share")
    weights = try list("weights")
    let count = parameters.reduce(0) { $0 + $1.type.shape.elementCount }
    for index in 0..<10_000 {
      guard let tensor = body.tensors["hop.\(index)"] else { break }
      let parts = (body.words["hop.\(index)"] ?? "").split(separator: ":")
      guard parts.count == 2, let start = Int(parts[0]), start >= 0,
        case .f32(let values) = tensor.storage, start <= count - values.count
      else { throw FederationError("its report tells of a part that is none", .refused) }
      hops.append(
        RingHop(
          range: start..<start + values.count,
          summed: parts[1].split(separator: "+").compactMap { Int($0) }, values: values))
    }
  }
}
