import ModelIO
import TensorGraph

/// What a file's output is of one image: a row of logits, or a row at each of its pixels, as a segmentation gives.
struct LogitsShape: Hashable, Sendable {
  /// The number of logits of each image, or of each pixel.
  let classCount: Int
  /// [H, W] of a segmentation; [] for one row for each image.
  let positions: Shape
  /// Whether a segmentation's classes come last, as in [N, H, W, K] of TensorFlow.
  private let areClassesLast: Bool

  /// - Throws: ``ONNXError`` when the output is no row of numbers for each image, nor for each of its pixels.
  init(
    of program: ONNXProgram, batchSize: Int, layout: FileInputs, path: String
  ) throws(ONNXError) {
    let output = program.outputs.first
    let extents = output?.shape.dimensions ?? []
    let name = (output?.name ?? "").quotedForMessage
    // One number of one image, squeezed to nothing.
    if let output, extents.isEmpty, batchSize == 1, output.elementType.isFloatingPoint {
      (classCount, positions, areClassesLast) = (1, [], false)
      return
    }
    guard let output, extents.first == batchSize, output.elementType.isFloatingPoint,
      !extents.contains(0)
    else {
      throw ONNXError(
        .unsupported,
        advising: """
          \(path): the output \(name) has the shape \(Shape(extents)) for \(batchSize) images, and logits \
          are [N, classes]; export the classifier alone, or name another output with \(.output)
          """)
    }
    // [N, K, 1, 1] of a convolution that was not flattened, [N] of one that was squeezed.
    let wide = extents.dropFirst().filter { $0 != 1 }
    if wide.count <= 1 {
      (classCount, positions, areClassesLast) = (wide.first ?? 1, [], false)
      return
    }
    let size = Array(layout.exampleShape.dimensions.suffix(2))
    let own = Array(extents.dropFirst())
    areClassesLast = own.count == 3 && layout.hasChannelsLast
    positions = Shape(size)
    switch own {
    // One class that was squeezed away.
    case size: classCount = 1
    case [own[0]] + size where !areClassesLast: classCount = own[0]
    case size + [own[own.count - 1]] where areClassesLast: classCount = own[own.count - 1]
    default:
      throw ONNXError(
        .unsupported,
        advising: """
          \(path): the output \(name) has the shape \(output.shape) for \(batchSize) \
          \(batchSize == 1 ? "image" : "images") of \(size[0])x\(size[1]) pixels; logits are one row \
          [N, classes], or one for each pixel [N, classes, \(size[0]), \(size[1])], as a segmentation \
          gives. Detection, sequences of labels and segmentations in another size are not supported; \
          name another output with \(.output)
          """)
    }
  }

  /// How a segmentation was understood, for the user; nil for a row of logits.
  var note: Sentence? {
    guard positions.rank > 0 else { return nil }
    return classCount == 1
      ? """
      The output has one logit for each pixel: it is taken for a segmentation into two classes, whose labels are \
      masks; \(.loss, "bce") is its loss.
      """
      : """
      The output has \(classCount) numbers for each pixel: they are taken for the logits of a segmentation, \
      whose labels are masks.
      """
  }

  /// The output as logits [N, K], or [N, H, W, K] of a segmentation.
  func logits(of output: Value, batchSize: Int) -> Value {
    guard positions.rank > 0 else { return output.reshape(to: [batchSize, classCount]) }
    let (height, width) = (positions[0], positions[1])
    guard !areClassesLast, classCount > 1 else {
      return output.reshape(to: [batchSize, height, width, classCount])
    }
    return output.reshape(to: [batchSize, classCount, height, width]).transpose([0, 2, 3, 1])
  }
}
