import Foundation
import TestSupport
import Testing

@testable import ModelIO

/// Pickles and archives made to do harm; see scripts/fixtures/tensor-files.py. None does anything.
@Suite struct HostileTensorFileTests {
  private let folder = fixtures + "/fuzz/findings/"

  private func refusal(ofPickle name: String) -> String {
    let error = #expect(throws: FileError.self) {
      try TensorFile(pickle: bytes(of: folder + "pickle-\(name).bin"), path: "evil.pt")
    }
    return error.map { "\($0)" } ?? ""
  }

  @Test(arguments: [
    ("os-system", "\"posix.system\""), ("os-system-4", "\"posix.system\""),
    ("eval", "\"__builtin__.eval\""), ("exec-4", "\"builtins.exec\""),
    ("popen", "\"subprocess.Popen\""), ("getattr", "\"builtins.getattr\""),
    ("partial", "\"functools.partial\""), ("inst", "\"os.system\""), ("obj", "\"os.system\""),
    ("protocol-0", "\"os.system\""), ("build", "\"__main__.A\""),
    ("build-tensor", "a state of its own"), ("newobj-ex", "NEWOBJ_EX"), ("extension", "EXT"),
    ("load-from-bytes", "\"torch.storage._load_from_bytes\""), ("hub", "\"torch.hub.load\""),
    ("numpy-load", "\"numpy.load\""), ("codecs-rot13", "latin1"),
    ("codecs-decode", "\"_codecs.decode\""), ("dotted", "__globals__"),
    ("storage-call", "made by a call"), ("persistent-text", "persistent id \"module\""),
    ("persistent-module", "\"__main__.Net\""), ("persistent-kind", "persistent id"),
    ("persistent-plain", "persistent id"), ("objects", "Python objects"),
    ("ndarray-subclass", "\"numpy.matrix\""), ("complex", "\"torch.ComplexFloatStorage\""),
  ])
  func whatAPickleAsksForIsNamed(_ name: String, _ word: String) {
    let refusal = refusal(ofPickle: name)
    #expect(refusal.contains(word) && refusal.contains("nothing of it was run"), "\(refusal)")
    #expect(refusal.contains("torch.save(model.state_dict()"))
  }

  @Test(arguments: [
    ("expanded", "expanded view"), ("strides", "within its storage"), ("product", "shape"),
    ("negative", "within its storage"), ("bomb", "no tensors"), ("bomb-of-text", "again and again"),
    ("cycle", "no tensors"), ("cyclic-list", "no tensors"), ("deep", "no tensors"),
    ("nested", "no tensors"), ("memo", "no tensors"), ("length", "ends early"),
    ("long", "ends early"), ("frame", "ends early"), ("nothing", "not there"),
    ("marks", "not there"),
  ])
  func bombsAndDamageAreRefusedSoon(_ name: String, _ word: String) {
    let time = ContinuousClock().measure {
      let refusal = refusal(ofPickle: name)
      #expect(refusal.contains(word), "\(refusal)")
    }
    #expect(time < .seconds(2))
  }

  @Test(arguments: [
    ("pytorch-os-system", "\"posix.system\""), ("pytorch-damaged", "is damaged"),
    ("pytorch-ends-early", "end is missing"), ("pytorch-without-storage", "storage is missing"),
    ("pytorch-short-storage", "of another size"), ("pytorch-program", "TorchScript"),
    ("npz-overlap", "contradicts the list"), ("npz-inside", "overlaps another"),
    ("npz-moved", "not where the list says"),
    ("npz-ratio", "1032 times"), ("npz-encrypted", "encrypted"), ("npz-method", "method 14"),
    ("npz-count", "ends early"), ("npz-twice", "twice"), ("npz-parent", "../"),
    ("npz-control", "name"), ("npz-objects", "Python objects"), ("npz-other", "run.sh"),
    ("npz-comment", "end is missing"),
  ])
  func archivesAreRefused(_ name: String, _ word: String) {
    let error = #expect(throws: FileError.self) {
      try TensorFile(bytes: bytes(of: folder + name + ".bin"), path: "evil")
    }
    #expect(error.map { "\($0)" }?.contains(word) == true, "\(error.map { "\($0)" } ?? "")")
  }
}
