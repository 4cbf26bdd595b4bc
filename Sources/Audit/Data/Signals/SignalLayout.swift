import Clients
import TensorGraph

/// Where a model's input [C, H, W] has the channels of a signal, and where its samples.
struct SignalLayout: Sendable {
  let inputShape: Shape
  let channels: Int
  let length: Int
  /// Whether all samples of a channel stand together.
  private let isChannelsFirst: Bool

  /// - Parameter counts: how many channels there may be, the likeliest first; empty where nothing is known.
  /// - Throws: ``ExperimentError`` when the input is no signal of as many channels.
  init(_ model: Model, channels counts: [Int]) throws(ExperimentError) {
    inputShape = model.inputShape
    let wide = inputShape.dimensions.filter { $0 != 1 }
    guard wide.count <= 2, let first = wide.first else {
      throw ExperimentError(
        "model",
        "\(model.name.quotedForMessage) takes \(inputShape), which has no channels over time; give a model of "
          + "[N, channels, samples] or [N, samples, channels]")
    }
    guard wide.count == 2 else {
      guard counts.isEmpty || counts.contains(1) else {
        throw SignalLayout.mismatch(model, counts)
      }
      (channels, length, isChannelsFirst) = (1, first, true)
      return
    }
    let usual = min(wide[0], wide[1])
    for count in counts.isEmpty ? [usual] : counts where wide.contains(count) {
      channels = count
      isChannelsFirst = wide[0] == count
      length = isChannelsFirst ? wide[1] : wide[0]
      return
    }
    throw SignalLayout.mismatch(model, counts)
  }

  private static func mismatch(_ model: Model, _ counts: [Int]) -> ExperimentError {
    ExperimentError(
      "data.signals",
      "have \(counts.map(String.init).joined(separator: " or ")) channels, and \(model.name.quotedForMessage) takes "
        + "\(model.inputShape); choose as many channels as it takes")
  }

  /// Numbers of each channel as the model's input.
  func input(_ samples: [[Double]]) -> Tensor {
    let numbers =
      isChannelsFirst
      ? samples.flatMap(\.self)
      : (0..<length).flatMap { time in samples.map { $0[time] } }
    return Tensor(inputShape, .f64(numbers))
  }

  /// An input as numbers of each channel.
  func samples(_ input: Tensor) -> [[Double]] {
    let numbers = input.doubles
    return (0..<channels).map { channel in
      (0..<length).map {
        numbers[isChannelsFirst ? channel * length + $0 : $0 * channels + channel]
      }
    }
  }
}
