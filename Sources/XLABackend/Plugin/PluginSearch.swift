import Foundation
import TensorGraph

/// Looks for plugins of XLA where Python keeps packages. Nothing is ever downloaded.
package struct PluginSearch: Sendable {
  /// The variable that names a plugin's file.
  package static let variable = "GRADLEAK_PJRT_PLUGIN"

  private let environment: [String: String]
  private let program: String?
  private let prefixes: [String]

  /// - Parameters:
  ///   - environment: variables.
  ///   - program: the environment that the running program was installed into; nil for none.
  ///   - prefixes: the system's, in which packages for all users lie.
  package init(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    program: String? = PythonPackages.environmentOfTheProgram,
    prefixes: [String] = ["/usr/local", "/usr"]
  ) {
    self.environment = environment
    self.program = program
    self.prefixes = prefixes
  }

  /// The file that the variable names, where its name speaks of this platform or of none; nil where it is not set.
  package func namedPlugin(for platform: XLAPlatform) -> String? {
    guard let file = environment[PluginSearch.variable], !file.isEmpty,
      [nil, platform].contains(XLAPlatform(ofPluginNamed: file))
    else { return nil }
    return file
  }

  /// Folders for packages: of the active environment, of the one that the program is in, of `python3` on the path, of
  /// the user, and of the system.
  package var folders: [String] {
    var environments = ["VIRTUAL_ENV", "CONDA_PREFIX"].compactMap { environment[$0] }
    environments += [program].compactMap(\.self) + environmentsOnThePath
    environments += environment["HOME"].map { [$0 + "/.local"] } ?? []
    environments += prefixes
    var seen: Set<String> = []
    return environments.filter { $0.hasPrefix("/") && seen.insert($0).inserted }
      .flatMap { PythonPackages.folders(in: $0) }
      .filter { seen.insert($0).inserted }
  }

  /// The environments of the first `python3` on the path: where it is, and where it points to, since managers of
  /// versions leave links.
  private var environmentsOnThePath: [String] {
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let first = folders.lazy.map { $0 + "/python3" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
    guard let first else { return [] }
    let resolved = URL(fileURLWithPath: first).resolvingSymlinksInPath().path
    return [first, resolved].compactMap { PythonPackages.environment(ofProgram: $0) }
  }

  /// The plugin for a platform: the one that the variable names, or else the first that is installed.
  package func found(for platform: XLAPlatform) -> String? {
    namedPlugin(for: platform) ?? installedPlugin(for: platform)
  }

  /// The same.
  ///
  /// - Throws: ``XLAError`` that tells where was looked and what to install.
  package func plugin(for platform: XLAPlatform) throws(XLAError) -> String {
    if let found = found(for: platform) { return found }
    let places =
      switch folders.count {
      case 0: "no folder of Python's packages was found"
      case 1: "looked in \(folders[0])"
      default: "looked in \(folders[0]) and \(folders.count - 1) more"
      }
    throw XLAError(
      "there is no plugin of XLA for \(platform.deviceName) (\(places)); install one with "
        + "\(platform.installation), or name its file in \(PluginSearch.variable)", .notFound)
  }

  /// The first plugin among installed packages; nil for none.
  private func installedPlugin(for platform: XLAPlatform) -> String? {
    for folder in folders {
      for library in platform.libraries {
        if let path = PythonPackages.paths(matching: "\(folder)/\(library)").last { return path }
      }
    }
    return nil
  }
}
