/// The version of gradleak, by semantic versioning.
public enum GradleakVersion {
  /// Of this build.
  public static let current = "0.1.0"
}
