import Clients
import Solvers
import TensorGraph
import Testing

@Suite struct InitialParametersTests {
  @Test func theSameSeedGivesTheSameParameters() throws {
    let model = try ModelCatalog.model(named: "lenet")
    let first = model.initialParameters(seed: 3)
    let second = model.initialParameters(seed: 3)
    let other = model.initialParameters(seed: 4)
    #expect(first.map(\.name) == model.parameters.map(\.name))
    #expect(first.map(\.tensor) == second.map(\.tensor))
    #expect(zip(first, other).allSatisfy { $0.tensor != $1.tensor })
    let doubles = model.initialParameters(seed: 3, dtype: .f64)
    #expect(doubles.map { $0.tensor.converted(to: .f32) } == first.map(\.tensor))
  }

  @Test func leNetIsUniformInHalf() throws {
    let parameters = try ModelCatalog.model(named: "lenet").initialParameters(seed: 1)
    for (name, tensor) in parameters {
      #expect(tensor.doubles.allSatisfy { abs($0) <= 0.5 }, "\(name)")
    }
    let weight = try #require(parameters.first { $0.name == "fc.0.weight" }).tensor.doubles
    #expect(abs(mean(weight)) < 0.005)
    #expect(abs(deviation(weight) - 1 / 12.0.squareRoot()) < 0.005)
  }

  struct Expectation: Sendable {
    let model: String
    let parameter: String
    let deviation: Double
    let bound: Double

    static func normal(_ model: String, _ parameter: String, _ deviation: Double) -> Expectation {
      Expectation(model: model, parameter: parameter, deviation: deviation, bound: .infinity)
    }

    /// Uniform within 1 / √fanIn.
    static func uniform(_ model: String, _ parameter: String, fanIn: Double) -> Expectation {
      let bound = 1 / fanIn.squareRoot()
      return Expectation(
        model: model, parameter: parameter, deviation: bound / 3.0.squareRoot(), bound: bound)
    }

    static let all = [
      normal("resnet18", "conv1.weight", (2.0 / 576).squareRoot()),
      normal("resnet18", "layer2.0.downsample.0.weight", (2.0 / 128).squareRoot()),
      uniform("resnet18", "fc.weight", fanIn: 512),
      uniform("convnet", "model.conv3.weight", fanIn: 1152),
      normal("vgg11", "features.3.weight", (2.0 / 1152).squareRoot()),
      normal("vgg11", "classifier.weight", 0.01),
      normal("vit", "pos_embed", 0.02),
      normal("vit", "cls_token", 1e-6),
      uniform("vit", "patch_embed.proj.weight", fanIn: 48),
    ]
  }

  @Test(arguments: Expectation.all) func deviationsFollowPyTorchsFormulas(
    _ expected: Expectation
  ) throws {
    let model = try ModelCatalog.model(named: expected.model)
    let spec = try #require(model.parameters.first { $0.name == expected.parameter })
    var source = RandomSource(seed: 5)
    let values = spec.initializer.tensor(spec.shape, .f64, from: &source).doubles
    // Five standard errors of a deviation.
    let tolerance = 5 * expected.deviation / (2 * Double(values.count)).squareRoot()
    #expect(abs(deviation(values) - expected.deviation) < tolerance)
    #expect(abs(mean(values)) < 5 * expected.deviation / Double(values.count).squareRoot())
    #expect(values.allSatisfy { abs($0) <= expected.bound })
  }

  @Test func normsStartAsTheIdentity() throws {
    let model = try ModelCatalog.model(named: "resnet20")
    let state = model.initialParameters(seed: 1) + model.initialBuffers()
    func value(_ name: String) throws -> Set<Double> {
      Set(try #require(state.first { $0.name == name }).tensor.doubles)
    }
    #expect(try value("bn1.weight") == [1])
    #expect(try value("bn1.bias") == [0])
    #expect(try value("bn1.running_mean") == [0])
    #expect(try value("bn1.running_var") == [1])
  }

  @Test func truncatedNormalsStayWithinTheirBound() {
    var source = RandomSource(seed: 2)
    let values = Initializer.truncatedNormal(standardDeviation: 1, bound: 1)
      .tensor([2000], .f64, from: &source).doubles
    #expect(values.allSatisfy { abs($0) <= 1 })
    // The deviation of a normal distribution cut at one sigma.
    #expect(abs(deviation(values) - 0.5396) < 0.03)
  }

  private func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }

  private func deviation(_ values: [Double]) -> Double {
    let center = mean(values)
    return mean(values.map { ($0 - center) * ($0 - center) }).squareRoot()
  }
}
