import TensorGraph

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
    guard let environment = PythonPackages.environmentOfTheProgram else { return [] }
    return ["scipy", "numpy"].flatMap { package in
      PythonPackages.folders(in: environment).flatMap {
        PythonPackages.paths(matching: "\($0)/\(package).libs/libscipy_openblas*.so*")
      }
    }
  }
}
