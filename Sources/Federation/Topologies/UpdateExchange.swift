import Foundation
import TensorGraph

/// How a parameter server comes to the mean of its workers' shares: in the clear, masked or encrypted.
protocol UpdateExchange: AnyObject {
  /// Workers without whom no round can end.
  var fewest: Int { get }

  /// Collects what the members of a round share.
  ///
  /// - Parameters:
  ///   - members: those that were sent the weights, ascending.
  ///   - outcome: with what is known of the round by then; gets its members, mean and tap.
  ///   - deadline: after which nobody is waited for.
  /// - Throws: ``FederationError`` of kind `tooFew` when no right mean can be had.
  func collect(
    _ members: [Int], _ outcome: inout RoundOutcome, before deadline: Date
  ) throws(FederationError)
}
