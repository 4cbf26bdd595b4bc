import Attacks
import Audit
import Foundation
import ModelIO
import TensorGraph
import Texts

/// A reader of files from outside.
package enum FuzzedReader: String, CaseIterable {
  case safetensors
  case onnx
  /// Arrays of NumPy.
  case npy
  /// Archives of NumPy.
  case npz
  /// Archives of torch.save.
  case pytorch
  /// The pickles in those, which checksums shield in the archive.
  case pickle
  case images
  /// tokenizer.json, with texts through what was read.
  case tokenizer
  /// vocab.txt, likewise.
  case vocabulary
  /// config.json of a language model.
  case configuration
  /// An attack's plan in JSON.
  case plan
  /// A sweep's plan in YAML.
  case sweep
  /// Messages of secure aggregation, put into runs of it.
  case secureAggregation = "secure-aggregation"

  /// Names of the corpus's files that this reader is fed with.
  private var endings: [String] {
    switch self {
    case .safetensors: [".safetensors"]
    case .onnx: [".onnx"]
    case .npy: [".npy"]
    case .npz: [".npz"]
    case .pytorch: [".pt"]
    case .pickle: [".pkl"]
    case .images: [".png", ".jpg"]
    case .tokenizer: ["/tokenizer.json"]
    case .vocabulary: ["/vocab.txt"]
    case .configuration: ["/config.json"]
    case .plan: [".plan.json"]
    case .sweep: [".sweep.yaml"]
    case .secureAggregation: []
    }
  }

  /// What means something to the reader, to be inserted anywhere; none for binary files.
  package var words: [[UInt8]] {
    let numbers = ["-1", "0", "1e308", "1e999", "9223372036854775808", "0.1", "null", "true"]
    let text: [String] =
      switch self {
      case .safetensors, .onnx, .images: []
      // Counts and clients' numbers.
      case .secureAggregation: (0...6).map { "\(UnicodeScalar(UInt8($0)))\0" }
      case .npz, .pytorch:
        ["PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{7}", "data.pkl", "../", ".npy"]
      case .pickle: FuzzedReader.pickleWords
      case .npy:
        numbers + [
          "'descr': ", "'fortran_order': True, ", "'shape': (", ", ", ")", "'<f8'", "'>f2'",
          "'|u1'",
          "'|O'", "{", "}", "\n",
        ]
      case .tokenizer:
        numbers + [
          "{", "}", "[", "]", "\"", "\\u0000", "\\ud800", "\"type\":\"Sequence\",",
          "\"normalizers\":[",
          "\"vocab\":{", "\"merges\":[", "\"a b\",", "\"Regex\":\"(a+)+$\"", "\"id\":-1,",
          "\u{300}",
          "\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"aa\"",
        ]
      case .vocabulary: ["\n", "\r\n", "##", "[UNK]", "[CLS]", "\u{300}", "\u{10FFFF}", "\0"]
      case .configuration:
        numbers + ["{", "}", "[", "]", "\"", ":", ",", "\"vocab_size\":", "\"bert\"", "\"gpt2\""]
      case .plan:
        numbers + [
          "{", "}", "[", "]", "\"", ":", ",", "\"prior\":", "\"weight\":", "\"kind\":",
          "\"restarts\":",
        ]
      case .sweep:
        numbers + [
          "&a ", "*a", "<<: ", "- ", "[", "]", "{", "}", ": ", "\n", "\n  ", "!!binary ", "? ", "|",
          ">",
          "1..9", "noise:", "groups:", "seeds: ", "# ", "---\n", "...\n", ".inf", ".nan", "0x7f",
        ]
      }
    return text.map { Array($0.utf8) } + (self == .pickle ? FuzzedReader.pickleOperations : [])
  }

  /// The valid files that inputs are made from: small ones, sorted by path; messages are made anew.
  package func seeds(in folder: String) -> [[UInt8]] {
    if self == .secureAggregation { return SecureAggregationFuzz.shared?.messages ?? [] }
    let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return paths.filter { path in endings.contains { path.hasSuffix($0) } }.sorted()
      .compactMap { path in
        FileManager.default.contents(atPath: folder + "/" + path).map { [UInt8]($0) }
      }
      .filter { (1...FuzzedReader.largestSeed).contains($0.count) }
  }

  /// Bytes of a seed at most: mutations of larger ones cost time and find no more.
  private static let largestSeed = 24 << 10

  /// Reads an input as a command would, to the end.
  ///
  /// - Returns: whether the reader took it.
  package func read(_ bytes: [UInt8]) -> Bool {
    do {
      switch self {
      case .safetensors:
        let file = try SafetensorsFile(bytes: bytes, path: "input")
        for name in file.names { _ = try file.tensor(named: name) }
      case .onnx:
        let model = try ONNXModel(bytes: bytes, path: "/nonexistent/input.onnx", limits: limits)
        let program = try model.specialized()
        _ = try program.parameterValues()
        _ = program.bufferValues()
        _ = try program.graph(mode: .evaluation)
      case .npy:
        // Arrays of pictures are read from fewer types, tensors from more.
        let isPicture = (try? NPYFile.read(bytes: bytes, path: "input")) != nil
        readAll(try TensorFile(bytes: bytes, path: "input"))
        return isPicture
      case .npz, .pytorch:
        readAll(try TensorFile(bytes: bytes, path: "input"))
      case .pickle:
        readAll(try TensorFile(pickle: bytes, path: "input"))
      case .images:
        _ = try Image(bytes: bytes, path: "input")
      case .tokenizer:
        use(try Tokenizer(bytes: bytes, path: "input"))
      case .vocabulary:
        use(try Tokenizer(vocabularyBytes: bytes, path: "input"))
      case .configuration:
        _ = try TextModelConfiguration(
          JSONValue(parsing: bytes, path: "input"), path: "input", head: nil)
      case .plan:
        _ = try PlanDocument(json: bytes, source: "input").applied(to: OptimizationPlan())
      case .sweep:
        // As SweepPlan.read(contentsOf:) does.
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        _ = try SweepPlan(yaml: text)
      case .secureAggregation:
        guard let result = SecureAggregationFuzz.shared?.play(bytes) else { return false }
        // Ends the process, which is how a finding is told.
        if let fault = result.fault { fatalError(fault) }
        return result.wasTaken
      }
      return true
    } catch {
      return false
    }
  }

  /// Every tensor, as far as its bytes are whole.
  private func readAll(_ file: TensorFile) {
    for name in file.names { _ = try? file.tensor(named: name) }
  }

  /// Operations of a pickle that are no text.
  private static let pickleOperations: [[UInt8]] = [
    [0x80, 2], [0x81], [0x85], [0x86], [0x87], [0x88], [0x89], [0x8A, 1, 0x7F],
    [0x8A, 8] + [UInt8](repeating: 0xFF, count: 7) + [0x7F],
    [0x8C, 1, 0x61], [0x8E, 2, 0, 0, 0, 0, 0, 0, 0], [0x8F], [0x90], [0x91], [0x93], [0x94],
    [0x95] + [UInt8](repeating: 0, count: 8),
  ]

  /// Other operations of a pickle, and calls with what they need.
  private static let pickleWords = [
    "(", ")", "]", "}", "0", "1", "2", "t", "R", "b", "s", "u", "a", "e", "Q", "N", "q\0",
    "h\0", "h\u{1}", "cos\nsystem\n", "ctorch\nFloatStorage\n", "ctorch\nSize\n",
    "ccollections\nOrderedDict\n", "ctorch._utils\n_rebuild_tensor_v2\n", "cnumpy\ndtype\n",
    "cnumpy._core.multiarray\n_reconstruct\n", "c_codecs\nencode\n", "J\0\0\0\u{7F}", "K\0",
    "ccollections\nOrderedDict\n)Rq\0", "]q\0h\0a", "U\u{7}storage",
  ]

  /// Texts through a tokenizer and back.
  private func use(_ tokenizer: Tokenizer) {
    for text in ["Hello, world! naïve 北京 \u{1F600}\u{200D}", "", "a\u{301}b  \n\t##x [MASK] </s>"] {
      _ = tokenizer.decode(tokenizer.encode(text))
    }
    _ = tokenizer.decode([-1, 0, 1, 5, 1 << 40])
  }

  private var limits: ONNXLimits { .default }
}
