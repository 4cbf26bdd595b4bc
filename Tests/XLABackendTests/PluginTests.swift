import CPJRT
import Foundation
import OperatorTable
import TensorGraph
import TestSupport
import Testing

@testable import XLABackend

/// How plugins are found, and what is said of files that are none.
struct PluginTests {
  private let folder = TestFolder()

  /// An environment of Python with a file in its folder for packages.
  private func install(_ library: String, in environment: String) throws -> String {
    let path = folder("\(environment)/lib/python3.12/site-packages/\(library)")
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("no library".utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func search(_ variables: [String: String], program: String? = nil) -> PluginSearch {
    PluginSearch(environment: variables, program: program, prefixes: [folder("usr")])
  }

  @Test func pluginsAreFoundWhereTheyAreInstalled() throws {
    let old = try install("jax_plugins/xla_cuda12/xla_cuda_plugin.so", in: "venv")
    #expect(search(["VIRTUAL_ENV": folder("venv")]).found(for: .cuda) == old)
    let new = try install("jax_plugins/xla_cuda13/xla_cuda_plugin.so", in: "venv")
    #expect(search(["VIRTUAL_ENV": folder("venv")]).found(for: .cuda) == new)
    #expect(search(["CONDA_PREFIX": folder("venv")]).found(for: .cuda) == new)
    #expect(search([:], program: folder("venv")).found(for: .cuda) == new)
    #expect(search([:]).found(for: .cuda) == nil)
    let rocm = try install("jax_plugins/xla_rocm7/xla_rocm_plugin.so", in: "usr")
    #expect(search([:]).found(for: .rocm) == rocm)
    let user = try install("xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", in: "home/.local")
    #expect(search(["HOME": folder("home")]).found(for: .cpu) == user)
  }

  @Test func theEnvironmentOfPythonOnThePathIsSearched() throws {
    let plugin = try install("libtpu/libtpu.so", in: "other")
    let bin = folder("other/bin")
    try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
    let python = folder.file("other/bin/python3", [])
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: python)
    #expect(search(["PATH": "/nowhere:" + bin]).found(for: .tpu) == plugin)
    #expect(search(["PATH": "/nowhere"]).found(for: .tpu) == nil)
  }

  @Test func theVariableComesFirst() throws {
    let installed = try install("jax_plugins/xla_cuda13/xla_cuda_plugin.so", in: "venv")
    let environment = ["VIRTUAL_ENV": folder("venv"), PluginSearch.variable: "/a/libpjrt.so"]
    #expect(search(environment).found(for: .cuda) == "/a/libpjrt.so")
    // Its name says that it is for another platform.
    let other = environment.merging([PluginSearch.variable: "/a/pjrt_cpu.so"]) { $1 }
    #expect(search(other).found(for: .cuda) == installed)
    #expect(search(other).found(for: .cpu) == "/a/pjrt_cpu.so")
    #expect(search([PluginSearch.variable: ""]).found(for: .cpu) == nil)
  }

  @Test func whatIsMissingIsSaidWithWhatToInstall() {
    #expect {
      try search(["VIRTUAL_ENV": folder("none")]).plugin(for: .cuda)
    } throws: { error in
      (error as? XLAError)?.kind == .notFound
        && "\(error)".contains("pip install \"jax-cuda13-plugin[with-cuda]\"")
        && "\(error)".contains(PluginSearch.variable)
    }
  }

  /// A sentence, whatever the file.
  private func expectRefusal(_ path: String, _ kind: XLAError.Kind, _ words: String) {
    #expect {
      try XLADevice(nil, plugin: path)
    } throws: { error in
      guard let error = error as? XLAError else { return false }
      return error.kind == kind && error.message.contains(path) && error.message.contains(words)
        && !error.message.contains("\n")
    }
  }

  @Test func filesThatAreNoPluginsAreRefused() throws {
    expectRefusal(folder("none.so"), .notFound, "no plugin")
    let text = folder.file("text.so", Array("no library".utf8))
    expectRefusal(text, .notAPlugin, "cannot be loaded")
    // The head of a library, and nothing behind it.
    let head = folder.file(
      "head.so", [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0xFF, count: 500))
    expectRefusal(head, .notAPlugin, "cannot be loaded")
    expectRefusal(folder.path, .notAPlugin, "cannot be loaded")
  }

  /// Any library that is no plugin.
  private static let otherLibrary =
    PythonPackages.paths(
      matching: "/[lu]*/lib*/*-linux-gnu/libz.so.1"
    ).first ?? PythonPackages.paths(matching: "/lib*/*-linux-gnu/libm.so.6").first

  @Test(.enabled(if: otherLibrary != nil)) func otherLibrariesAreRefused() throws {
    let copy = folder("copy.so")
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: try #require(PluginTests.otherLibrary)).resolvingSymlinksInPath(),
      to: URL(fileURLWithPath: copy))
    expectRefusal(copy, .notAPlugin, "no usable GetPjrtApi")
  }

  /// Where there is a plugin; `XLACheck` holds much more against it.
  @Test(.enabled(if: PluginSearch().found(for: .cpu) != nil, "there is no plugin of XLA here"))
  func keepsToTheContractOfBindings() throws {
    let backend = XLABackend(try XLADevice(.cpu))
    #expect(try bindingFaults(of: backend) == [])
    #expect(backend.provenance?.hasPrefix("xla-cpu: ") == true)
  }

  @Test(arguments: [(0, 56), (1, 80)]) func otherVersionsAreRefused(major: Int32, minor: Int32) {
    #expect {
      try XLAPlugin.check(cpjrt_version(major: major, minor: minor), of: "/a/plugin.so")
    } throws: { error in
      (error as? XLAError)?.kind == .otherVersion && "\(error)".contains("\(major).\(minor)")
    }
  }

  @Test(arguments: [57, 81, 116]) func versionsThatAreSpokenPass(minor: Int32) throws {
    try XLAPlugin.check(cpjrt_version(major: 0, minor: minor), of: "/a/plugin.so")
  }

  /// A plugin may say anything.
  @Test func wordsOfPluginsAreOneLine() {
    #expect(PluginFailure.line("out of\u{1B}[1m memory.\n  at 0x7f") == "out of[1m memory")
    #expect(PluginFailure.line("") == "")
    #expect(PluginFailure.line(String(repeating: "x", count: 9000)).count == 303)
  }
}
