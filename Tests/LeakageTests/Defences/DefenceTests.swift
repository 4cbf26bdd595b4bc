import TensorGraph
import Testing

@testable import Defences
@testable import Solvers

@Suite struct DefenceTests {
  // MARK: - Short form

  @Test(arguments: [
    "none", "gaussian:0.01", "laplacian:0.0001", "prune:0.3", "prune:0.3+fp16", "dgc:0.01,0.9",
    "dp-sgd:1,1.1+fp8-e5m2", "qsgd:4", "int8-stochastic", "freeze:2+top-k:0.1",
  ])
  func shortFormsAreReadAndWritten(_ text: String) throws {
    #expect(try DefenceChain(text).description == text)
  }

  @Test func numbersMayHaveExponents() throws {
    #expect(try DefenceChain("gaussian:1e-2").description == "gaussian:0.01")
    #expect(
      try DefenceChain("clip:1e+2+fp16")
        == DefenceChain([NormClipping(limit: 100), Float16Rounding()]))
    #expect(try DefenceChain("dgc:0.5").description == "dgc:0.5,0.9")
  }

  @Test(arguments: [
    ("gausian:1e-2", "did you mean gaussian?"), ("fp15", "did you mean fp16?"),
    ("gaussian", "takes the form gaussian:VARIANCE"), ("gaussian:1,2", "takes the form"),
    ("gaussian:x", "the variance of gaussian is \"x\""), ("gaussian:-1", "from 0 to"),
    ("gaussian:nan", "from 0 to"), ("prune:1.5", "from 0 to 1"), ("qsgd:2.5", "whole number"),
    ("fp16:3", "takes no number"), ("", "there is no defence"), ("fp16+", "there is no defence"),
    ("fp16+dp-sgd:1,1", "must be the first"), ("clip:0", "the norm of clip"),
  ])
  func wrongFormsAreRefused(_ text: String, _ part: String) {
    let error = #expect(throws: DefenceError.self) { try DefenceChain(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  // MARK: - Random ones

  private let gradient = Tensor(
    [50, 40], .f64((0..<2000).map { 0.05 * Double(($0 * 7919) % 401 - 200) / 200 }))

  private func mean(_ spec: String, rounds: Int) throws -> (mean: [Double], variance: Double) {
    var pipeline = DefencePipeline(try DefenceChain(spec), seed: 5)
    var sum = [Double](repeating: 0, count: 2000)
    var squares = 0.0
    for _ in 0..<rounds {
      let result = pipeline.apply([gradient], batchSize: 1).update.gradients[0].doubles
      for index in sum.indices {
        sum[index] += result[index]
        let error = result[index] - gradient.doubles[index]
        squares += error * error
      }
    }
    return (sum.map { $0 / Double(rounds) }, squares / Double(2000 * rounds))
  }

  /// The mean of many rounds is the gradient: within five standard errors everywhere.
  @Test(arguments: [
    "gaussian:1e-4", "laplacian:1e-4", "int8-stochastic", "qsgd:4", "terngrad",
  ])
  func randomDefencesAreUnbiased(_ spec: String) throws {
    let rounds = 200
    let (mean, variance) = try mean(spec, rounds: rounds)
    #expect(variance > 0)
    // The variance differs between elements, by at most this factor of its mean for the quantisers.
    let limit = 5 * (4 * variance / Double(rounds)).squareRoot()
    for (value, exact) in zip(mean, gradient.doubles) { #expect(abs(value - exact) < limit) }
  }

  /// The number of the short form is the variance, within 2 % for 400 000 draws.
  @Test(arguments: ["gaussian:1e-4", "laplacian:1e-4"]) func noiseHasItsVariance(_ spec: String)
    throws
  {
    let variance = try mean(spec, rounds: 200).variance
    #expect(abs(variance / 1e-4 - 1) < 0.02)
  }

  /// A Laplacian's fourth moment is 6 variance², a normal one's 3.
  @Test func laplacianNoiseHasHeavyTails() {
    var source = RandomSource(seed: 1)
    let draws = (0..<200_000).map { _ in source.laplacian(scale: 1) }
    let variance = draws.reduce(0) { $0 + $1 * $1 } / 200_000
    let fourth = draws.reduce(0) { $0 + $1 * $1 * $1 * $1 } / 200_000
    #expect(abs(variance - 2) < 0.05)
    #expect(abs(fourth / (variance * variance) - 6) < 0.6)
  }

  @Test func quantizersKeepToTheirLevels() throws {
    var ternary = DefencePipeline(try DefenceChain("terngrad"), seed: 0)
    let values = ternary.apply([gradient], batchSize: 1).update.gradients[0].doubles
    #expect(Set(values) == [-0.05, 0, 0.05])
    var signs = DefencePipeline(try DefenceChain("signsgd"), seed: 0)
    let sign = signs.apply([gradient], batchSize: 1)
    #expect(Set(sign.update.gradients[0].doubles) == [-1, 0, 1])
    #expect(sign.counterAttack.scale == .lostPerTensor)
    var randomK = DefencePipeline(try DefenceChain("random-k:0.1"), seed: 0)
    let kept = randomK.apply([gradient], batchSize: 1).update.gradients[0].doubles
    #expect(kept.count { $0 != 0 } <= 200 && kept.count { $0 != 0 } > 190)
    #expect(zip(kept, gradient.doubles).allSatisfy { $0 == 0 || $0 == $1 })
  }

  @Test func sameSeedSameBits() throws {
    func share(_ seed: UInt64) throws -> [[Double]] {
      var pipeline = DefencePipeline(try DefenceChain("gaussian:1e-3+qsgd:8"), seed: seed)
      return (0..<2).map { _ in
        pipeline.apply([gradient], batchSize: 1).update.gradients[0].doubles
      }
    }
    let first = try share(1)
    #expect(try share(1) == first)
    #expect(try share(2) != first)
    // A second round has noise of its own.
    #expect(first[0] != first[1])
  }

  // MARK: - Bytes on the wire

  /// 2000 numbers of 32 bits are 8000 bytes.
  @Test(arguments: [
    ("none", 8000), ("gaussian:1e-3", 8000), ("fp16", 4000), ("bf16", 4000), ("fp8-e4m3", 2004),
    ("int8", 2008), ("signsgd", 250), ("terngrad", 504), ("qsgd:1", 504), ("qsgd:4", 1004),
    // 200 numbers, and a bit for each of 2000; 20 numbers, and their indices.
    ("top-k:0.1", 800 + 250), ("dgc:0.01", 80 + 80), ("random-k:0.1", 800 + 8),
    ("prune:0.9+fp16", 400 + 250), ("prune:0", 8000), ("prune:0.01", 8000), ("freeze:1", 8000),
    ("signsgd+gaussian:1", 8000),
  ])
  func messagesHaveTheirSize(_ spec: String, _ bytes: Int) throws {
    var pipeline = DefencePipeline(try DefenceChain(spec), seed: 0)
    let result = pipeline.apply([gradient], batchSize: 1)
    #expect(result.wireByteCount == bytes)
    #expect(result.plainByteCount == 8000)
  }
}
