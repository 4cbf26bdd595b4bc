/// A height and a width.
public struct Size2D: Hashable, Sendable, CustomStringConvertible {
  /// Rows.
  public let height: Int
  /// Columns.
  public let width: Int

  /// A size of so many rows and columns.
  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  /// Such as "3x2".
  public var description: String { "\(height)x\(width)" }
}

/// Rows and columns added around an image; none is negative.
public struct Padding2D: Hashable, Sendable, CustomStringConvertible {
  /// Rows above.
  public let top: Int
  /// Rows below.
  public let bottom: Int
  /// Columns before.
  public let left: Int
  /// Columns after.
  public let right: Int

  /// A padding for each side.
  public init(top: Int, bottom: Int, left: Int, right: Int) {
    self.top = top
    self.bottom = bottom
    self.left = left
    self.right = right
  }

  /// The same padding on all sides.
  public init(_ amount: Int) {
    self.init(top: amount, bottom: amount, left: amount, right: amount)
  }

  /// Top, bottom, left and right with commas between them.
  public var description: String { "\(top),\(bottom),\(left),\(right)" }
}

/// The attributes of a two-dimensional convolution.
public struct Convolution: Hashable, Sendable {
  /// Steps from one window to the next.
  public let strides: Size2D
  /// Zeros around the input.
  public let padding: Padding2D
  /// Steps from one element of the kernel to the next.
  public let dilations: Size2D
  /// Channels are split into so many groups, each of which has its own kernels.
  public let groups: Int

  /// A convolution with single steps and without padding, but for what is given.
  public init(
    strides: Size2D = Size2D(1, 1), padding: Padding2D = Padding2D(0),
    dilations: Size2D = Size2D(1, 1), groups: Int = 1
  ) {
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
    self.groups = groups
  }

  /// Extent of the output, or nil when the dilated kernel is larger than the padded input, or an
  /// attribute is out of range.
  public func outputSize(input: Size2D, kernel: Size2D) -> Size2D? {
    Window(size: kernel, strides: strides, padding: padding, dilations: dilations)
      .outputSize(input: input)
  }
}

/// The attributes of a two-dimensional sliding window.
public struct Window: Hashable, Sendable {
  /// Elements of a window along each axis.
  public let size: Size2D
  /// Steps from one window to the next.
  public let strides: Size2D
  /// Rows and columns around the image.
  public let padding: Padding2D
  /// Steps from one element of a window to the next.
  public let dilations: Size2D

  /// A window of that size; without padding and dilation by default.
  public init(
    size: Size2D, strides: Size2D, padding: Padding2D = Padding2D(0),
    dilations: Size2D = Size2D(1, 1)
  ) {
    self.size = size
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
  }

  /// Bound on sizes, strides, dilations and paddings; keeps window arithmetic far from overflow.
  static let largestAttribute = 1 << 24
  /// Bound on the extents of the image, for the same reason.
  static let largestExtent = 1 << 40

  /// Number of window positions, or nil when the dilated window is larger than the padded input, or
  /// an attribute is out of range.
  public func outputSize(input: Size2D) -> Size2D? {
    let height = Window.positions(
      input.height, padding.top, padding.bottom, size.height, strides.height, dilations.height)
    let width = Window.positions(
      input.width, padding.left, padding.right, size.width, strides.width, dilations.width)
    guard let height, let width else { return nil }
    return Size2D(height, width)
  }

  private static func positions(
    _ extent: Int, _ low: Int, _ high: Int, _ size: Int, _ stride: Int, _ dilation: Int
  ) -> Int? {
    guard (0...largestExtent).contains(extent),
      [low, high].allSatisfy((0...largestAttribute).contains),
      [size, stride, dilation].allSatisfy((1...largestAttribute).contains)
    else { return nil }
    let room = extent + low + high - dilation * (size - 1)
    return room >= 1 ? (room - 1) / stride + 1 : nil
  }
}
