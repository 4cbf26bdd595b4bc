import Clients
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Audit

/// Recordings, their parts, and what is measured of them.
@Suite struct SignalDataTests {
  private let folder = TestFolder()

  private func file(_ name: String, _ bytes: [UInt8]) -> String {
    folder.file(name, bytes)
    return folder(name)
  }

  private func csv(_ text: String, columns: [String]? = nil) throws(FileError) -> Recording {
    try Recording(contentsOf: file("t.csv", Array(text.utf8)), columns: columns)
  }

  @Test func columnsAreChannels() throws {
    let recording = try csv("I;II\n1;4\n2;5\n3;6\n")
    #expect(recording.channelCounts == [2] && recording.columns == ["I", "II"])
    #expect(recording.samples(channels: 2) == [[1, 2, 3], [4, 5, 6]])
    #expect(recording.range == 1...6)
    #expect(try csv("I,II\n1,4\n2,5\n", columns: ["II"]).samples(channels: 1) == [[4, 5]])
    // A first line of numbers is one of the samples.
    let nameless = try csv("1,4\n2,5\n3,6\n")
    #expect(nameless.samples(channels: 2) == [[1, 2, 3], [4, 5, 6]] && nameless.columns == [])
  }

  /// Of an array either axis is time; how many channels there are decides.
  @Test func arraysLieEitherWay() throws {
    let values = [1.0, 2, 3, 4, 5, 6]
    func array(_ shape: Shape) throws -> Recording {
      try Recording(contentsOf: file("a.npy", NPYFile.bytes(Tensor(shape, .f64(values)))))
    }
    #expect(try array([2, 3]).samples(channels: 2) == [[1, 2, 3], [4, 5, 6]])
    #expect(try array([3, 2]).samples(channels: 2) == [[1, 3, 5], [2, 4, 6]])
    #expect(try array([3, 2]).channelCounts == [2, 3])
    #expect(try array([1, 6]).samples(channels: 1) == [values])
    #expect(try array([6]).channelCounts == [1])
    let cube = file("c.npy", NPYFile.bytes(Tensor([2, 2, 2], .f64((1...8).map(Double.init)))))
    #expect(throws: FileError.self) { try Recording(contentsOf: cube) }
  }

  @Test(arguments: [
    ("a,b\n1,2\nx,3\n", "row 2, column \"a\": \"x\" is no finite number"),
    ("a\ninf\n1\n", "is no finite number"), ("a\n1\n", "it has 1 samples"),
    ("a,b\n1,2\n3\n", "row 2 has 1 cell"),
  ]) func badRecordingsAreOneSentence(_ text: String, _ words: String) {
    let error = #expect(throws: FileError.self) { try csv(text) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func partsAreNamed() {
    #expect(SignalWindow("a@b/ecg.csv@12").path == "a@b/ecg.csv")
    #expect(SignalWindow("a@b/ecg.csv@12").start == 12)
    #expect(SignalWindow("mail@home").path == "mail@home")
    #expect(SignalWindow(path: "x.npy", start: 3).text == "x.npy@3")
  }

  @Test func measuresAreOfTheVariation() {
    let original = [[1.0, 3, 1, 3]]
    #expect(SignalMeasures([[2, 2, 2, 2]], original).snr == 0)
    #expect(SignalMeasures(original, original).snr == .infinity)
    // Errors of a tenth of the deviation.
    #expect(abs(SignalMeasures([[1.1, 2.9, 1.1, 2.9]], original).snr - 20) < 1e-9)
    #expect(abs(SignalMeasures([[1.1, 2.9, 1.1, 2.9]], original).correlation - 1) < 1e-12)
    #expect(SignalMeasures([[3, 1, 3, 1]], original).correlation == -1)
    #expect(SignalMeasures([[0, 0, 0, 0]], original).smape == 2)
    #expect(SignalMeasures([[.nan, 0, 0, 0]], original).snr == -.infinity)
  }

  /// Samples go into models of either layout and come back.
  @Test(arguments: [[2, 1, 5], [1, 2, 5], [1, 5, 2]]) func layoutsAreUndone(_ shape: [Int]) throws {
    let model = try ModelCatalog.model(named: "mlp", ModelOptions(inputShape: Shape(shape)))
    let layout = try SignalLayout(model, channels: [2])
    let samples = [[1.0, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    #expect(layout.length == 5 && layout.samples(layout.input(samples)) == samples)
    #expect(throws: ExperimentError.self) { try SignalLayout(model, channels: [3]) }
  }

  @Test func theBundledRecordingBeats() throws {
    let recording = try Recording(contentsOf: BundledSignal.name)
    let samples = recording.samples(channels: 1)[0]
    #expect(samples.count == BundledSignal.length && samples == BundledSignal.samples)
    let beats = (1..<samples.count - 1).count {
      samples[$0] > 0.7 && samples[$0] >= samples[$0 - 1] && samples[$0] > samples[$0 + 1]
    }
    // 32 seconds at about 0.85 s a beat.
    #expect((33...43).contains(beats))
  }
}
