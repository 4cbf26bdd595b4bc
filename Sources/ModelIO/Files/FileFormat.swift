/// What a file is by its first bytes, whatever its name says.
enum FileFormat: Hashable, Sendable, CaseIterable {
  case png, jpeg, gif, webp, bmp, tiff, heic, pdf
  case safetensors, pyTorch, oldPyTorch, npz, npy, pickle, hdf5, keras, gguf, tensorFlowLite, onnx
  case gitLFS, webPage, json, sqlite
  case gzip, bzip2, xz, zstandard, sevenZip, tar, zip

  /// Bytes that decide.
  static let headByteCount = 512

  /// Nil when nothing is recognised.
  init?(of bytes: some Sequence<UInt8>) {
    let head = Array(bytes.prefix(FileFormat.headByteCount))
    func starts(_ magic: [UInt8], at offset: Int = 0) -> Bool {
      head.dropFirst(offset).starts(with: magic)
    }
    func starts(_ magic: String, at offset: Int = 0) -> Bool {
      starts(Array(magic.utf8), at: offset)
    }
    let found: FileFormat? =
      if FileFormat.isSafetensors(head) {
        .safetensors
      } else if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
        .png
      } else if starts([0xFF, 0xD8, 0xFF]) {
        .jpeg
      } else if starts("GIF8") {
        .gif
      } else if starts("RIFF"), starts("WEBP", at: 8) {
        .webp
      } else if starts("BM"), starts([0, 0, 0, 0], at: 6) {
        .bmp
      } else if starts("II*\0") || starts("MM\0*") {
        .tiff
      } else if starts("ftyp", at: 4) {
        .heic
      } else if starts("%PDF-") {
        .pdf
      } else if starts("PK\u{3}\u{4}") {
        FileFormat(zipEntry: head)
      } else if starts("PK\u{5}\u{6}") {
        .zip
      } else if starts([0x93] + Array("NUMPY".utf8)) {
        .npy
      } else if starts([0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC]) {
        // torch.save's own magic number, of before version 1.6.
        .oldPyTorch
      } else if starts([0x80]), head.count > 2, (2...5).contains(head[1]) {
        .pickle
      } else if starts([0x89] + Array("HDF\r\n\u{1A}\n".utf8)) {
        .hdf5
      } else if starts("GGUF") {
        .gguf
      } else if starts("TFL3", at: 4) {
        .tensorFlowLite
      } else if starts("SQLite format 3\0") {
        .sqlite
      } else if starts([0x1F, 0x8B]) {
        .gzip
      } else if starts("BZh") {
        .bzip2
      } else if starts([0xFD] + Array("7zXZ\0".utf8)) {
        .xz
      } else if starts([0x28, 0xB5, 0x2F, 0xFD]) {
        .zstandard
      } else if starts([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) {
        .sevenZip
      } else if starts("ustar", at: 257) {
        .tar
      } else {
        FileFormat(text: head) ?? (FileFormat.isONNX(head) ? .onnx : nil)
      }
    guard let found else { return nil }
    self = found
  }

  /// A length of 8 bytes, and a JSON object behind it.
  private static func isSafetensors(_ head: [UInt8]) -> Bool {
    guard head.count > 9, head[8] == UInt8(ascii: "{") else { return false }
    let length = head[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return length >= 2 && length <= UInt64(SafetensorsHeader.maximumByteCount)
  }

  /// A protocol buffer that begins with a version of ONNX's format and a field of its model.
  private static func isONNX(_ head: [UInt8]) -> Bool {
    head.count > 3 && head[0] == 0x08 && (1...31).contains(head[1])
      && [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42].contains(head[2])
  }

  /// An archive by the name of its first entry.
  private init(zipEntry head: [UInt8]) {
    let count = head.count > 27 ? Int(head[26]) | Int(head[27]) << 8 : 0
    let name = String(decoding: head.dropFirst(30).prefix(count), as: UTF8.self)
    if name.hasSuffix(".npy") {
      self = .npz
    } else if name == "data.pkl"
      || ["/data.pkl", "/byteorder", "/version"].contains(where: name.hasSuffix)
      || name.contains("/.format_version") || name.contains("/code/")
    {
      self = .pyTorch
    } else if ["metadata.json", "config.json", "model.weights.h5"].contains(name) {
      self = .keras
    } else {
      self = .zip
    }
  }

  private init?(text head: [UInt8]) {
    let text = (head.starts(with: [0xEF, 0xBB, 0xBF]) ? head.dropFirst(3) : head[...])
      .drop { " \t\r\n".utf8.contains($0) }
    let lowercased = String(decoding: text.prefix(64), as: UTF8.self).lowercased()
    if lowercased.hasPrefix("version https://git-lfs")
      || lowercased.hasPrefix("version https://hawser")
    {
      self = .gitLFS
    } else if ["<!doctype", "<html", "<head", "<?xml", "<error", "<!--"].contains(
      where: lowercased.hasPrefix)
    {
      self = .webPage
    } else if let first = text.first, first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      self = .json
    } else {
      return nil
    }
  }

  /// For people, with an article.
  var name: String {
    switch self {
    case .png: "a PNG image"
    case .jpeg: "a JPEG image"
    case .gif: "a GIF image"
    case .webp: "a WebP image"
    case .bmp: "a BMP image"
    case .tiff: "a TIFF image"
    case .heic: "a HEIC or AVIF image"
    case .pdf: "a PDF document"
    case .safetensors: "a safetensors file"
    case .pyTorch: "a PyTorch file, as torch.save writes it"
    case .oldPyTorch: "a PyTorch file from before version 1.6, which is a plain pickle"
    case .npz: "a NumPy archive (.npz)"
    case .npy: "a NumPy array (.npy)"
    case .pickle: "a Python pickle"
    case .hdf5: "an HDF5 file, as Keras writes weights"
    case .keras: "a Keras model"
    case .gguf: "a GGUF file of llama.cpp"
    case .tensorFlowLite: "a TensorFlow Lite model"
    case .onnx: "an ONNX model"
    case .gitLFS: "a Git LFS pointer, which stands for the real file"
    case .webPage: "a web page (HTML or XML), perhaps the error of a download"
    case .json: "a JSON text"
    case .sqlite: "an SQLite database"
    case .gzip: "a gzip archive"
    case .bzip2: "a bzip2 archive"
    case .xz: "an xz archive"
    case .zstandard: "a Zstandard archive"
    case .sevenZip: "a 7-Zip archive"
    case .tar: "a tar archive"
    case .zip: "a ZIP archive"
    }
  }

  var isImage: Bool {
    switch self {
    case .png, .jpeg, .gif, .webp, .bmp, .tiff, .heic: true
    default: false
    }
  }
}
