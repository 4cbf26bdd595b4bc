import Leakage
import TensorGraph

/// What a malicious server got out of one client, and what theory says it should.
public struct MaliciousRecord: Codable, Sendable, Equatable {
  /// The format's version.
  public static let currentVersion = 1

  /// One private image.
  public struct ImageEntry: Codable, Sendable, Equatable {
    public var name: String
    /// Whether the planted weights set it apart from all others; nil where that is not known
    /// beforehand.
    public var isIsolated: Bool?
    /// PSNR in dB of the nearest of all the server's reconstructions.
    public var psnr: JSONNumber
    public var ssim: JSONNumber?
    /// PSNR at least ``LeakThreshold/fullPSNR``.
    public var isRecovered: Bool
  }

  public var version = MaliciousRecord.currentVersion
  public var tool: String
  public var method: MaliciousMethod
  public var threatModel: ThreatModel
  public var model: String
  public var seed: UInt64
  /// Element type that the client computes in.
  public var precision: Precision
  public var batchSize: Int
  /// Bins of the imprint; nil for other methods.
  public var bins: Int?
  /// Rounds of planted weights that the client answered.
  public var rounds: Int
  /// Images that are alone in their bin, or that were fished for.
  public var isolatedCount: Int?
  /// What theory expects ``isolatedCount`` to be.
  public var expectedIsolatedCount: Double?
  public var recoveredCount: Int
  /// Over the isolated images, or all where isolation is not known; nil without any.
  public var medianPSNR: JSONNumber?
  /// PSNR in dB of random pixels and of mid-grey against the private images, in the median.
  public var randomGuessPSNR: JSONNumber
  public var greyImagePSNR: JSONNumber
  /// What the check of received weights says of the planted ones.
  public var findings: [PlantedWeightCheck.Finding]
  public var images: [ImageEntry]
}
