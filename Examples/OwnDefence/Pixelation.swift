import Leakage
import TensorGraph

/// The client trains on coarse pictures: each block of pixels becomes its mean.
struct Pixelation: ImageDefence {
  static let descriptor = DefenceDescriptor(
    name: "pixelate",
    parameters: [DefenceDescriptor.Parameter("block", 1...64, isWhole: true)],
    summary: "replaces each block of BLOCK x BLOCK pixels by its mean",
    source: "Fan 2018, Image Pixelization with Differential Privacy, without its noise",
    answer: DefenceDescriptor.Answer("none: what the model saw comes back"),
    strength: DefenceDescriptor.Strength("pixels of a block's side"),
    strengths: DefenceDescriptor.Strengths([2, 4, 8].map { Pixelation(block: $0) }),
    make: { Pixelation(block: Int($0[0])) })

  let block: Int
  var values: [Double] { [Double(block)] }

  func transform(_ image: Tensor, using source: inout RandomSource) -> Tensor {
    let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
    var pixels = image.doubles
    for channel in 0..<channels {
      for top in stride(from: 0, to: height, by: block) {
        for left in stride(from: 0, to: width, by: block) {
          let places = (top..<min(top + block, height)).flatMap { row in
            (left..<min(left + block, width)).map { (channel * height + row) * width + $0 }
          }
          let mean = places.reduce(0) { $0 + pixels[$1] } / Double(places.count)
          for place in places { pixels[place] = mean }
        }
      }
    }
    return Tensor(image.shape, image.dtype, pixels)
  }
}
