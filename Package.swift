// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "gradleak",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "gradleak", targets: ["gradleak"]),
    .library(name: "TensorGraph", targets: ["TensorGraph"]),
    .library(name: "CPUBackend", targets: ["CPUBackend"]),
    .library(name: "ModelIO", targets: ["ModelIO"]),
    .library(name: "Leakage", targets: ["Leakage"]),
    .library(name: "Audit", targets: ["Audit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .target(name: "TensorGraph"),
    .target(name: "CKernels"),
    .target(name: "CFiles"),
    .target(name: "CBundledFiles", exclude: ["photographs", "tiny-text-model"]),
    .target(name: "CPUBackend", dependencies: ["TensorGraph", "CKernels"]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
    // A sweep's results: SQLite survives a kill at any moment.
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    // A sweep's plan.
    .systemLibrary(
      name: "CYAML", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
    .target(
      name: "ModelIO",
      dependencies: ["TensorGraph", "CFiles", "CPNG", "CTurboJPEG"]),
    .target(
      name: "Leakage", dependencies: ["TensorGraph", "ModelIO"],
      resources: [.embedInCode("Plans/Presets")]),
    .target(
      name: "Audit",
      dependencies: [
        "CBundledFiles", "CSQLite", "CYAML", "Leakage", "ModelIO", "TensorGraph",
      ]),
    .executableTarget(
      name: "gradleak",
      dependencies: [
        "Audit", "Leakage", "ModelIO", "TensorGraph", "CPUBackend",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .executableTarget(
      name: "EvaluationBenchmark", dependencies: ["CPUBackend", "Leakage", "TensorGraph"],
      path: "Benchmarks/EvaluationBenchmark"),
    .target(
      name: "Fuzzing", dependencies: ["Audit", "Leakage", "ModelIO", "TensorGraph"],
      path: "Checks/Fuzzing"),
    .executableTarget(
      name: "FuzzReaders", dependencies: ["Fuzzing"], path: "Checks/FuzzReaders"),
    .executableTarget(
      name: "KernelCheck", dependencies: ["CPUBackend", "OperatorTable", "TensorGraph"],
      path: "Checks/KernelCheck"),
    .target(name: "OperatorTable", dependencies: ["TensorGraph"], path: "Tests/OperatorTable"),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(
      name: "TensorGraphTests", dependencies: ["TensorGraph", "OperatorTable"]),
    .testTarget(
      name: "CPUBackendTests",
      dependencies: [
        "CPUBackend", "CKernels", "TensorGraph", "OperatorTable", "AllocationCounter",
      ]),
    .testTarget(
      name: "ModelIOTests",
      dependencies: [
        "ModelIO", "CPUBackend", "TensorGraph", "TestSupport", "Fuzzing",
      ]),
    .testTarget(
      name: "LeakageTests",
      dependencies: ["Leakage", "ModelIO", "CPUBackend", "TensorGraph", "TestSupport"]),
    .testTarget(
      name: "AuditTests",
      dependencies: ["Audit", "CPUBackend", "Leakage", "ModelIO", "TensorGraph", "TestSupport"]),
    .testTarget(
      name: "CommandTests",
      dependencies: ["gradleak", "Audit", "Leakage", "ModelIO", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

// CI builds with warnings as errors; users with another compiler are not stopped by a new warning.
if Context.environment["GRADLEAK_WARNINGS_AS_ERRORS"] != nil {
  for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
    target.cSettings = (target.cSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
}
