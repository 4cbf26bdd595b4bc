import CKernels
import TensorGraph

/// One axis of a convolution, height or width.
struct ConvolutionAxis: Hashable {
  let input: Int
  let kernel: Int
  let output: Int
  let stride: Int
  let dilation: Int
  /// Padding before the first element.
  let padding: Int

  /// Positions k * dilation of the kernel's taps.
  private var taps: [Int] { (0..<kernel).map { $0 * dilation } }

  // MARK: Forwards: the input cut into the phases of the stride

  /// The phases (tap position modulo stride) that any tap is in, ascending.
  var phases: [Int] { Set(taps.map { $0 % stride }).sorted() }

  /// The phase number and the shift within the phase's plane of each tap.
  var phaseShifts: [(phase: Int, shift: Int)] {
    let phases = phases
    return taps.map { (phases.firstIndex(of: $0 % stride) ?? 0, $0 / stride) }
  }

  /// Extent of a phase's plane.
  var phaseExtent: Int { output + (taps.last ?? 0) / stride }

  // MARK: Backwards: the input positions of one class, and the outputs they contribute to

  /// Input positions first, first + stride, ... that the same taps reach.
  struct InputClass {
    let first: Int
    let count: Int
    /// Taps, and for each the output position minus the position's number in the class.
    let taps: [(tap: Int, shift: Int)]
  }

  var inputClasses: [InputClass] {
    (0..<stride).compactMap { residue in
      let first = ((residue - padding) % stride + stride) % stride
      guard first < input else { return nil }
      let reaching = (0..<kernel).filter { $0 * dilation % stride == residue }
      return InputClass(
        first: first, count: (input - 1 - first) / stride + 1,
        taps: reaching.map { ($0, (first + padding - $0 * dilation) / stride) })
    }
  }

  /// The range of output positions, some of them outside the output, that input positions reach.
  var reachedOutputs: Range<Int> {
    var (low, high) = (0, 1)
    for inputClass in inputClasses {
      for (_, shift) in inputClass.taps {
        low = min(low, shift)
        high = max(high, shift + inputClass.count)
      }
    }
    return low..<high
  }
}

/// Which of its three values a convolution computes from the other two.
enum ConvolutionDirection: Hashable {
  case forward, inputGradient, weightGradient
}

/// The extents of a convolution and of its two transposes.
struct ConvolutionGeometry: Hashable {
  let direction: ConvolutionDirection
  let images: Int
  let groups: Int
  /// Of one group.
  let inputChannels: Int
  let outputChannels: Int
  let height: ConvolutionAxis
  let width: ConvolutionAxis
  let attributes: Convolution

  init(
    _ direction: ConvolutionDirection, input: Shape, weight: Shape, output: Shape,
    _ convolution: Convolution
  ) {
    self.direction = direction
    images = input[0]
    groups = convolution.groups
    inputChannels = weight[1]
    outputChannels = weight[0] / convolution.groups
    height = ConvolutionAxis(
      input: input[2], kernel: weight[2], output: output[2],
      stride: convolution.strides.height, dilation: convolution.dilations.height,
      padding: convolution.padding.top)
    width = ConvolutionAxis(
      input: input[3], kernel: weight[3], output: output[3],
      stride: convolution.strides.width, dilation: convolution.dilations.width,
      padding: convolution.padding.left)
    attributes = convolution
  }

  var kernelArea: Int { height.kernel * width.kernel }
  var inputArea: Int { height.input * width.input }
  var outputArea: Int { height.output * width.output }

  /// Whether the padded planes of both directions are of a sensible size, compared with what the
  /// convolution reads and writes anyhow. Padding or dilation far beyond the image make them huge.
  var suitsPlanes: Bool {
    guard height.kernel <= 1 << 10, width.kernel <= 1 << 10, height.stride <= 1 << 10,
      width.stride <= 1 << 10
    else { return false }
    let limit = 64 * (inputArea + outputArea) + (1 << 16)
    let phases = height.phases.count * width.phases.count
    let (forward, overflow1) = height.phaseExtent.multipliedReportingOverflow(
      by: width.phaseExtent)
    let (backward, overflow2) = height.reachedOutputs.count.multipliedReportingOverflow(
      by: width.reachedOutputs.count)
    return !overflow1 && !overflow2 && forward <= limit / max(phases, 1) && backward <= limit
  }
}
