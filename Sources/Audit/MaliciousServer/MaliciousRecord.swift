import Attacks
import Clients
import TensorGraph

/// What a malicious server got out of one client, and what theory says it should.
package struct MaliciousRecord: Codable, Sendable, Equatable {
  /// The format's version.
  package static let currentVersion = 1

  /// One private image.
  package struct ImageEntry: Codable, Sendable, Equatable {
    /// The image's.
    package var name: String
    /// Whether the planted weights set it apart from all others; nil where that is not known
    /// beforehand.
    package var isIsolated: Bool?
    /// PSNR in dB of the nearest of all the server's reconstructions.
    package var psnr: JSONNumber
    /// Structural similarity with the original; missing for images smaller than 11x11.
    package var ssim: JSONNumber?
    /// PSNR at least ``LeakThreshold/fullPSNR``.
    package var isRecovered: Bool
  }

  /// Of the format.
  package var version = MaliciousRecord.currentVersion
  /// Version of gradleak that made it.
  package var tool: String
  /// How the server plants weights.
  package var method: MaliciousMethod
  /// Who attacks, and what they know.
  package var threatModel: ThreatModel
  /// The model's name.
  package var model: String
  /// Seed of all that is drawn.
  package var seed: UInt64
  /// Element type that the client computes in.
  package var precision: Precision
  /// Images of the client that share one update.
  package var batchSize: Int
  /// Bins of the imprint; nil for other methods.
  package var bins: Int?
  /// Copies of each bin, which prove what holds one image; nil without.
  package var copies: Int?
  /// What was read that the update proves to be one private image, whoever looks: the copies of its bin have rank one. Nil where
  /// nothing can prove it.
  package var provenCount: Int?
  /// Of these, how many are a private image in full.
  package var provenInFull: Int?
  /// Rounds of planted weights that the client answered.
  package var rounds: Int
  /// Images that are alone in their bin, or that were fished for.
  package var isolatedCount: Int?
  /// What theory expects ``isolatedCount`` to be.
  package var expectedIsolatedCount: Double?
  /// Images that came back in full.
  package var recoveredCount: Int
  /// Over the isolated images, or all where isolation is not known; nil without any.
  package var medianPSNR: JSONNumber?
  /// PSNR in dB of random pixels and of mid-grey against the private images, in the median.
  package var randomGuessPSNR: JSONNumber
  /// Median of what a grey image gets, in dB.
  package var greyImagePSNR: JSONNumber
  /// What the check of received weights says of the planted ones.
  package var findings: [PlantedWeightCheck.Finding]
  /// One for each private image.
  package var images: [ImageEntry]
}
