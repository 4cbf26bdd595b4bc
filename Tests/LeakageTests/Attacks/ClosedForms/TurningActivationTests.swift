import Foundation
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

/// Layer peeling through activations that turn, whose values have two arguments.
@Suite struct TurningActivationTests {
  /// Activations with one turn: smooth ones, one with a level end, and one without.
  enum Turning: CaseIterable {
    case mish, hardSwish, square, negatedGELU

    func callAsFunction(_ x: Value) -> Value {
      switch self {
      case .mish: x * (1 + x.exp()).log().tanh()
      case .hardSwish: x * (x + 3).maximum(0).minimum(6) * (1 / 6)
      case .square: x.squared()
      case .negatedGELU: -(-x).gelu()
      }
    }
  }

  /// Two convolutions, one of them strided, and a fully connected layer.
  private static func model(_ activation: @escaping @Sendable (Value) -> Value) -> Model {
    Model(name: "turning", inputShape: [3, 8, 8], classCount: 5) { scope, images in
      let first = scope["first"].convolution(
        images, to: 12, kernel: 5, stride: 2, padding: 2, weight: .uniform(bound: 0.5))
      let second = scope["second"].convolution(
        activation(first), to: 12, kernel: 5, padding: 2, weight: .uniform(bound: 0.5))
      return scope["last"].linear(
        activation(second).flattenedPerSample(), to: 5, weight: .uniform(bound: 0.5))
    }
  }

  @Test(arguments: [Activation.gelu, .silu], [0, 1] as [UInt64])
  func aLeNetWithThePapersWeightsIsReadExactly(
    _ activation: Activation, _ seed: UInt64
  ) throws {
    let model = try ModelCatalog.model(
      named: "lenet",
      ModelOptions(inputShape: [3, 16, 16], classCount: 20, activation: activation))
    let client = try AttackedClient(model, labels: [3], seed: seed)
    let result = try client.attack(AttackConfiguration(attack: .automatic))
    #expect(client.psnr(of: result.images) > 100)
    #expect(result.diagnosis?.verdict == .recovered)
    #expect(result.trials.first?.method.name == "layer peeling")
  }

  @Test(arguments: Turning.allCases)
  func anyActivationWithOneTurnWillDo(_ activation: Turning) throws {
    let client = try AttackedClient(
      TurningActivationTests.model { activation($0) }, labels: [2])
    let result = try client.attack(AttackConfiguration(attack: .peeling))
    #expect(client.psnr(of: result.images) > 100)
  }

  @Test func oneThatTurnsTwiceIsRefused() throws {
    let client = try AttackedClient(
      TurningActivationTests.model { $0.sin() }, labels: [2])
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .peeling))
    }
    #expect(
      message
        == "an activation of turning turns more than once, so layer peeling cannot undo it; use the attack auto"
    )
  }

  @Test func branchesThatTheEquationsDoNotTellAreRefused() throws {
    let client = try AttackedClient.leNet(.gelu, width: 2)
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .peeling))
    }
    #expect(message?.contains("turns, as GELU and SiLU do") == true)
    #expect(message?.contains("use the attack auto") == true)
  }

  @Test(arguments: [Activation.gelu, .silu], [1, 2, 3])
  func branchesThatTheEquationsDoNotTellAreNotCalledRecovered(
    _ activation: Activation, _ width: Int
  ) throws {
    let client = try AttackedClient.leNet(activation, width: width)
    let result = try? client.attack(AttackConfiguration(attack: .peeling))
    let isWrong = result.map { client.psnr(of: $0.images) < 40 } ?? true
    #expect(!isWrong || result?.diagnosis?.verdict != .recovered)
  }

  // MARK: - One activation

  private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// An activation by itself, undone at the values of `arguments`.
  private static func undone(
    _ arguments: [Double], _ activation: (Value) -> Value
  ) throws -> ElementwiseInverse.Arguments {
    let builder = GraphBuilder()
    let x = builder.input("x", [arguments.count], .f64)
    let y = activation(x)
    let graph = builder.build(outputs: [y])
    let values = try AttackedClient.backend.evaluate(
      graph, [Tensor([arguments.count], .f64(arguments))])[0]
    let inverse = try ElementwiseInverse(
      graph, from: NodeID(0), to: graph.outputs[0], inputs: [], backend: AttackedClient.backend)
    return try #require(try inverse.argument(for: values))
  }

  @Test func bothArgumentsOfAValueAreFound() throws {
    let arguments = [-4, -1, -0.3, 0.5, 3]
    let undone = try TurningActivationTests.undone(arguments) { $0.silu() }
    let other = try #require(undone.other)
    #expect(other.isOpen == [true, true, true, false, false])
    let (right, left) = (undone.argument.doubles, other.argument.doubles)
    for (index, argument) in arguments.enumerated() {
      let found = argument < -1.2785 ? left[index] : right[index]
      #expect(abs(found - argument) < 1e-9)
      if other.isOpen[index] {
        #expect(left[index] < -1.2784 && right[index] > -1.2785)
        func silu(_ x: Double) -> Double { x * logistic(x) }
        #expect(abs(silu(left[index]) - silu(right[index])) < 1e-12)
      }
    }
  }

  @Test func aValueOnTheLevelEndTellsItsSlopeAndNotItsArgument() throws {
    let undone = try TurningActivationTests.undone([-9, -7, -1, 1]) { $0.gelu() }
    let other = try #require(undone.other)
    #expect(other.isOpen == [false, false, true, false])
    #expect(undone.weights == [0, 0, 1, 1])
    #expect(undone.argument.doubles[0] < -5 && undone.argument.doubles[1] < -5)
  }

  @Test func aSaturatedValueWeighsLess() throws {
    let undone = try TurningActivationTests.undone([0, 3, 8, -30]) { $0.tanh() }
    #expect(undone.other == nil)
    #expect(undone.weights[0] == 1 && undone.weights[1] == 1 && undone.weights[3] == 0)
    #expect(abs(undone.weights[2] - 4.5e-4) < 1e-5)
  }

  // MARK: - A layer with open branches

  @Test func theEquationsHoldAtTheTruth() throws {
    let (arguments, cotangents) = ([-2.0, -0.5, 0.7], [0.3, -0.8, 1.1])
    let undone = try TurningActivationTests.undone(arguments) { $0.silu() }
    let other = try #require(undone.other)
    func slope(_ x: Double) -> Double {
      logistic(x) * (1 + x * (1 - logistic(x)))
    }
    func cotangent(_ at: Tensor) -> Tensor {
      Tensor([1, 3], .f64(zip(at.doubles, cotangents).map { slope($0) * $1 }))
    }
    func reshaped(_ tensor: Tensor) -> Tensor { tensor.reshaped(to: [1, 3]) }
    // y = a W with a = (1, 2) and y the activation's arguments.
    let input = [1.0, 2]
    let weight = arguments.map { $0 - 2 * 0.4 } + [0.4, 0.4, 0.4]
    let truth = cotangent(Tensor([3], .f64(arguments))).doubles
    let gradient = input.flatMap { a in truth.map { a * $0 } }
    let state = PeelingState.OtherBranch(
      value: KnownValue(reshaped(other.argument), weights: other.weights),
      cotangent: cotangent(other.argument), isOpen: other.isOpen,
      turn: PeelingState.Turn(
        node: NodeID(0), value: KnownValue(reshaped(undone.argument)),
        cotangent: reshaped(undone.argument)))
    let branches = Branches(
      KnownValue(reshaped(undone.argument), weights: undone.weights),
      cotangent(undone.argument), state)

    let builder = GraphBuilder()
    let y = builder.input("a", [1, 2], .f64).matmul(builder.input("w", [2, 3], .f64))
    let residuals = try BranchResiduals(
      y.node.op, inputShape: [1, 2], isInputFirst: true, weight: Tensor([2, 3], .f64(weight)),
      gradient: Tensor([2, 3], .f64(gradient)),
      branches, scale: 1, isImage: false, backend: AttackedClient.backend)
    #expect(try residuals.value(at: input) < 1e-24)
    #expect(try residuals.value(at: [0.9, 2.2]) > 1e-3)
  }
}
