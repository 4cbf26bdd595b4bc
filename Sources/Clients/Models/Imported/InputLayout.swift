import ModelIO
import TensorGraph

/// How the images [N, C, H, W] of an attack become a file's input.
struct InputLayout: Hashable, Sendable {
  enum Arrangement: Hashable, Sendable {
    /// [N, C, H, W] as they are.
    case channelsFirst
    /// [N, H, W, C], as TensorFlow has them.
    case channelsLast
    /// [N, ...] of as many numbers.
    case reshaped
  }

  let inputName: String
  let arrangement: Arrangement
  /// [C, H, W].
  let imageShape: Shape
  /// Of one example, as the file has it.
  let extents: [Int]

  /// - Throws: ``ModelError`` when the input is no batch of images, or its shape is open.
  init(_ input: ONNXValueInfo, _ options: ImportOptions, path: String) throws(ModelError) {
    inputName = input.name
    guard input.elementType?.isFloatingPoint == true else {
      throw ModelError(
        "\(path): the input \(input.name.quotedForMessage) is not made of floating-point numbers, as "
          + "images are")
    }
    guard let dimensions = input.dimensions, (2...4).contains(dimensions.count) else {
      throw ModelError(
        "\(path): the input \(input.name.quotedForMessage) is \(input.shapeDescription), and images "
          + "are [N, C, H, W]; export the model with an example input")
    }
    let declared = dimensions.dropFirst().enumerated().map { index, dimension -> Int? in
      switch dimension {
      case .fixed(let extent): extent
      case .symbolic(let name):
        options.dimensions[name] ?? InputLayout.usual(index, dimensions.count - 1, options.size)
      case .unknown: InputLayout.usual(index, dimensions.count - 1, options.size)
      }
    }
    let isLast =
      declared.count == 3 && [1, 3].contains(declared[2]) && ![1, 3].contains(declared[0])
    let extents = try InputLayout.extents(
      declared, options.inputShape, isLast: isLast, input, path: path)
    guard (try? Shape(validating: extents + [1 << 16])) != nil, !extents.contains(where: { $0 < 1 })
    else {
      throw ModelError(
        advising: """
          \(path): the input \(input.name.quotedForMessage) of the extents \(extents) is no image that fits \
          into memory; give another \(.inputShape) or export the model again
          """)
    }
    self.extents = extents
    if extents.count == 3 {
      arrangement = isLast ? .channelsLast : .channelsFirst
      imageShape = isLast ? [extents[2], extents[0], extents[1]] : Shape(extents)
    } else {
      arrangement = .reshaped
      imageShape = options.inputShape ?? InputLayout.imageShape(of: extents)
    }
  }

  /// The extent that --size gives to an open axis of images.
  private static func usual(_ index: Int, _ rank: Int, _ size: Int?) -> Int? {
    rank == 3 && index > 0 ? size : nil
  }

  private static func extents(
    _ declared: [Int?], _ given: Shape?, isLast: Bool, _ input: ONNXValueInfo, path: String
  ) throws(ModelError) -> [Int] {
    let name = input.name.quotedForMessage
    guard let given else {
      let known = declared.compactMap { $0 }
      guard known.count == declared.count else {
        throw ModelError(
          advising: """
            \(path): the input \(name) is \(input.shapeDescription), whose extents are open; give \
            them with \(.inputShape), such as 3x224x224, or by name with \(.extents)
            """)
      }
      return known
    }
    if declared.count == 3 {
      return isLast ? [given[1], given[2], given[0]] : given.dimensions
    }
    let fixed = declared.compactMap { $0 }
    if fixed.count == declared.count {
      guard (try? Shape(validating: fixed))?.elementCount == given.elementCount else {
        throw ModelError(
          "\(path): the input \(name) is \(input.shapeDescription), which images \(given) do not fit; "
            + "give a shape of as many numbers")
      }
      return fixed
    }
    return declared.count == 1 ? [given.elementCount] : [given[1], given[2]]
  }

  /// What a flat input most likely shows: one or three square planes.
  private static func imageShape(of extents: [Int]) -> Shape {
    if extents.count == 2 { return [1, extents[0], extents[1]] }
    for channels in [1, 3] where extents[0] % channels == 0 {
      let side = Int(Double(extents[0] / channels).squareRoot().rounded())
      if channels * side * side == extents[0] { return [channels, side, side] }
    }
    return [1, 1, extents[0]]
  }

  func shape(batchSize: Int) -> [Int] { [batchSize] + extents }

  /// Images [N, C, H, W] as the file takes them.
  func arranged(_ images: Value) -> Value {
    switch arrangement {
    case .channelsFirst: images
    case .channelsLast: images.transpose([0, 2, 3, 1])
    case .reshaped: images.reshape(to: Shape(shape(batchSize: images.shape[0])))
    }
  }
}
