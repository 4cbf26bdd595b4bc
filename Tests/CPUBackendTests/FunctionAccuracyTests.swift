import CKernels
import Foundation
import Testing

/// Elementary functions of the vector kernels against the C library, in units in the last place.
@Suite struct FunctionAccuracyTests {
  struct Function: Sendable, CustomTestStringConvertible {
    let op: ck_unary
    let name: String
    let domain: ClosedRange<Double>
    let reference: @Sendable (Double) -> Double

    var testDescription: String { name }
  }

  static let functions = [
    Function(op: CK_EXP, name: "exp", domain: -87...88, reference: { exp($0) }),
    Function(op: CK_LOG, name: "log", domain: 1e-30...1e30, reference: { log($0) }),
    Function(op: CK_LOG, name: "log near 1", domain: 0.5...2, reference: { log($0) }),
    Function(op: CK_LOG1P, name: "log1p", domain: -0.999...50, reference: { log1p($0) }),
    Function(op: CK_LOG1P, name: "log1p near 0", domain: -1e-3...1e-3, reference: { log1p($0) }),
    Function(op: CK_TANH, name: "tanh", domain: -10...10, reference: { tanh($0) }),
    Function(op: CK_TANH, name: "tanh near 0", domain: -1e-2...1e-2, reference: { tanh($0) }),
    Function(
      op: CK_SIGMOID, name: "sigmoid", domain: -80...80,
      reference: { $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0)) }),
    Function(op: CK_ERF, name: "erf", domain: -6...6, reference: { erf($0) }),
    Function(op: CK_ERF, name: "erf near 0", domain: -1e-2...1e-2, reference: { erf($0) }),
    Function(op: CK_SQRT, name: "sqrt", domain: 0...1e10, reference: { $0.squareRoot() }),
    Function(op: CK_RSQRT, name: "rsqrt", domain: 1e-10...1e10, reference: { 1 / $0.squareRoot() }),
  ]

  /// One variant with fused multiply-add and one without.
  static let instructionSets = 2

  @Test(arguments: functions, 0..<instructionSets)
  func isWithinFourUnitsInSinglePrecision(function: Function, variant: Int) {
    let inputs = samples(function.domain).map { Float($0) }
    let results = apply(function.op, CK_F32, inputs, variant)
    for (x, y) in zip(inputs, results) {
      let exact = function.reference(Double(x))
      let error = abs(Double(y) - exact) / Double(Float(exact).ulp)
      #expect(error <= 4, "\(function.name)(\(x)) is \(y), off by \(error) ulp")
    }
  }

  @Test(arguments: functions, 0..<instructionSets)
  func isWithinFourUnitsInDoublePrecision(function: Function, variant: Int) {
    let inputs = samples(function.domain)
    let results = apply(function.op, CK_F64, inputs, variant)
    for (x, y) in zip(inputs, results) {
      let exact = function.reference(x)
      // The library's own error is up to one unit.
      let error = abs(y - exact) / exact.ulp
      #expect(error <= 5, "\(function.name)(\(x)) is \(y), off by \(error) ulp")
    }
  }

  /// The ends of the range, where results overflow, vanish or are not numbers.
  @Test(arguments: [CK_EXP, CK_LOG, CK_LOG1P, CK_TANH, CK_SIGMOID, CK_ERF])
  func treatsTheEndsOfTheRangeAsTheLibraryDoes(op: ck_unary) throws {
    let function = try #require(Self.functions.first { $0.op == op })
    let inputs: [Float] = [
      .infinity, -.infinity, .nan, 0, -0.0, 0x1p-140, -0x1p-140, 200, -200, 3e38, -3e38, -1,
      .leastNonzeroMagnitude, .leastNormalMagnitude, 88.7, -100,
    ]
    for (x, y) in zip(inputs, apply(op, CK_F32, inputs)) {
      let exact = Float(function.reference(Double(x)))
      let agrees = y == exact || (y.isNaN && exact.isNaN) || abs(y - exact) <= 4 * exact.ulp
      #expect(agrees, "\(function.name)(\(x)) is \(y), not \(exact)")
    }
    let doubles = inputs.map { Double($0) } + [0x1p-1040, 709.7, -740, 1e300, -1e300]
    for (x, y) in zip(doubles, apply(op, CK_F64, doubles)) {
      let exact = function.reference(x)
      let agrees = y == exact || (y.isNaN && exact.isNaN) || abs(y - exact) <= 5 * exact.ulp
      #expect(agrees, "\(function.name)(\(x)) is \(y), not \(exact)")
    }
  }

  /// Numbers over a range: evenly in value, and in magnitude towards its smallest.
  private func samples(_ range: ClosedRange<Double>) -> [Double] {
    let count = 3001
    let even = (0..<count).map {
      range.lowerBound + (range.upperBound - range.lowerBound) * Double($0) / Double(count - 1)
    }
    let scaled = (0..<60).map { even[(count - 1) / 2 + 7] * pow(0.7, Double($0)) }
    return even + scaled.filter { range.contains($0) }
  }

  private func apply<Element>(
    _ op: ck_unary, _ type: ck_type, _ inputs: [Element], _ variant: Int = 0
  ) -> [Element] {
    let kernels = variant == 0 ? ck_best_variant() : ck_find_variant(CK_BASELINE)
    var results = inputs
    results.withUnsafeMutableBytes { output in
      inputs.withUnsafeBytes { input in
        ck_unary_function(kernels, op, type)?(
          Int64(inputs.count), output.baseAddress, input.baseAddress, nil, nil)
      }
    }
    return results
  }
}
