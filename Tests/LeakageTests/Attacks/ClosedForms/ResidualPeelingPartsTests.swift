import Clients
import Solvers
import TensorGraph
import Testing

@testable import Attacks

/// The pieces of residual peeling on data whose answer is known.
@Suite struct ResidualPeelingPartsTests {
  private static let backend = AttackedClient.backend

  /// A 3x3 convolution's input that is not negative, slopes, and the weight gradient that both give.
  private struct Layer {
    let input: Tensor
    let whole: Tensor
    let isActive: [Bool]
    let gradient: Tensor

    static let convolution = Convolution(padding: Padding2D(1))

    /// - Parameters:
    ///   - cell: extent of the squares of one cotangent, as behind a pooling; nil for a global one.
    ///   - uniform: slopes of channels whose units all have the same one.
    init(
      channels: Int, extent: Int, cell: Int? = nil, uniform: [Int: Bool] = [:], seed: UInt64
    ) throws {
      var source = RandomSource(seed: seed)
      let shape: Shape = [1, channels, extent, extent]
      let count = shape.elementCount
      input = Tensor(shape, .f64((0..<count).map { _ in max(source.normal(), 0) }))
      let cells = cell.map { extent / $0 } ?? 1
      let numbers = (0..<channels * cells * cells).map { _ in source.normal() }
      whole = Tensor(
        shape,
        .f64(
          (0..<count).map { index in
            let (channel, place) = (index / (extent * extent), index % (extent * extent))
            let (y, x) = (place / extent * cells / extent, place % extent * cells / extent)
            return numbers[(channel * cells + y) * cells + x]
          }))
      let isActive = (0..<count).map { index in
        let isOn = source.normal() > 0
        return uniform[index / (extent * extent)] ?? isOn
      }
      self.isActive = isActive
      let cotangent = Tensor(shape, .f64(zip(whole.doubles, isActive).map { $1 ? $0 : 0 }))
      let builder = GraphBuilder()
      let a = builder.input("input", shape, .f64)
      let c = builder.input("cotangent", shape, .f64)
      let g = a.convolutionWeightGradient(c, Layer.convolution, kernelSize: Size2D(3, 3))
      gradient = try backend.evaluate(builder.build(outputs: [g]), [input, cotangent])[0]
    }

    var op: Op { .contraction(.convolution(Layer.convolution)) }
  }

  private func factors(
    of layer: Layer, isSupported: Bool = true
  ) throws -> BlindFactorization? {
    try BlindFactorization(
      layer.gradient, support: [Bool](repeating: isSupported, count: 16), height: 4, width: 4,
      tolerance: BlindFactorization.tolerance.double, backend: Self.backend)
  }

  @Test func bothFactorsOfAGradientAreFound() throws {
    let layer = try Layer(channels: 16, extent: 4, seed: 1)
    let factors = try #require(try factors(of: layer))
    #expect(factors.eigenvalues.smallest < 1e-10 * factors.eigenvalues.next)
    let ratios = zip(factors.cotangents[0], layer.whole.doubles).map { $0 / $1 }
    let scale = ratios.reduce(0) { $0 + $1 * $1 } / ratios.reduce(0, +)
    for (ratio, isActive) in zip(ratios, layer.isActive) {
      #expect(abs(ratio / scale - (isActive ? 1 : 0)) < 1e-8)
    }
  }

  /// What two images add to a gradient is told apart.
  @Test func theFactorsOfASumAreFound() throws {
    let layers = [
      try Layer(channels: 24, extent: 4, seed: 11), try Layer(channels: 24, extent: 4, seed: 12),
    ]
    let sum = zip(layers[0].gradient.doubles, layers[1].gradient.doubles).map { $0 + $1 }
    let factors = try #require(
      try BlindFactorization(
        Tensor(layers[0].gradient.shape, .f64(sum)), support: [Bool](repeating: true, count: 16),
        height: 4, width: 4, imageCount: 2, tolerance: BlindFactorization.tolerance.double,
        backend: Self.backend))
    #expect(factors.eigenvalues.smallest < 1e-10 * factors.eigenvalues.next)
    #expect(factors.cotangents.count == 2)
    for layer in layers {
      let truth = zip(layer.whole.doubles, layer.isActive).map { $1 ? $0 : 0 }
      let errors = factors.cotangents.map { found in
        let scale = dot(found, truth) / dot(truth, truth)
        return zip(found, truth).reduce(0) { max($0, abs($1.0 / scale - $1.1)) }
      }
      #expect((errors.min() ?? 1) < 1e-7)
    }
  }

  @Test func mixturesWithoutRecurringDirectionsAreNotToldApart() throws {
    var source = RandomSource(seed: 13)
    let mixtures = (0..<2).map { _ in (0..<64).map { _ in source.normal() } }
    #expect(
      try CotangentUnmixing(
        mixtures, channelCount: 16, tolerance: BlindFactorization.tolerance.double,
        backend: Self.backend) == nil)
  }

  @Test func tooFewChannelsAreNotFactored() throws {
    let layer = try Layer(channels: 4, extent: 4, seed: 2)
    #expect(try factors(of: layer) == nil)
  }

  /// As behind units that are all off.
  /// Six of nine channels are wholly on or off, so that cotangents have too few independent channels to be factored.
  @Test func slopesAreSoughtTogetherWithTheMap() throws {
    let uniform = Dictionary(uniqueKeysWithValues: (0..<6).map { ($0, $0 < 4) })
    let layer = try Layer(channels: 9, extent: 6, cell: 3, uniform: uniform, seed: 5)
    #expect(
      try BlindFactorization(
        layer.gradient, support: [Bool](repeating: true, count: 36), height: 6, width: 6,
        tolerance: BlindFactorization.tolerance.double, backend: Self.backend) == nil)
    let search = SlopeSearch(
      op: layer.op, convolution: Layer.convolution, inputShape: layer.input.shape,
      gradient: layer.gradient, whole: layer.whole, backend: Self.backend)
    let told = layer.isActive.indices.map { uniform[$0 / 36].map { $0 ? 1.0 : 0 } }
    #expect(try search.slopes(told) == layer.isActive.map { $0 ? 1 : 0 })
  }

  @Test func aCotangentThatIsZeroEverywhereIsNotFactored() throws {
    let layer = try Layer(channels: 16, extent: 4, seed: 1)
    #expect(try factors(of: layer, isSupported: false) == nil)
  }

  @Test func aGradientGivesTheInputOfItsLayer() throws {
    let layer = try Layer(channels: 8, extent: 5, seed: 3)
    let cotangent = Tensor(
      layer.whole.shape, .f64(zip(layer.whole.doubles, layer.isActive).map { $1 ? $0 : 0 }))
    let equations = try #require(
      MapEquations(
        layer.op, isInputFirst: true, input: layer.input.shape, cotangent: cotangent,
        gradient: layer.gradient))
    #expect(equations.equationsPerUnknown == 72.0 / 25)
    let block = try #require(equations.blocks.first)
    let solution = try #require(
      try MapSolution(block, positionCount: 25, backend: Self.backend))
    #expect(solution.openCount == 0 && solution.relativeResidual < 1e-13)
    let values = layer.input.doubles
    for position in 0..<25 {
      for channel in 0..<8 {
        let found = solution.values[position * 8 + channel]
        #expect(abs(found - values[channel * 25 + position]) < 1e-10)
      }
    }
  }

  /// Images stand beside each other in the equations.
  @Test func aGradientOfTwoImagesGivesBothInputs() throws {
    let layers = [
      try Layer(channels: 8, extent: 5, seed: 6), try Layer(channels: 8, extent: 5, seed: 7),
    ]
    func stacked(_ parts: [[Double]]) -> Tensor {
      Tensor([2, 8, 5, 5], .f64(parts.flatMap { $0 }))
    }
    let cotangent = stacked(
      layers.map { zip($0.whole.doubles, $0.isActive).map { $1 ? $0 : 0 } })
    let input = stacked(layers.map(\.input.doubles))
    let sum = zip(layers[0].gradient.doubles, layers[1].gradient.doubles).map { $0 + $1 }
    let equations = try #require(
      MapEquations(
        layers[0].op, isInputFirst: true, input: input.shape, cotangent: cotangent,
        gradient: Tensor(layers[0].gradient.shape, .f64(sum))))
    #expect(equations.equationsPerUnknown == 72.0 / 50)
    let block = try #require(equations.blocks.first)
    let solution = try #require(
      try MapSolution(block, positionCount: 50, backend: Self.backend))
    let values = input.doubles
    for position in 0..<50 {
      for channel in 0..<8 {
        let found = solution.values[position * 8 + channel]
        #expect(abs(found - values[equations.index(channel: channel, position: position)]) < 1e-8)
      }
    }
  }

  /// In whichever image of two they are.
  @Test(arguments: [[7], [3, 160, 410], [0, 26, 351, 376, 501]])
  func wrongSlopesOfABatchAreSetRight(_ wrong: [Int]) throws {
    let layers = [
      try Layer(channels: 12, extent: 5, seed: 14), try Layer(channels: 12, extent: 5, seed: 15),
    ]
    let shape: Shape = [2, 12, 5, 5]
    var source = RandomSource(seed: 16)
    let noisy = zip(layers[0].gradient.doubles, layers[1].gradient.doubles).map {
      ($0 + $1) * (1 + 1e-7 * source.normal())
    }
    let truth = layers.flatMap(\.isActive)
    var isActive = truth
    for unit in wrong { isActive[unit].toggle() }
    var repair = SlopeRepair(
      [
        SlopeRepair.Reader(
          convolution: Layer.convolution, op: layers[0].op,
          gradient: Tensor(layers[0].gradient.shape, .f64(noisy)),
          whole: Tensor(shape, .f64(layers.flatMap { $0.whole.doubles })),
          isActive: isActive, confidence: isActive.map { _ in 5 }, isOpen: true)
      ], input: shape, backend: Self.backend)
    let solution = try #require(try repair.solve())
    #expect(repair.readers[0].isActive == truth)
    #expect(solution.misfit < 3)
  }

  @Test(arguments: [[7], [3, 60, 110], [0, 26, 51, 76, 101]])
  func wrongSlopesAreSetRight(_ wrong: [Int]) throws {
    let layer = try Layer(channels: 12, extent: 5, seed: 4)
    var source = RandomSource(seed: 5)
    // As much as f32 leaves.
    let noisy = layer.gradient.doubles.map { $0 * (1 + 1e-7 * source.normal()) }
    var isActive = layer.isActive
    for unit in wrong { isActive[unit].toggle() }
    var repair = SlopeRepair(
      [
        SlopeRepair.Reader(
          convolution: Layer.convolution, op: layer.op,
          gradient: Tensor(layer.gradient.shape, .f64(noisy)), whole: layer.whole,
          isActive: isActive, confidence: isActive.map { _ in 5 }, isOpen: true)
      ], input: layer.input.shape, backend: Self.backend)
    let solution = try #require(try repair.solve())
    #expect(repair.readers[0].isActive == layer.isActive)
    #expect(solution.misfit < 3)
    #expect(repair.flips >= wrong.count)
  }

  @Test func zerosEndInTheWidestGap() {
    let errors = [1e-13, -4e-13, 2e-13, -1e-13, 3e-13]
    let values = [1e-6, 3e-2, 1, 0.5]
    let test = ZeroTest(errors + values)
    #expect(errors.allSatisfy { !test.isPositive($0) } && values.allSatisfy(test.isPositive))
    #expect(test.isClear)
    // As of a map that its equations leave open.
    #expect(!ZeroTest(values + values.map { -0.1 * $0 }).isClear)
  }

  @Test func networksAreCutAtTheirActivations() throws {
    let model = try ModelCatalog.model(named: "resnet20", ModelOptions(width: 4))
    let network = try ActivationGraph(model, mode: .evaluation)
    // The stem's, and two of each of nine blocks; 19 convolutions and the last layer.
    #expect(network.activations.count == 19 && network.contractions.count == 20)
    #expect(network.outputSources == [.activation(18)])
    // A block's sum reads the block's inner activation and, past it, the block's input.
    #expect(network.argumentSources[18] == [.activation(17), .activation(16)])
    #expect(network.argumentSources[0] == [.data])
    #expect(network.contractions(reading: .activation(17)).count == 1)
  }
}
