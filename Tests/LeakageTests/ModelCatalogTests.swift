import Clients
import Foundation
import TensorGraph
import Testing

@Suite struct ModelCatalogTests {
  private struct Specs: Decodable {
    struct Spec: Decodable, Equatable {
      let name: String
      let shape: [Int]
    }
    let parameters: [Spec]
    let buffers: [Spec]
  }

  /// Names, order and shapes of torchvision's, timm's and the papers' modules.
  @Test(arguments: ModelCatalog.all.map(\.name)) func fullSizeParametersArePyTorchs(
    _ name: String
  ) throws {
    let url = URL(fileURLWithPath: modelFixtures + "/parameters.json")
    let all = try JSONDecoder().decode([String: Specs].self, from: Data(contentsOf: url))
    let expected = try #require(all[name])
    let model = try ModelCatalog.model(named: name)
    func specs(_ specs: [ParameterSpec]) -> [Specs.Spec] {
      specs.map { Specs.Spec(name: $0.name, shape: $0.shape.dimensions) }
    }
    #expect(specs(model.parameters) == expected.parameters)
    #expect(specs(model.buffers) == expected.buffers)
  }

  @Test(arguments: [
    ("lenet", 85_036), ("resnet18", 11_173_962), ("resnet20", 269_722), ("resnet56", 853_018),
    ("vit", 2_693_578),
  ]) func parameterCounts(_ name: String, _ count: Int) throws {
    #expect(try ModelCatalog.model(named: name).parameterCount == count)
  }

  /// R-GAP's network has one logit without bias, and its own activation.
  static let general = ModelCatalog.all.filter { $0.name != "cnn6" }

  @Test(arguments: ModelCatalogTests.general.filter { !$0.labelsPixels }.map(\.name))
  func theClassifierIsTheLastLayer(
    _ name: String
  ) throws {
    let model = try ModelCatalog.model(named: name, ModelOptions(classCount: 7))
    let classifier = try #require(model.classifier)
    #expect(classifier.weight == model.parameters.count - 2)
    #expect(classifier.bias == model.parameters.count - 1)
    #expect(model.parameters[classifier.weight].shape[0] == 7)
  }

  @Test(arguments: Activation.allCases) func everyActivationFitsEveryModel(
    _ activation: Activation
  ) throws {
    for architecture in ModelCatalogTests.general {
      let model = try architecture.model(ModelOptions(activation: activation, width: 6))
      #expect(model.parameterCount > 0)
    }
  }

  @Test(arguments: [("lenett", "lenet"), ("RESNET-18", "resnet18"), ("vgg", "vgg11")])
  func unknownNamesGetASuggestion(_ name: String, _ suggestion: String) {
    #expect {
      try ModelCatalog.model(named: name)
    } throws: { error in
      "\(error)".contains("\"\(name)\"") && "\(error)".contains("did you mean \(suggestion)?")
    }
  }

  @Test func farOffNamesGetTheListOnly() {
    #expect {
      try ModelCatalog.model(named: "diffusion-xl")
    } throws: { error in
      !"\(error)".contains("did you mean") && "\(error)".contains("lenet, mlp")
    }
  }

  @Test(arguments: [
    ("lenet", ModelOptions(inputShape: [3, 0, 32]), "[3, 0, 32]"),
    ("lenet", ModelOptions(inputShape: [32, 32]), "[32, 32]"),
    ("lenet", ModelOptions(classCount: 0), "number of classes"),
    ("lenet", ModelOptions(depth: 3), "fixed depth"),
    ("lenet", ModelOptions(pooling: .average), "no pooling"),
    ("mlp", ModelOptions(depth: 0), "depth of 0"),
    ("mlp", ModelOptions(inputShape: [3, 8192, 8192], width: 16384), "parameters"),
    ("resnet18", ModelOptions(width: -1), "width of -1"),
    ("convnet", ModelOptions(inputShape: [3, 8, 32]), "9x9"),
    ("vgg11", ModelOptions(inputShape: [3, 32, 31]), "32x32"),
    ("vit", ModelOptions(inputShape: [3, 30, 32]), "multiples of 4"),
    ("vit", ModelOptions(width: 64), "multiple of 3"),
  ]) func unfitOptionsAreRefused(_ name: String, _ options: ModelOptions, _ part: String) {
    #expect {
      try ModelCatalog.model(named: name, options)
    } throws: { error in
      error is ModelError && "\(error)".contains(name) && "\(error)".contains(part)
    }
  }
}
