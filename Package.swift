// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "gradleak",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "gradleak", targets: ["gradleak"]),
    .library(name: "TensorGraph", targets: ["TensorGraph"]),
    .library(name: "CPUBackend", targets: ["CPUBackend"]),
    .library(name: "XLABackend", targets: ["XLABackend"]),
    .library(name: "ModelIO", targets: ["ModelIO"]),
    .library(name: "Leakage", targets: ["Leakage"]),
    .library(name: "Audit", targets: ["Audit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    .target(name: "TensorGraph"),
    .target(name: "CKernels"),
    .target(name: "CFiles"),
    .target(
      name: "CBundledFiles", exclude: ["photographs", "schemas", "tables", "tiny-text-model"]),
    .target(name: "CPUBackend", dependencies: ["TensorGraph", "CKernels"]),
    // Plugins of XLA, opened at run time: nothing is linked.
    .target(name: "CPJRT", exclude: ["vendor/LICENSE"], cSettings: [.headerSearchPath("vendor")]),
    .target(name: "XLABackend", dependencies: ["CPJRT", "TensorGraph"]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
    // Archives of PyTorch and NumPy.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    // A sweep's results: SQLite survives a kill at any moment.
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    .target(
      name: "ONNXProtobuf",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    // A sweep's plan.
    .systemLibrary(
      name: "CYAML", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
    .target(
      name: "ModelIO",
      dependencies: ["TensorGraph", "CFiles", "CPNG", "CTurboJPEG", "CZlib", "ONNXProtobuf"]),
    .target(name: "Solvers", dependencies: ["TensorGraph"]),
    .target(name: "Privacy"),
    .target(name: "Clients", dependencies: ["ModelIO", "Solvers", "TensorGraph"]),
    .target(
      name: "Defences", dependencies: ["Clients", "ModelIO", "Privacy", "Solvers", "TensorGraph"]),
    .target(
      name: "Attacks",
      dependencies: ["Clients", "Defences", "ModelIO", "Privacy", "Solvers", "TensorGraph"],
      resources: [.embedInCode("Plans/Presets")]),
    .target(
      name: "Texts",
      dependencies: ["Attacks", "Clients", "Defences", "ModelIO", "Solvers", "TensorGraph"]),
    // Integers of thousands of bits, for Paillier's encryption.
    .systemLibrary(
      name: "CGMP", pkgConfig: "gmp", providers: [.apt(["libgmp-dev"]), .brew(["gmp"])]),
    .target(
      name: "Federation",
      dependencies: [
        "CGMP", "Clients", "Defences", "ModelIO", "Solvers", "TensorGraph",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    // Five of the above under one name.
    .target(name: "Leakage", dependencies: ["Attacks", "Clients", "Defences", "Solvers", "Texts"]),
    .target(
      name: "Audit",
      dependencies: [
        "CBundledFiles", "CSQLite", "CYAML", "Attacks", "Clients", "Defences", "Federation",
        "ModelIO", "Privacy", "Solvers", "TensorGraph", "Texts",
      ]),
    .executableTarget(
      name: "gradleak",
      dependencies: [
        "Attacks", "Audit", "CPUBackend", "Clients", "Defences", "Federation", "ModelIO", "Privacy",
        "Solvers", "TensorGraph", "Texts", "XLABackend",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // Without `package`: they see what any other package sees.
    .executableTarget(
      name: "GradientFile",
      dependencies: ["Audit", "CPUBackend", "Leakage", "ModelIO", "TensorGraph"],
      path: "Examples/GradientFile", packageAccess: false),
    .executableTarget(
      name: "OwnAttack",
      dependencies: ["Audit", "CPUBackend", "Leakage", "ModelIO", "TensorGraph"],
      path: "Examples/OwnAttack", packageAccess: false),
    .executableTarget(
      name: "OwnDefence",
      dependencies: ["Audit", "CPUBackend", "Leakage", "ModelIO", "TensorGraph"],
      path: "Examples/OwnDefence", packageAccess: false),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .executableTarget(
      name: "EvaluationBenchmark",
      dependencies: ["Attacks", "CPUBackend", "Clients", "Solvers", "TensorGraph", "XLABackend"],
      path: "Benchmarks/EvaluationBenchmark"),
    .target(
      name: "Fuzzing",
      dependencies: [
        "Attacks", "Audit", "Federation", "ModelIO", "Solvers", "TensorGraph", "Texts",
      ],
      path: "Checks/Fuzzing"),
    .executableTarget(
      name: "FuzzReaders", dependencies: ["Fuzzing"], path: "Checks/FuzzReaders"),
    .executableTarget(
      name: "KernelCheck", dependencies: ["CPUBackend", "OperatorTable", "TensorGraph"],
      path: "Checks/KernelCheck"),
    .executableTarget(
      name: "XLACheck", dependencies: ["OperatorTable", "TensorGraph", "XLABackend"],
      path: "Checks/XLACheck"),
    .target(name: "OperatorTable", dependencies: ["TensorGraph"], path: "Tests/OperatorTable"),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(
      name: "TensorGraphTests", dependencies: ["TensorGraph", "OperatorTable", "TestSupport"]),
    .testTarget(
      name: "CPUBackendTests",
      dependencies: [
        "CPUBackend", "CKernels", "TensorGraph", "OperatorTable", "AllocationCounter",
      ]),
    .testTarget(
      name: "XLABackendTests",
      dependencies: ["CPJRT", "OperatorTable", "TensorGraph", "TestSupport", "XLABackend"]),
    .testTarget(
      name: "ModelIOTests",
      dependencies: [
        "ModelIO", "ONNXProtobuf", "CPUBackend", "TensorGraph", "TestSupport", "Fuzzing",
      ]),
    .testTarget(
      name: "LeakageTests",
      dependencies: [
        "Attacks", "Clients", "Defences", "Solvers", "Texts", "ModelIO", "CPUBackend",
        "TensorGraph",
        "TestSupport",
      ]),
    .testTarget(name: "PrivacyTests", dependencies: ["Privacy", "Solvers"]),
    .testTarget(
      name: "FederationTests",
      dependencies: [
        "Federation", "Clients", "CPUBackend", "Fuzzing", "ModelIO", "Solvers", "TensorGraph",
        "TestSupport",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(
      name: "AuditTests",
      dependencies: [
        "Audit", "Attacks", "CPUBackend", "Clients", "Defences", "ModelIO", "Solvers",
        "TensorGraph", "Texts",
        "TestSupport",
      ]),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "gradleak", "Attacks", "Audit", "CPUBackend", "Clients", "Defences", "ModelIO", "Solvers",
        "TensorGraph", "TestSupport", "Texts",
      ]),
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
