import ModelIO
import Testing

@testable import Federation

@Suite struct FederationErrorTests {
  @Test func namesSettingsInWords() {
    let error = FederationError(advising: "give \(.rounds, 3)", .badInput)
    #expect(error.message == "give rounds 3")
    #expect(error.kind == .badInput)
  }
}
