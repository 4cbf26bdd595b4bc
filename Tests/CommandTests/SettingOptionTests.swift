import ArgumentParser
import ModelIO
import Testing

@testable import gradleak

/// Options that messages of the libraries advise.
struct SettingOptionTests {
  @Test(arguments: Setting.allCases)
  func aCommandHasTheOption(_ setting: Setting) {
    let help = Gradleak.configuration.subcommands.map { Gradleak.helpMessage(for: $0, columns: 80) }
    #expect(
      help.contains { $0.contains("\(setting.option) ") || $0.contains("\(setting.option)\n") })
  }

  @Test func optionsDiffer() {
    #expect(Set(Setting.allCases.map(\.option)).count == Setting.allCases.count)
  }
}
