import ModelIO
import TensorGraph

/// One of a client's pictures, as an experiment names it.
package struct PictureFile: Sendable {
  /// The path of a PNG or JPEG file or one of tensors, or the name of a bundled photograph.
  package let path: String
  package let reading: PictureReading

  package init(_ path: String, as reading: PictureReading) {
    self.path = path
    self.reading = reading
  }

  /// The picture; a bundled photograph in the size for inputs of this height.
  ///
  /// - Throws: ``FileError`` when there is neither.
  package func picture(inputHeight: Int) throws(FileError) -> DecodedPicture {
    if let image = BundledImages.image(
      named: path, size: BundledImages.size(forHeight: inputHeight))
    {
      return DecodedPicture(image: image)
    }
    return try DecodedPicture(contentsOf: path, as: reading)
  }

  /// An example of a picture, a bundled photograph or a tensor of the input's shape, but for axes of 1.
  ///
  /// - Parameter name: for tables and file names.
  /// - Throws: ``FileError`` when it cannot be read or has another shape.
  package func example(
    name: String, label: Int?, inputShape: Shape
  ) throws(FileError) -> PrivateExample {
    guard isOfTensors else {
      let picture = try picture(inputHeight: inputShape[1])
      return PrivateExample(
        name: name, picture: picture.image, notes: picture.notes, label: label,
        inputShape: inputShape)
    }
    let array = try array(inputShape, takesBatches: false)
    return example(name, array.tensor.doubles[...], array.isBytes, label, inputShape)
  }

  /// The examples of a file beside an update: one, or those of a tensor [N, C, H, W].
  ///
  /// - Throws: ``FileError`` as ``example(name:label:inputShape:)``.
  package func examples(name: String, inputShape: Shape) throws(FileError) -> [PrivateExample] {
    guard isOfTensors else {
      return [try example(name: name, label: nil, inputShape: inputShape)]
    }
    let array = try array(inputShape, takesBatches: true)
    let (values, size) = (array.tensor.doubles, inputShape.elementCount)
    let count = values.count / max(size, 1)
    return (0..<count).map { index in
      example(
        count == 1 ? name : "\(name)-\(index + 1)", values[index * size..<(index + 1) * size],
        array.isBytes, nil, inputShape)
    }
  }

  /// Whether it is read as a tensor rather than as a picture.
  package var isOfTensors: Bool {
    !BundledImages.names.contains(path) && TensorFile.isThere(path)
  }

  private func example(
    _ name: String, _ values: ArraySlice<Double>, _ isBytes: Bool, _ label: Int?,
    _ inputShape: Shape
  ) -> PrivateExample {
    PrivateExample(
      name: name, image: Tensor(inputShape, .f64(values.map { isBytes ? $0 / 255 : $0 })),
      label: label, preparation: isBytes ? "bytes divided by 255" : nil)
  }

  /// The array of a .npy file, or the only tensor of another file that can be an input.
  private func array(
    _ inputShape: Shape, takesBatches: Bool
  ) throws(FileError) -> (tensor: Tensor, isBytes: Bool) {
    func extents(_ shape: Shape) -> [Int] { shape.dimensions.filter { $0 != 1 } }
    func fits(_ shape: Shape) -> Bool {
      let isBatch =
        shape.rank == inputShape.rank + 1 && shape[0] > 0
        && shape.removing(axes: [0]) == inputShape
      return extents(shape) == extents(inputShape) || (takesBatches && isBatch)
    }
    let file = try TensorFile(contentsOf: path)
    if file.format == .npy {
      let array = try NPYFile.read(path)
      guard fits(array.tensor.shape) else {
        throw FileError(
          path: path,
          problem: "the array is \(array.tensor.shape), and the model takes \(inputShape)",
          remedy: "give one input, its channels first, as the model gets it")
      }
      return (array.tensor, array.isBytes)
    }
    let fitting = file.shapes.filter { fits($0.shape) }
    guard let first = fitting.first, fitting.count == 1 else {
      throw FileError(
        path: path,
        problem:
          "\(fitting.count) of its \(file.names.count) tensors have the shape \(inputShape) that the model "
          + "takes",
        remedy: "give a file with one input, its channels first, as the model gets it")
    }
    let tensor = try file.tensor(named: first.name)
    guard tensor.doubles.allSatisfy(\.isFinite) else {
      throw FileError(
        path: path, problem: "it holds numbers that are not finite", remedy: "give finite numbers")
    }
    return (tensor, file.storedType(of: first.name) == .u8)
  }
}

extension BundledImages {
  /// The side in which photographs are taken for inputs of this height, in pixels.
  package static func size(forHeight height: Int) -> Int { height > 32 ? 64 : 32 }
}
