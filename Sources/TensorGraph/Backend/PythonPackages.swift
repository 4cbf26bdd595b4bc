#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where Python keeps packages: what a backend needs may have been installed as one.
package enum PythonPackages {
  /// The environment that the running program was installed into, such as `/home/me/.venv`; nil where it is in no
  /// folder called `bin`.
  package static let environmentOfTheProgram: String? = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard realpath("/proc/self/exe", &buffer) != nil else { return nil }
    let path = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return environment(ofProgram: String(decoding: path, as: UTF8.self))
  }()

  /// The environment of a program in its folder `bin`; nil for other programs.
  package static func environment(ofProgram path: String) -> String? {
    let folders = path.split(separator: "/").dropLast()
    guard path.hasPrefix("/"), folders.last == "bin" else { return nil }
    return "/" + folders.dropLast().joined(separator: "/")
  }

  /// The folders for packages in an environment or a prefix such as `/usr`.
  package static func folders(in environment: String) -> [String] {
    ["site-packages", "dist-packages"].flatMap {
      paths(matching: "\(environment)/lib*/python3*/\($0)")
    }
  }

  /// The files and folders that a pattern of the shell matches, in order.
  package static func paths(matching pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { index in
      found.gl_pathv[index].map { String(cString: $0) }
    }
  }
}
