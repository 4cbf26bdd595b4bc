import Clients
import ModelIO

extension LocalTraining {
  /// What an adaptive optimiser leaves of gradients, to be said before anything else; nil for other optimisers.
  ///
  /// - Parameter isExact: whether the update's numbers tell the gradient behind a single step; nil where that is not
  ///   known yet.
  package func lossNote(isExact: Bool? = nil) -> Sentence? {
    guard rule.isAdaptive else { return nil }
    let name =
      rule.optimizer.name == .rmsProp
      ? "RMSprop" : rule.optimizer.isDecayDecoupled ? "AdamW" : "Adam"
    guard stepsPerClient == 1, rule.state == nil else {
      return """
        \(name) divides each gradient by its own size: single moves are next to signs, and only how \
        \(rule.state == nil ? "steps differ" : "they compare with earlier ones") tells sizes, which the rounding of \
        weights hides in part.
        """
    }
    if isExact ?? !rule.areWeightsSingle {
      return """
        One fresh step of \(name) moves each weight by g / (|g| + \(rule.optimizer[.epsilon])) learning rates. These \
        numbers are exact enough to tell each g, and its gradient is attacked; in a difference of f32 weights sizes \
        are lost where they are far above \(rule.optimizer[.epsilon]).
        """
    }
    return """
      One fresh step of \(name) moves every weight by the same, up or down: of the gradient its signs are left, \
      its exact zeros, and the sizes of what is not far above \(rule.optimizer[.epsilon]). All else is lost, so that \
      many images have the same update.
      """
  }
}
