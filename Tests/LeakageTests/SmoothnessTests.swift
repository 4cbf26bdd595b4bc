import Clients
import TensorGraph
import Testing

@Suite struct SmoothnessTests {
  @Test(arguments: [Activation.sigmoid, .tanh, .gelu, .silu, .softplus])
  func smoothActivationsLeaveNothingToReport(_ activation: Activation) throws {
    for name in ["lenet", "mlp", "resnet20", "vit"] {
      let model = try ModelCatalog.model(named: name, ModelOptions(activation: activation))
      let report = model.smoothness()
      #expect(report.isSmooth, "\(name): \(report.findings)")
    }
  }

  @Test func batchStatisticsAreSmooth() throws {
    let model = try ModelCatalog.model(named: "resnet18", ModelOptions(activation: .tanh))
    #expect(model.smoothness(mode: .training).isSmooth)
  }

  @Test func rectifiersAreCountedOncePerActivation() throws {
    #expect(try ModelCatalog.model(named: "resnet18").smoothness().counts == [.piecewiseLinear: 17])
    let leaky = try ModelCatalog.model(named: "mlp", ModelOptions(activation: .leakyReLU))
    #expect(leaky.smoothness().counts == [.piecewiseLinear: 3])
    let elu = try ModelCatalog.model(named: "mlp", ModelOptions(activation: .elu))
    #expect(elu.smoothness().counts == [.piecewiseSmooth: 3])
  }

  @Test func maxPoolingIsFoundAndAveragePoolingIsNot() throws {
    let usual = try ModelCatalog.model(named: "vgg11").smoothness()
    #expect(usual.counts == [.piecewiseLinear: 8, .maxPooling: 5])
    #expect(usual.findings == "8 piecewise-linear activations and 5 max poolings")
    let smooth = try ModelCatalog.model(
      named: "vgg11", ModelOptions(activation: .tanh, pooling: .average))
    #expect(smooth.smoothness().isSmooth)
  }

  @Test func kinksAndStepsAreFound() {
    let builder = GraphBuilder()
    let x = builder.input("x", [4], .f64)
    let threshold = builder.input("threshold", [4], .f64, role: .fixed)
    let output = x.absolute() + x.maximum(threshold) + x.floor() * x + x.max().broadcast(to: [4])
    let report = SmoothnessReport(of: builder.build(outputs: [output]))
    #expect(report.counts == [.kink: 3, .step: 1])
    #expect(report.findings == "3 absolute values, maxima or minima and 1 sign or rounding")
  }

  @Test func whatTheInputDoesNotReachIsNotReported() {
    let builder = GraphBuilder()
    let x = builder.input("x", [4], .f64)
    let weight = builder.input("weight", [4], .f64, role: .fixed)
    let scaled = x * weight.relu() + weight.absolute()
    #expect(SmoothnessReport(of: builder.build(outputs: [scaled.softmax()])).isSmooth)
  }

  @Test func theExplanationSaysWhatWhyAndWhatInstead() throws {
    let text = try ModelCatalog.model(named: "vgg11").smoothness().explanation
    for part in [
      "8 piecewise-linear", "5 max poolings", "second derivative", "the attack auto",
    ] {
      #expect(text.contains(part))
    }
    #expect(!text.contains("\n"))
    #expect(!text.contains("like ELU"))
  }
}
