#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A shared library with LAPACK in it, whatever it calls its routines.
struct LAPACKLibrary {
  private let handle: UnsafeMutableRawPointer

  /// - Parameter name: a path, or a name that the loader looks for; nil when there is none.
  init?(_ name: String) {
    guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { return nil }
    self.handle = handle
  }

  func close() { dlclose(handle) }

  /// What comes before and after a routine's name: Fortran's way, and that of the OpenBLAS in SciPy's and NumPy's
  /// wheels, with 32- and with 64-bit integers.
  private static let affixes = [("", "_"), ("scipy_", "_"), ("scipy_", "_64_")]

  /// The routine of this name; nil when there is none.
  func routine(_ name: String) -> UnsafeMutableRawPointer? {
    LAPACKLibrary.affixes.lazy.compactMap { dlsym(handle, $0 + name + $1) }.first
  }

  /// Where LAPACK may be, the system's first.
  static var candidates: [String] {
    [
      "libopenblas.so.0", "libopenblas.so", "liblapack.so.3", "liblapack.so",
      "/System/Library/Frameworks/Accelerate.framework/Accelerate",
    ] + besidesTheProgram
  }

  /// Of the Python environment that the program was installed into: many machines have no other.
  private static var besidesTheProgram: [String] {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard realpath("/proc/self/exe", &buffer) != nil else { return [] }
    let path = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let folders = String(decoding: path, as: UTF8.self).split(separator: "/").dropLast()
    guard folders.last == "bin" else { return [] }
    let environment = "/" + folders.dropLast().joined(separator: "/")
    return ["scipy", "numpy"].flatMap { package in
      paths("\(environment)/lib*/python3*/site-packages/\(package).libs/libscipy_openblas*.so*")
    }
  }

  /// The files that a pattern matches, in order.
  private static func paths(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { index in
      found.gl_pathv[index].map { String(cString: $0) }
    }
  }
}
