import Foundation
import TensorGraph
import TestSupport
import Testing

@testable import Attacks
@testable import Clients

/// That every attack is registered, and told of where it is to be found.
@Suite struct AttackCatalogTests {
  /// A type that conforms and has no line in the catalogue fails here by its name.
  @Test func everyAttackIsRegistered() throws {
    let registered = Set(AttackCatalog.all.map { String(describing: type(of: $0)) })
    let folder = packageRoot.appending(path: "Sources")
    let files = try #require(
      FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var found: Set<Substring> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /struct (\w+): (ClosedForm)?Attack \{/) {
        found.insert(match.1)
      }
    }
    #expect(found.count >= 8)
    for name in found { #expect(registered.contains(String(name)), "\(name) is not registered") }
  }

  @Test func everyPresetIsRegistered() throws {
    let folder = packageRoot.appending(path: "Sources/Attacks/Plans/Presets")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let names = Set(AttackPresets.all.map(\.plan.name))
    for file in files {
      let name = String(file.dropLast(".json".count))
      #expect(names.contains(name), "\(name) is not registered")
    }
    #expect(files.count == names.count)
  }

  @Test func namesAreUniqueAndNoneIsAPlan() throws {
    let lists = [
      AttackCatalog.all.map(\.descriptor), AttackCatalog.texts, AttackCatalog.malicious,
      AttackCatalog.labels,
    ]
    for list in lists {
      #expect(Set(list.map(\.name)).count == list.count)
      for descriptor in list { #expect(!descriptor.summary.isEmpty && !descriptor.data.isEmpty) }
    }
    #expect(attackErrorMessage { _ = try AttackCatalog.attack(named: "plan") } != nil)
    #expect(
      attackErrorMessage { _ = try AttackCatalog.attack(named: "peelin") }?
        .contains("did you mean peeling?") == true)
  }

  /// What a configuration states is what runs.
  @Test(arguments: AttackCatalog.names) func statementsNameTheirAttack(_ name: String) throws {
    let attack = try AttackCatalog.attack(named: name)
    let statement = AttackConfiguration.statement(of: attack)
    let configuration = AttackConfiguration(attack: statement.attack, plan: statement.plan)
    #expect(try configuration.chosenAttack().descriptor.name.rawValue == name)
    #expect(configuration.attackName == name)
  }

  @Test func aPlanGoesWithItsName() throws {
    let stray = AttackConfiguration(attack: .peeling, plan: OptimizationPlan())
    #expect(
      attackErrorMessage { _ = try stray.chosenAttack() }?.contains("a plan goes with") == true)
  }

  /// The table of threat models in the documentation has every attack in the row of its letter.
  @Test func theDocumentationClassesEveryAttack() throws {
    let text = try String(
      contentsOf: packageRoot.appending(path: "docs/attacks.md"), encoding: .utf8)
    for descriptor in AttackCatalog.all.map(\.descriptor) + AttackCatalog.malicious {
      guard let letter = descriptor.category?.rawValue else { continue }
      let row = text.split(separator: "\n").first { $0.hasPrefix("| \(letter) |") }
      #expect(
        row?.contains("`\(descriptor.name)`") == true
          || row?.contains(" \(descriptor.name)`") == true,
        "\(descriptor.name) is missing in row \(letter) of docs/attacks.md")
    }
  }
}

/// The attack of the article "Add an attack": one file.
@Suite struct OneRowAttackTests {
  @Test func readsItsImage() throws {
    let client = try AttackedClient(AttackedClient.smallModel("mlp", width: 8), labels: [3])
    let result = try problem(client.weighted, client.update).run(OneRowAttack())
    #expect(client.psnr(of: result.images) > 100 && result.labels == [3])
    #expect(result.trials.map(\.method.name) == ["one-row"])
    #expect(result.trials[0].category == .eavesdropper && result.trials[0].reason == .solved)
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test func isRefusedWhereItDoesNotApply() throws {
    let client = try AttackedClient.leNet()
    #expect(
      throws: AttackError("one-row needs one image and a fully connected first layer with bias")
    ) {
      try problem(client.weighted, client.update).run(OneRowAttack())
    }
    var configuration = AttackConfiguration()
    configuration.unknown = [.architecture]
    let unknowing = try AttackProblem(
      client.weighted, update: client.update, configuration: configuration,
      backend: AttackedClient.backend)
    #expect(
      attackErrorMessage { _ = try unknowing.run(OneRowAttack()) }?
        .hasPrefix("one-row needs to know the architecture") == true)
  }
}
