/// A kind of device, and the packages of Python that hold a plugin of XLA for it.
public enum XLAPlatform: String, CaseIterable, Sendable {
  /// Processors, by XLA in place of gradleak's own engine: for comparisons and tests.
  case cpu
  /// GPUs by NVIDIA.
  case cuda
  /// GPUs by AMD.
  case rocm
  /// TPUs by Google.
  case tpu

  /// What it is called among devices: `xla-cpu` to be told from gradleak's own engine.
  public var deviceName: String { self == .cpu ? "xla-cpu" : rawValue }

  /// Where the packages have their plugin, as patterns of paths in a folder for packages, the preferred one first.
  var libraries: [String] {
    switch self {
    case .cpu:
      [
        "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
        "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
        "fastatomstruct_xla_cpu/libpjrt_cpu.so",
      ]
    case .cuda:
      [
        "jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so",
        "xla_plugins/xla_cuda1?_pjrt/xla_gpu_pjrt.so",
      ]
    case .rocm: ["jax_plugins/xla_rocm*/xla_rocm_plugin.so"]
    case .tpu: ["libtpu/libtpu.so"]
    }
  }

  /// What to type to have a plugin.
  public var installation: String {
    switch self {
    case .cpu: "python3 -m pip install xla-cpu-pjrt"
    case .cuda: "python3 -m pip install \"jax-cuda13-plugin[with-cuda]\""
    case .rocm: "python3 -m pip install jax-rocm7-pjrt"
    case .tpu: "python3 -m pip install libtpu"
    }
  }

  /// Settings of a client. GPUs must not be taken whole: others work on them too.
  var clientSettings: [(name: String, value: Int64, isFlag: Bool)] {
    switch self {
    case .cpu: [("cpu_device_count", 1, false)]
    case .cuda, .rocm: [("preallocate", 0, true)]
    case .tpu: []
    }
  }

  /// Options of the compiler without which results would not be what operators say, or not the same in every run.
  var compilerOptions: [(name: String, value: Bool)] {
    switch self {
    // By default the larger of a number and NaN is the number.
    case .cpu: [("xla_cpu_enable_fast_min_max", false)]
    case .cuda, .rocm: [("xla_gpu_deterministic_ops", true)]
    case .tpu: []
    }
  }

  /// The platform that the name of a plugin's file speaks of; nil for none.
  init?(ofPluginNamed path: String) {
    let name = path.split(separator: "/").last?.lowercased() ?? ""
    guard let platform = XLAPlatform.allCases.first(where: { name.contains($0.rawValue) }) else {
      return nil
    }
    self = platform
  }

  /// What plugins call the platform.
  var pluginNames: [String] {
    switch self {
    case .cpu: ["cpu", "host"]
    case .cuda: ["cuda", "gpu"]
    case .rocm: ["rocm", "gpu"]
    case .tpu: ["tpu"]
    }
  }
}
