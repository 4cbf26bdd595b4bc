import Foundation
import Solvers

/// The recording that the program carries: an invented electrocardiogram, so that nothing of a person is in it.
///
/// Each beat is a sum of five bell curves, the waves P, Q, R, S and T, at the places and widths of McSharry et al. 2003 ("A dynamical
/// model for generating synthetic electrocardiogram signals", IEEE Transactions on Biomedical Engineering 50, table I); the time
/// between beats and the height of the waves vary from beat to beat, and there is a little noise.
package enum BundledSignal {
  /// For commands and experiments.
  package static let name = "heartbeat"
  /// Samples per second.
  package static let rate = 128.0
  static let length = 4096

  /// Angle in the beat, height in mV and width as an angle of each wave.
  private static let waves: [(angle: Double, height: Double, width: Double)] = [
    (-.pi / 3, 0.12, 0.25), (-.pi / 12, -0.15, 0.1), (0, 1.2, 0.1), (.pi / 12, -0.25, 0.1),
    (.pi / 2, 0.3, 0.4),
  ]

  /// In mV.
  static let samples: [Double] = {
    var source = RandomSource(seed: 1).derive(label: "heartbeat")
    var result: [Double] = []
    result.reserveCapacity(length)
    var (place, period, gain) = (0.0, 0.85, 1.0)
    for _ in 0..<length {
      let angle = 2 * .pi * (place / period) - .pi
      let beat = waves.reduce(0) { sum, wave in
        let distance = angle - wave.angle
        return sum + gain * wave.height * exp(-distance * distance / (2 * wave.width * wave.width))
      }
      result.append(beat + 0.01 * source.normal())
      place += 1 / rate
      if place >= period {
        place -= period
        period = 0.85 + 0.08 * source.normal()
        gain = 1 + 0.1 * source.normal()
      }
    }
    return result
  }()
}
