import Clients
import TensorGraph

/// Looks for weights that a malicious server planted to read data off gradients.
///
/// Two kinds of evidence: the shape of the weights (`WeightRows`), which any file of weights has, and
/// what they do to images (`UnitBins`): how many of a batch of seven each layer hands over alone. Where
/// the model is known, its layers see what they would see at a client; where it is not, a matrix that
/// fits images is shown images. What is found is no proof of intent, and nothing found is no proof of
/// honesty: a server can hide the same trick better than the papers do.
public struct PlantedWeightCheck: Sendable {
  /// What was found in one tensor.
  public struct Finding: Codable, Sendable, Equatable {
    /// A trick, or what gives one away.
    public enum Kind: String, Codable, Sendable, CaseIterable {
      /// Many units measure one number of the input against different thresholds: the imprint block
      /// of Fowl et al. 2022, which sorts images into bins.
      case imprint
      /// Units that hardly ever fire, all alike: the trap weights of Boenisch et al. 2021.
      case trapWeights = "trap weights"
      /// All classes but one leave no gradient: the class fishing of Wen et al. 2022.
      case classFishing = "class fishing"
      /// A bias that decides the class whatever the input: gradients of most examples vanish.
      case saturatedBias = "saturated bias"
      /// Infinite or not a number.
      case notFinite = "not finite"
    }

    /// What was found.
    public let kind: Kind
    /// Name of the tensor.
    public let tensor: String
    /// One sentence for people.
    public let explanation: String
  }

  /// `count` images of a shape [C, H, W] like a client's, values in 0...1, the same at every call.
  public typealias Samples = @Sendable (_ shape: Shape, _ count: Int) -> [Tensor]

  /// Images that run through a model at once, unless it takes another number.
  public static let batchSize = 8

  let samples: Samples
  let backend: any Backend

  /// - Parameter samples: images to try the layers with; photographs of any kind will do.
  public init(samples: @escaping Samples, backend: any Backend) {
    self.samples = samples
    self.backend = backend
  }

  /// Everything suspicious in a model's tensors, in their order, when nothing else is known of it.
  ///
  /// - Parameters:
  ///   - tensors: names and values; names tell a layer's bias from its weight (`x.weight`, `x.bias`),
  ///     and nothing else.
  ///   - transposed: names of matrices that are stored as [inputs, units].
  /// - Throws: `GraphError` when the backend fails.
  public func findings(
    in tensors: [(name: String, tensor: Tensor)], transposed: Set<String> = []
  ) throws(GraphError) -> [Finding] {
    let layers = looseLayers(of: tensors, transposed: transposed)
    // Behind kernels a matrix of 16 x 16 values reads features; of 3 x 16 x 16, perhaps images. What is
    // as wide as another matrix has units reads these.
    let channels = layers.contains { !$0.isMatrix } ? [3] : [3, 1]
    let fed = Set(layers.filter { $0.rows.count != $0.rows.width }.map(\.rows.count))
    var found = notFinite(tensors)
    for layer in layers {
      let isFed = fed.contains(layer.rows.width)
      found += try findings(
        in: layer, looseResponses(of: layer, channels: isFed ? [] : channels))
    }
    return found
  }

  /// Everything suspicious in a model with weights: each fully connected layer is shown what it would
  /// see of images.
  ///
  /// - Parameter batchSize: images at once, for a model from a file that takes no other number.
  /// - Throws: `GraphError` when the backend cannot run the model.
  public func findings(
    in weighted: WeightedModel, batchSize: Int = PlantedWeightCheck.batchSize
  ) throws(GraphError) -> [Finding] {
    let tensors = zip(weighted.model.parameters.map(\.name), weighted.parameters).map {
      (name: $0, tensor: $1)
    }
    let broken = notFinite(tensors)
    guard broken.isEmpty else { return broken }
    let observation = try LayerObservation(
      weighted, batchSize: batchSize, samples: samples, backend: backend)
    var found: [Finding] = []
    for layer in looseLayers(of: tensors) where !observation.layers.keys.contains(layer.name) {
      var layer = layer
      // The classifier is known here, and is looked at below when it is a matrix.
      layer.isLast = false
      found += try findings(in: layer, [])
    }
    for (layer, responses) in observation.layers.values {
      found += try findings(in: layer, [responses])
    }
    if let last = observation.classifier, let finding = FishingChecks.byEffect(last),
      !found.contains(where: { $0.kind == .classFishing })
    {
      found.append(finding)
    }
    let places = Dictionary(
      uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
    return found.sorted { (places[$0.tensor] ?? 0) < (places[$1.tensor] ?? 0) }
  }

  // MARK: - One layer

  private func findings(
    in layer: WeightLayer, _ responses: [UnitResponses]
  ) throws(GraphError) -> [Finding] {
    var found: [Finding] = []
    if let imprint = ImprintChecks.byShape(layer) {
      found.append(imprint)
    } else if let imprint = try imprintByEffect(layer, responses) {
      found.append(imprint)
    }
    if let trap = TrapChecks.byShape(layer) ?? TrapChecks.byEffect(layer, responses) {
      found.append(trap)
    }
    if layer.isLast {
      found += [FishingChecks.byShape(layer), FishingChecks.saturation(layer)].compactMap { $0 }
    }
    return found
  }

  private func imprintByEffect(
    _ layer: WeightLayer, _ responses: [UnitResponses]
  ) throws(GraphError) -> Finding? {
    guard !layer.isLast, layer.rows.count >= UnitBins.leastUnits else { return nil }
    return try ImprintChecks.byEffect(layer, responses, backend: backend)
  }

  private func notFinite(_ tensors: [(name: String, tensor: Tensor)]) -> [Finding] {
    tensors.filter { $0.tensor.dtype.isFloatingPoint && !$0.tensor.doubles.allSatisfy(\.isFinite) }
      .map {
        Finding(
          kind: .notFinite, tensor: $0.name,
          explanation: "\($0.name) has values that are infinite or not a number.")
      }
  }
}

/// A weight as rows with its bias.
struct WeightLayer: Sendable {
  /// Of the weight.
  let name: String
  let biasName: String
  let rows: WeightRows
  let bias: [Double]?
  /// A matrix, rather than a convolution's kernels.
  let isMatrix: Bool
  /// Shape of one row: [C, H, W] or [features].
  let rowShape: Shape
  /// Whether its units are the classes.
  var isLast: Bool
}

extension PlantedWeightCheck {
  /// The layers that names and shapes tell of, in the tensors' order.
  func looseLayers(
    of tensors: [(name: String, tensor: Tensor)], transposed: Set<String> = []
  ) -> [WeightLayer] {
    let values = tensors.filter {
      $0.tensor.dtype.isFloatingPoint && $0.tensor.doubles.allSatisfy(\.isFinite)
    }.map { name, tensor in
      (name: name, tensor: transposed.contains(name) ? tensor.matrixTransposed : tensor)
    }
    let biases = Dictionary(values.map { ($0.name, $0.tensor) }) { first, _ in first }
    // A classifier feeds no other matrix. Where files sort by name, the last need not be it.
    let widths = Set(values.filter { $0.tensor.shape.rank == 2 }.map { $0.tensor.shape[1] })
    let matrices = values.filter { $0.tensor.shape.rank == 2 }
    let ends = Set(matrices.filter { !widths.contains($0.tensor.shape[0]) }.map(\.name))
    let last = matrices.last?.name
    return values.compactMap { name, tensor -> WeightLayer? in
      guard tensor.shape.rank >= 2, tensor.shape[0] >= 2, tensor.shape.elementCount > 0 else {
        return nil
      }
      let biasName =
        name.hasSuffix("weight") ? name.dropLast("weight".count) + "bias" : name + ".bias"
      let bias = biases[biasName].flatMap { bias in
        bias.shape == [tensor.shape[0]] ? bias.doubles : nil
      }
      return WeightLayer(
        name: name, biasName: biasName,
        rows: WeightRows(tensor.doubles, count: tensor.shape[0]), bias: bias,
        isMatrix: tensor.shape.rank == 2, rowShape: tensor.shape.removing(axes: [0]),
        isLast: tensor.shape.rank == 2 && (ends.isEmpty ? name == last : ends.contains(name)))
    }
  }

  /// What a layer would answer to images, where its width is that of images; to features above 0
  /// otherwise. Pixels in 0...1, and normalised ones.
  private func looseResponses(
    of layer: WeightLayer, channels: [Int]
  ) throws(GraphError) -> [UnitResponses] {
    let width = layer.rows.width
    guard layer.rows.count >= UnitBins.leastUnits, width >= 16, layer.bias != nil,
      layer.isMatrix || width >= 64
    else { return [] }
    let count = width > 50_000 ? 64 : UnitResponses.sampleCount
    let shape = PlantedWeightCheck.imageShape(
      elements: width, like: layer.rowShape, channels: channels)
    let inputs = shape.map { samples($0, count) } ?? SyntheticFeatures.rows(count, width: width)
    let products = try layer.rows.products(with: inputs.map(\.doubles), backend: backend)
    let plain = UnitResponses(
      products: products, bias: layer.bias, count: layer.rows.count,
      areToImages: shape != nil && layer.isMatrix)
    guard shape != nil else { return [plain] }
    let sums = (0..<layer.rows.count).map { layer.rows.sum(of: $0) }
    // (x - 0.45) / 0.25, about what loaders do.
    let normalised = UnitResponses(
      products: products.enumerated().map { ($1 - 0.45 * sums[$0 % sums.count]) / 0.25 },
      bias: layer.bias, count: layer.rows.count, areToImages: layer.isMatrix)
    return [plain, normalised]
  }

  /// The square image of so many channels and values; nil where there is none.
  private static func imageShape(
    elements: Int, like row: Shape, channels: [Int]
  ) -> Shape? {
    if row.rank == 3, row[0] == 3 || row[0] == 1, row[1] >= 4 { return row }
    guard row.rank == 1 else { return nil }
    for channels in channels where elements % channels == 0 {
      let side = Int(Double(elements / channels).squareRoot().rounded())
      if side >= 4, side * side * channels == elements { return [channels, side, side] }
    }
    return nil
  }
}
