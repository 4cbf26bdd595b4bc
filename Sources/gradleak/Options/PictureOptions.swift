import ArgumentParser
import Audit
import ModelIO
import TensorGraph

extension PictureReading: ExpressibleByArgument {
  public static let allValueDescriptions = [
    "pil": "as a client's loader: Image.open(...).convert(\"RGB\") of Pillow and torchvision",
    "viewer": "as a viewer shows it: EXIF orientation and gamma applied, transparency on white",
  ]
}

/// How the user's pictures are read.
struct PictureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How pictures are read. Give what the client's loader does: a picture read otherwise is another "
        + "picture.", valueName: "name"))
  var readAs: PictureReading = .pillow

  /// The picture of a file, or the bundled photograph of this name in the size for inputs of this height.
  ///
  /// - Throws: ``FileError`` when there is neither.
  func picture(_ name: String, inputHeight: Int) throws(FileError) -> DecodedPicture {
    if let image = BundledImages.image(named: name, size: inputHeight > 32 ? 64 : 32) {
      return DecodedPicture(image: image)
    }
    return try DecodedPicture(contentsOf: name, as: readAs)
  }

  /// An example of a picture, a bundled photograph or an array of numbers (.npy) of the input's shape, but
  /// for axes of 1.
  ///
  /// - Throws: ``FileError`` when it cannot be read or has another shape.
  func example(
    _ path: String, name: String, label: Int?, inputShape: Shape
  ) throws(FileError) -> PrivateExample {
    guard path.lowercased().hasSuffix(".npy") else {
      let picture = try picture(path, inputHeight: inputShape[1])
      return PrivateExample(
        name: name, picture: picture.image, notes: picture.notes, label: label,
        inputShape: inputShape)
    }
    let array = try NPYFile.read(path)
    func extents(_ shape: Shape) -> [Int] { shape.dimensions.filter { $0 != 1 } }
    guard extents(array.tensor.shape) == extents(inputShape) else {
      throw FileError(
        path: path,
        problem: "the array is \(array.tensor.shape), and the model takes \(inputShape)",
        remedy: "give one input, its channels first, as the model gets it")
    }
    let values = array.tensor.doubles.map { array.isBytes ? $0 / 255 : $0 }
    return PrivateExample(
      name: name, image: Tensor(inputShape, .f64(values)), label: label,
      preparation: array.isBytes ? "bytes divided by 255" : nil)
  }
}
