import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Attacks
@testable import Clients

/// Lists of tensors without names, as Flower's parameters are.
@Suite struct ListMatchingTests {
  /// A convolution with batch normalisation, twice, and a fully connected layer.
  private let parameters: [(String, Shape)] = [
    ("conv1.weight", [4, 3, 3, 3]), ("bn1.weight", [4]), ("bn1.bias", [4]),
    ("conv2.weight", [4, 4, 3, 3]), ("bn2.weight", [4]), ("bn2.bias", [4]), ("fc.weight", [5, 4]),
    ("fc.bias", [5]),
  ]
  private let buffers: [(String, Shape)] = [
    ("bn1.running_mean", [4]), ("bn1.running_var", [4]), ("bn2.running_mean", [4]),
    ("bn2.running_var", [4]),
  ]

  private func wanted(_ tensors: [(String, Shape)], areBuffers: Bool = false) -> [WantedTensor] {
    tensors.map { WantedTensor($0.0, $0.1, isBuffer: areBuffers) }
  }

  private func list(_ shapes: [Shape], from first: Int = 0) -> [(name: String, shape: Shape)] {
    shapes.enumerated().map { ("arr_\($0 + first)", $1) }
  }

  private func names(_ matching: TensorMatching) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: matching.matches.map { ($0.fileName, matching.wanted[$0.wanted].name) })
  }

  /// As `state_dict().values()` has it, counters included.
  private var stateDictionary: [(String, Shape)] {
    func normalisation(_ name: String) -> [(String, Shape)] {
      ["weight", "bias", "running_mean", "running_var"].map { ("\(name).\($0)", [4]) }
        + [("\(name).num_batches_tracked", [])]
    }
    return [parameters[0]] + normalisation("bn1") + [parameters[3]] + normalisation("bn2")
      + parameters[6...]
  }

  @Test func parametersAloneAreMatched() {
    for first in [0, 1] {
      let matching = TensorMatching(
        wanted(parameters), in: list(parameters.map(\.1), from: first),
        buffers: wanted(buffers, areBuffers: true))
      #expect(matching.matches.count == 8 && matching.unclearList.isEmpty)
      #expect(matching.matches.allSatisfy { $0.reason == .position })
      #expect(names(matching)["arr_\(first + 7)"] == "fc.bias")
    }
  }

  @Test func buffersInBetweenAreTolerated() {
    let matching = TensorMatching(
      wanted(parameters), in: list(stateDictionary.map(\.1)),
      buffers: wanted(buffers, areBuffers: true))
    #expect(matching.matches.count == 8 && matching.unclearList.isEmpty)
    for (fileName, name) in names(matching) {
      #expect(stateDictionary[Int(fileName.dropFirst(4)) ?? 0].0 == name)
    }
    #expect(matching.extras.count == 6)
  }

  @Test func weightsTakeTheBuffersToo() {
    let all = wanted(parameters) + wanted(buffers, areBuffers: true)
    let matching = TensorMatching(all, in: list(stateDictionary.map(\.1)))
    #expect(matching.missing.isEmpty)
    for (fileName, name) in names(matching) {
      #expect(stateDictionary[Int(fileName.dropFirst(4)) ?? 0].0 == name)
    }
    // Parameters first and then buffers, as some clients send them.
    let behind = TensorMatching(all, in: list((parameters + buffers).map(\.1)))
    #expect(names(behind)["arr_8"] == "bn1.running_mean" && behind.missing.isEmpty)
  }

  @Test func frozenParametersLeaveHoles() {
    let some = list(parameters.map(\.1)).filter { $0.name != "arr_1" && $0.name != "arr_6" }
    let matching = TensorMatching(wanted(parameters), in: some)
    #expect(matching.missing == [1, 6] && names(matching)["arr_2"] == "bn1.bias")
  }

  /// A module whose buffers could stand on either side of a parameter of the same shape.
  @Test func twoWaysAreATable() throws {
    let matching = TensorMatching(
      wanted([("a.scale", [4]), ("b.scale", [4])]), in: list([[4], [4], [4]]),
      buffers: wanted([("norm.mean", [4])], areBuffers: true))
    #expect(matching.matches.isEmpty)
    #expect(matching.unclearList.first == ["tensor", "shape", "one way", "another"])
    #expect(matching.unclearList.count == 4)
    #expect(matching.unclearList[2] == ["arr_1", "[4]", "b.scale", "a.scale"])
    let error = #expect(throws: FileError.self) { try matching.checkList(of: "x.npz", for: "net") }
    #expect(error?.problem.contains("more than one way") == true && error?.table.count == 4)
  }

  @Test func rulesDecide() throws {
    let rules = [
      TensorRenaming("arr_0", to: "a.scale"), TensorRenaming("arr_1", to: "norm.mean"),
      TensorRenaming("arr_2", to: "b.scale"),
    ]
    let matching = TensorMatching(
      wanted([("a.scale", [4]), ("b.scale", [4])]), in: list([[4], [4], [4]]), renamings: rules,
      buffers: wanted([("norm.mean", [4])], areBuffers: true))
    #expect(names(matching) == ["arr_0": "a.scale", "arr_2": "b.scale"])
  }

  /// A file that no longer tells the order of training code.
  @Test func withoutOrderShapesDecide() {
    let unordered = [
      WantedTensor("fc.bias", [5], isInOrder: false), WantedTensor("fc.weight", [5, 4]),
      WantedTensor("conv", [4, 3, 3, 3]),
    ]
    let matching = TensorMatching(unordered, in: list([[4, 3, 3, 3], [5, 4], [5]]))
    #expect(names(matching) == ["arr_0": "conv", "arr_1": "fc.weight", "arr_2": "fc.bias"])
    let twice = TensorMatching(
      unordered + [WantedTensor("other.bias", [5])], in: list([[4, 3, 3, 3], [5, 4], [5], [5]]))
    #expect(twice.matches.isEmpty)
    #expect(twice.unclearList.last == ["arr_3", "[5]", "fc.bias or other.bias"])
  }

  /// The weights that were sent have names, in training code's order, which a list that came back has too.
  @Test func aNamedFileTellsTheOrder() {
    let unordered = parameters.reversed().map { WantedTensor($0.0, $0.1, isInOrder: false) }
    let order = stateDictionary.map(\.0)
    for tensors in [stateDictionary, parameters] {
      let matching = TensorMatching(
        unordered, in: list(tensors.map(\.1)),
        buffers: wanted(buffers.reversed(), areBuffers: true), order: order)
      #expect(matching.matches.count == 8 && matching.unclearList.isEmpty)
      for (fileName, name) in names(matching) {
        #expect(tensors[Int(fileName.dropFirst(4)) ?? 0].0 == name)
      }
    }
  }

  @Test func numbersMayBeHuge() {
    let names = ["arr_0", "arr_\(Int.max)"]
    let matching = TensorMatching(
      wanted([("a", [1]), ("b", [1])]), in: names.map { (name: $0, shape: [1]) })
    #expect(matching.strangeList != nil && matching.matches.isEmpty)
  }

  @Test func whatDoesNotFitIsSaid() {
    var shapes = parameters.map(\.1)
    shapes[6] = [7, 4]
    let wrong = TensorMatching(wanted(parameters), in: list(shapes))
    #expect(wrong.strangeList?.contains("\"arr_6\" has the shape [7, 4] where fc.weight") == true)
    let short = TensorMatching(
      wanted(parameters), in: list(Array(shapes.dropLast())),
      buffers: wanted(buffers, areBuffers: true))
    #expect(short.strangeList?.contains("list of 7 tensors") == true)
    #expect(short.strangeList?.contains("8 parameters, or 12 tensors with its buffers") == true)
  }
}
