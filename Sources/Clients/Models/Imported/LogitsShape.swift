import ModelIO
import TensorGraph

/// What a file's output is of one image: a row of logits, or something that is not supported.
enum LogitsShape {
  /// The number of logits of each image.
  ///
  /// - Throws: ``ONNXError`` when the output is no row of numbers for each image.
  static func classCount(
    of program: ONNXProgram, batchSize: Int, path: String
  ) throws(ONNXError) -> Int {
    let output = program.outputs.first
    let extents = output?.shape.dimensions ?? []
    let name = (output?.name ?? "").quotedForMessage
    // One number of one image, squeezed to nothing.
    if let output, extents.isEmpty, batchSize == 1, output.elementType.isFloatingPoint { return 1 }
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
    let wide = output.shape.dimensions.dropFirst().filter { $0 != 1 }
    guard wide.count <= 1 else {
      throw ONNXError(
        .unsupported,
        advising: """
          \(path): the output \(name) has the shape \(output.shape) for \(batchSize) \
          \(batchSize == 1 ? "image" : "images"), numbers at many positions of each: segmentation, \
          detection and sequences of labels are not supported; give a model with one row of \
          logits [N, classes], or name another output with \(.output)
          """)
    }
    return wide.first ?? 1
  }
}
