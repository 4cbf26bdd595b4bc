import TensorGraph
import Testing

@Suite struct PrinterTests {
  @Test func printsOneLineForEachNode() {
    let builder = GraphBuilder()
    let image = builder.input("image", [1, 3, 8, 8], .f32)
    let weight = builder.input("conv.\"weight\"\n", [4, 3, 5, 5], .f32, role: .fixed)
    let convolution = Convolution(strides: Size2D(2, 2), padding: Padding2D(2))
    let features = image.convolve(weight, convolution).sigmoid()
    let rows = features.reshape(to: [1, 64]) * 0.5
    let product = rows.matmul(rows, transposeB: true)
    let sliced = rows.slice(starts: [0, 4], limits: [1, 40], strides: [1, 3])
    let padded = sliced.pad(low: [0, 1], high: [0, -2])
    let argmax = padded.argmax(axis: 1)
    let peaks = features.windowArgmax(
      Window(size: Size2D(3, 2), strides: Size2D(1, 2), dilations: Size2D(1, 2)))
    let gradient = features.convolutionInputGradient(
      weight, convolution, inputSize: Size2D(8, 8)
    ).transpose([0, 2, 3, 1]).sum(axes: [0, 3])
    let graph = builder.build(outputs: [
      product, argmax, peaks, gradient, builder.iota([2, 3], axis: 1),
    ])
    #expect(
      graph.description == """
        %0: f32[1, 3, 8, 8] = input "image"
        %1: f32[4, 3, 5, 5] = input "conv.\\"weight\\"\\n" fixed
        %2: f32[1, 4, 4, 4] = convolution(%0, %1) strides=2x2 padding=2,2,2,2
        %3: f32[1, 4, 4, 4] = sigmoid(%2)
        %4: f32[1, 64] = reshape(%3)
        %5: f32[] = constant 0.5
        %6: f32[1, 64] = broadcast(%5) axes=[]
        %7: f32[1, 64] = multiply(%4, %6)
        %8: f32[1, 1] = matmul(%7, %7) transposeB
        %9: f32[1, 12] = slice(%7) starts=[0, 4] limits=[1, 40] strides=[1, 3]
        %10: f32[1, 11] = pad(%9) low=[0, 1] high=[0, -2]
        %11: i32[1] = argmax(%10) axis=1
        %12: i32[1, 4, 2, 1] = window_argmax(%3) size=3x2 strides=1x2 dilations=1x2
        %13: f32[1, 3, 8, 8] = convolution_input_gradient(%3, %1) strides=2x2 padding=2,2,2,2 \
        inputSize=8x8
        %14: f32[1, 8, 8, 3] = transpose(%13) permutation=[0, 2, 3, 1]
        %15: f32[8, 8] = reduce_sum(%14) axes=[0, 3]
        %16: i32[2, 3] = iota axis=1
        return %8, %11, %12, %15, %16
        """)
  }
}
