import Foundation
import Testing

/// Skips a test where `make test-integrations` has not set up PyTorch, Flower and a browser.
let needsIntegrations = ConditionTrait.enabled(
  if: ProcessInfo.processInfo.environment["GRADLEAK_INTEGRATIONS"] != nil,
  "run by make test-integrations")
