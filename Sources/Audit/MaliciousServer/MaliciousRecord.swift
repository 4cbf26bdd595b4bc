import Attacks
import Clients
import TensorGraph

/// What a malicious server got out of one client, and what theory says it should.
package struct MaliciousRecord: Codable, Sendable, Equatable {
  /// The format's version.
  package static let currentVersion = 1

  /// One private image.
  package struct ImageEntry: Codable, Sendable, Equatable {
    package var name: String
    /// Whether the planted weights set it apart from all others; nil where that is not known
    /// beforehand.
    package var isIsolated: Bool?
    /// PSNR in dB of the nearest of all the server's reconstructions.
    package var psnr: JSONNumber
    package var ssim: JSONNumber?
    /// PSNR at least ``LeakThreshold/fullPSNR``.
    package var isRecovered: Bool
  }

  package var version = MaliciousRecord.currentVersion
  package var tool: String
  package var method: MaliciousMethod
  package var threatModel: ThreatModel
  package var model: String
  package var seed: UInt64
  /// Element type that the client computes in.
  package var precision: Precision
  package var batchSize: Int
  /// Bins of the imprint; nil for other methods.
  package var bins: Int?
  /// Rounds of planted weights that the client answered.
  package var rounds: Int
  /// Images that are alone in their bin, or that were fished for.
  package var isolatedCount: Int?
  /// What theory expects ``isolatedCount`` to be.
  package var expectedIsolatedCount: Double?
  package var recoveredCount: Int
  /// Over the isolated images, or all where isolation is not known; nil without any.
  package var medianPSNR: JSONNumber?
  /// PSNR in dB of random pixels and of mid-grey against the private images, in the median.
  package var randomGuessPSNR: JSONNumber
  package var greyImagePSNR: JSONNumber
  /// What the check of received weights says of the planted ones.
  package var findings: [PlantedWeightCheck.Finding]
  package var images: [ImageEntry]
}
