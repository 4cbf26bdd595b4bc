/// What a reader of files wants.
package enum WantedFile: Sendable {
  /// Tensors in any format: an update, weights or adapters.
  case tensors
  /// Tensors where only safetensors are read.
  case safetensors
  case onnx
  case picture
  /// Settings, tokenizers, records, plans.
  case json
  /// A plan of a sweep, vocabularies, private texts: lines of text.
  case text
  /// Bytes of pixels without a header.
  case rawPixels

  func accepts(_ format: FileFormat) -> Bool {
    switch self {
    // What an archive is, its list of entries tells.
    case .tensors: [.safetensors, .pyTorch, .npz, .npy, .zip, .keras].contains(format)
    case .safetensors: format == .safetensors
    case .onnx: format == .onnx
    case .picture: format == .png || format == .jpeg
    case .json: format == .json
    case .text: format == .json
    // Pixels can be anything; only what has many telling bytes is recognised.
    case .rawPixels: ![.gzip, .gitLFS, .webPage, .npy, .npz, .zip, .png, .hdf5].contains(format)
    }
  }

  /// Refuses a file that is recognised as something else, and says what it is and how to convert it. What is
  /// not recognised is left to the reader.
  ///
  /// - Parameter bytes: the file's first bytes, or all.
  /// - Throws: ``FileError``.
  package func refuseOthers(_ bytes: some Sequence<UInt8>, path: String) throws(FileError) {
    guard let format = FileFormat(of: bytes), !accepts(format) else { return }
    throw FileError(
      path: path, problem: "this is \(format.name), and not \(name)",
      advising: remedy(for: format))
  }

  private var name: String {
    switch self {
    case .tensors: "a file of tensors"
    case .safetensors: "a safetensors file"
    case .onnx: "an ONNX model"
    case .picture: "a PNG or JPEG image, so that it cannot be read"
    case .json: "the JSON text that is read here"
    case .text: "the plain text that is read here"
    case .rawPixels: "plain bytes of pixels"
    }
  }

  private func remedy(for format: FileFormat) -> Sentence {
    switch format {
    case .gitLFS: return "fetch the file itself with git lfs pull"
    case .webPage:
      return
        "download the file itself; the address may need a login, or \"raw\" or \"resolve\" in it"
    case .gzip, .bzip2, .xz, .zstandard, .sevenZip, .tar, .zip: return "unpack it first"
    default: break
    }
    switch self {
    case .tensors: return tensorsRemedy(format)
    case .safetensors: return safetensorsRemedy(format)
    case .onnx: return modelRemedy(format)
    case .picture: return format.isImage ? "convert it to PNG or JPEG" : "give a PNG or JPEG image"
    case .json: return "give the JSON file that belongs here"
    case .text: return "give a plain text file in UTF-8"
    case .rawPixels: return "write its pixels alone, one byte each"
    }
  }

  private func tensorsRemedy(_ format: FileFormat) -> Sentence {
    switch format {
    case .oldPyTorch, .pickle:
      """
      pickles are never loaded; if you trust it, save it anew in Python: torch.save(torch.load("in.pt", \
      weights_only=True), "out.pt")
      """
    case .hdf5, .keras:
      "read its arrays in Python with keras or h5py and save them with numpy.savez"
    case .onnx:
      "give a model with \(.model), and here tensors (\(TensorFile.formats))"
    case .gguf, .tensorFlowLite: "give the weights before conversion (\(TensorFile.formats))"
    case .json: "give the file of tensors that it describes"
    default: "give a file of tensors (\(TensorFile.formats))"
    }
  }

  private func safetensorsRemedy(_ format: FileFormat) -> Sentence {
    switch format {
    case .pyTorch, .oldPyTorch:
      "convert it in Python: safetensors.torch.save_file(torch.load(\"in.pt\", weights_only=True), \"out.safetensors\")"
    case .npz, .npy:
      "convert it in Python: safetensors.numpy.save_file({\"NAME\": numpy.load(\"in.npy\")}, \"out.safetensors\")"
    case .pickle:
      "load it in Python, if you trust it, and save the arrays with safetensors.numpy.save_file"
    case .hdf5, .keras:
      "read its arrays in Python with keras or h5py and save them with safetensors.numpy.save_file"
    case .onnx: "give a model with \(.model), and here tensors saved with safetensors"
    case .gguf, .tensorFlowLite: "give the weights before conversion, as safetensors"
    case .json: "give the safetensors file that it describes"
    default: "give tensors saved with safetensors"
    }
  }

  private func modelRemedy(_ format: FileFormat) -> Sentence {
    switch format {
    case .pyTorch, .oldPyTorch:
      "export the model in Python: torch.onnx.export(model, example, \"model.onnx\")"
    case .safetensors:
      "export the model with torch.onnx.export, or name a built-in model and give this with \(.weights)"
    case .hdf5, .keras, .tensorFlowLite: "convert the model with tf2onnx"
    default: "export the model with torch.onnx.export"
    }
  }
}
