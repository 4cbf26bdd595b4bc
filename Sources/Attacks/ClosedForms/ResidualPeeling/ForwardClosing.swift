import Solvers
import TensorGraph

/// The equations that values further up give for a map that weight gradients determine but for a few
/// directions: the arguments of the activations above are affine in it.
///
/// Unknowns are coordinates along the open directions of every channel.
final class ForwardClosing: LinearOperator {
  let rowCount: Int
  let columnCount: Int
  private let forward: CompiledFunction
  private let backward: CompiledFunction
  private let map: HostBuffer
  private let images: [HostBuffer]
  private let rows: [HostBuffer]
  private let gradient: HostBuffer
  private let masks: [[Double]]
  private let space: OpenSpace

  /// Directions over the positions of some channels.
  struct OpenSpace {
    /// A block's channels and its open directions, row major [count, positions of all images].
    struct Block {
      let channels: Range<Int>
      let directions: [Double]
      let count: Int
    }

    let imageCount: Int
    let channelCount: Int
    /// Of one image.
    let positionCount: Int
    let blocks: [Block]

    var dimension: Int { blocks.reduce(0) { $0 + $1.count * $1.channels.count } }

    /// The map [images, channels, positions] with these coordinates.
    func map(_ coordinates: Vector, into map: MutableVector) {
      map.initialize(repeating: 0)
      forEachDirection { index, range, direction in
        addScaled(coordinates[index], direction, to: MutableVector(rebasing: map[range]))
      }
    }

    /// The transpose.
    func coordinates(_ map: Vector, into coordinates: MutableVector) {
      coordinates.update(repeating: 0)
      forEachDirection { index, range, direction in
        coordinates[index] += dot(Vector(rebasing: map[range]), direction)
      }
    }

    /// Calls `body` with each coordinate's index, its channel's part of the map in each image, and its
    /// direction there.
    private func forEachDirection(
      _ body: (_ index: Int, _ range: Range<Int>, _ direction: Vector) -> Void
    ) {
      var index = 0
      for block in blocks {
        block.directions.withUnsafeBufferPointer { directions in
          for channel in block.channels {
            for row in 0..<block.count {
              for image in 0..<imageCount {
                let first = (image * channelCount + channel) * positionCount
                let start = (row * imageCount + image) * positionCount
                body(
                  index, first..<first + positionCount,
                  Vector(rebasing: directions[start..<start + positionCount]))
              }
              index += 1
            }
          }
        }
      }
    }
  }

  /// - Parameters:
  ///   - source: the map.
  ///   - readers: activations whose arguments depend on it, and else on what is known.
  ///   - isKnown: for each of them which elements of its argument are known.
  init(
    _ segments: ActivationSegments, _ source: ActivationGraph.Source, readers: [Int],
    isKnown: [[Bool]], space: OpenSpace
  ) throws(GraphError) {
    self.space = space
    masks = isKnown.map { $0.map { $0 ? 1 : 0 } }
    let cut = try segments.cut(at: segments.network.activations.indices)
    guard let value = cut.cuts[source] else { preconditionFailure("\(source) is not cut") }
    let arguments = readers.map { cut.nodes[segments.network.activations[$0].argument.index] }
    let along = cut.builder.input("direction", value.shape, .f64)
    let changes = Value.pushforward(arguments, along: [(variable: value, tangent: along)])
    let cotangents = arguments.map { cut.builder.input("row", $0.shape, .f64) }
    let back = Value.pullback(
      zip(arguments, cotangents).map { (value: $0, cotangent: $1) }, to: [value])[0]
    let forward = try segments.compile(changes, of: cut)
    let backward = try segments.compile([back], of: cut)
    for function in [forward, backward] {
      for input in cut.cuts.values + [along] + cotangents { _ = function.input(input.handle) }
    }
    self.forward = forward
    self.backward = backward
    map = forward.input(along.handle)
    images = changes.map { forward.output($0.handle) }
    rows = cotangents.map { backward.input($0.handle) }
    gradient = backward.output(back.handle)
    rowCount = masks.reduce(0) { $0 + $1.count }
    columnCount = space.dimension
  }

  func apply(_ vector: Vector, into result: MutableVector) throws(GraphError) {
    space.map(vector, into: map.pointer(as: Double.self))
    try forward.run()
    var row = 0
    for (image, mask) in zip(images, masks) {
      let elements = image.pointer(as: Double.self)
      for index in mask.indices {
        result[row] = mask[index] * elements[index]
        row += 1
      }
    }
  }

  func applyTransposed(_ vector: Vector, into result: MutableVector) throws(GraphError) {
    var row = 0
    for (buffer, mask) in zip(rows, masks) {
      let elements = buffer.pointer(as: Double.self)
      for index in mask.indices {
        elements[index] = mask[index] * vector[row]
        row += 1
      }
    }
    try backward.run()
    space.coordinates(Vector(gradient.pointer(as: Double.self)), into: result)
  }
}
