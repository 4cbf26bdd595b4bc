import Attacks
import Defences
import Solvers
import Testing

@testable import Audit

/// A result of the given quality; class 3 is right.
func result(
  _ psnr: Double, label: Int = 3, grey: Double = 10, name: String = "image"
) -> ImageResult {
  ImageResult(
    name: name, preparation: nil, meanSquaredError: 0.1, psnr: psnr, ssim: nil, trueLabel: 3,
    recoveredLabel: label, randomGuessPSNR: 7, greyImagePSNR: grey)
}

/// The grade of images, each in an update of its own.
private func grade(
  _ images: [ImageResult], classes: Int = 10, reason: StopReason = .stagnated,
  diagnosis: Diagnosis.Verdict? = nil, defence: DefenceChain? = nil
) -> LeakageGrade {
  verdict(images, classes: classes, reason: reason, diagnosis: diagnosis, defence: defence).grade
}

private func verdict(
  _ images: [ImageResult], classes: Int = 10, reason: StopReason = .stagnated,
  diagnosis: Diagnosis.Verdict? = nil, defence: DefenceChain? = nil
) -> LeakageVerdict {
  LeakageVerdict(
    images.enumerated().map { index, image in
      var image = image
      image.name += "\(index)"
      var record = sampleRecord(
        images: [image], defence: defence, update: "\(index)", reason: reason,
        diagnosis: diagnosis)
      record.model.classCount = classes
      return record
    })
}

@Suite struct LeakageGradeTests {
  @Test func levels() {
    #expect(LeakLevel(result(40)) == .full)
    #expect(LeakLevel(result(60, label: 2)) == .recognisable)
    #expect(LeakLevel(result(20)) == .recognisable)
    #expect(LeakLevel(result(19.99)) == .label)
    #expect(LeakLevel(result(19.99, label: 2)) == .nothing)
    // A dull picture looks like a grey one.
    #expect(LeakLevel(result(22, grey: 19.5)) == .label)
    #expect(LeakLevel(result(.nan, label: 1)) == .undetermined)
  }

  @Test func lettersFollowTheirDefinitions() {
    let (full, told, label) = (result(50), result(25), result(12))
    #expect(grade([full]) == .F)
    #expect(grade([full, told]) == .F)
    #expect(grade([full, told, told]) == .E)
    #expect(grade([told, label]) == .D)
    #expect(grade([told, label, label]) == .C)
    #expect(grade([label]) == .B)
    #expect(grade(Array(repeating: label, count: 30)) == .B)
  }

  /// That attacks failed earns no A by itself: noise must bound the others.
  @Test func anATakesABoundEnoughImagesAndLabelsAtChance() throws {
    let nothing = result(12, label: 4)
    let noise = try DefenceChain("dp-sgd:1,1.1")
    func grade(_ images: [ImageResult], _ defence: DefenceChain? = noise) -> LeakageGrade {
      AuditTests.grade(images, defence: defence)
    }
    #expect(grade(Array(repeating: nothing, count: 15)) == .B)
    #expect(grade(Array(repeating: nothing, count: 16)) == .A)
    #expect(grade(Array(repeating: nothing, count: 30), nil) == .B)
    // Little noise bounds little, and noise on what nobody clipped nothing.
    #expect(grade(Array(repeating: nothing, count: 30), try DefenceChain("dp-sgd:1,0.5")) == .B)
    #expect(grade(Array(repeating: nothing, count: 30), try DefenceChain("gaussian:100")) == .B)
    #expect(
      grade(Array(repeating: nothing, count: 30), try DefenceChain("mixup+dp-sgd:1,2")) == .B)
    // Two of sixteen right is what chance gives with ten classes, eight of sixteen is not.
    let mixed = { (right: Int) in
      Array(repeating: nothing, count: 16 - right) + Array(repeating: result(12), count: right)
    }
    #expect(grade(mixed(2)) == .A)
    #expect(grade(mixed(8)) == .B)
    #expect(SuccessRate(successes: 0, count: LeakageGrade.unitsForA).interval.upperBound < 0.2)
  }

  @Test func theBoundIsSaid() throws {
    let nothing = Array(repeating: result(12, label: 4), count: 16)
    let noise = try DefenceChain("dp-sgd:1,1.1")
    let bounded = verdict(nothing, defence: noise)
    #expect(bounded.evidence == .bounded)
    let bound = try #require(bounded.bound)
    // Φ(Φ⁻¹(1/100) + 1/1.1).
    #expect(abs(bound.success(candidates: 100) - 0.0782) < 1e-4)
    #expect(bounded.sentences.contains { $0.contains("in more than 7.8 % of tries") })
    #expect(verdict(nothing).bound == nil && verdict(nothing).evidence == .attackFailed)
    // The least noise counts.
    let mixed = LeakageVerdict([
      sampleRecord(images: [nothing[0]], defence: noise, reason: .stagnated),
      sampleRecord(
        images: [nothing[0]], defence: try DefenceChain("dp-sgd:1,0.5"), update: "other",
        reason: .stagnated),
    ])
    #expect(mixed.bound?.noiseMultiplier == 0.5 && mixed.evidence == .attackFailed)
  }

  /// What no attack can do was not done under this noise.
  @Test func moreThanTheBoundAllowsIsSaid() throws {
    let leaked = verdict(
      Array(repeating: result(50), count: 8), defence: try DefenceChain("dp-sgd:1,10"))
    #expect(leaked.grade == .F && leaked.evidence == .attackSucceeded)
    #expect(leaked.sentences.contains { $0.hasPrefix("More came back than this noise allows") })
    let one = verdict([result(50)], defence: try DefenceChain("dp-sgd:1,0.1"))
    #expect(!one.sentences.contains { $0.hasPrefix("More came back") })
  }

  @Test func theBestAttackOnAnImageCounts() {
    let weak = sampleRecord(images: [result(12)], attack: .dlg)
    let strong = sampleRecord(images: [result(45)], attack: .automatic)
    let other = sampleRecord(images: [result(12)], attack: .dlg, update: "other")
    let verdict = LeakageVerdict([weak, strong, other])
    #expect(verdict.examples.map(\.score) == [45, 12])
    #expect(verdict.full.leaked == 1 && verdict.full.count == 2)
    #expect(verdict.highestPSNR == 45)
  }

  @Test func undefendedUpdatesAreJudgedWhereThereAreAny() throws {
    let chain = try DefenceChain("gaussian:0.1")
    let defended = sampleRecord(images: [result(12)], defence: chain)
    #expect(LeakageVerdict([sampleRecord(images: [result(45)]), defended]).grade == .F)
    let alone = LeakageVerdict([defended])
    #expect(alone.grade == .B && alone.isDefended)
    #expect(alone.sentences[0].contains("from defended updates"))
  }

  @Test func withoutOriginalsTheDiagnosisDecides() {
    let unknown = ImageResult(name: "a", recoveredLabel: 4)
    #expect(LeakLevel(unknown) == .undetermined)
    let verdict = LeakageVerdict([sampleRecord(images: [unknown], reason: .stagnated)])
    #expect(verdict.grade == .notShown && verdict.evidence == .notShown)
    #expect(verdict.labels.count == 0 && !verdict.isCutShort)
    #expect(verdict.sentences.contains { $0.contains("not known: 1 of 1") })
    #expect(grade([unknown], diagnosis: .recovered) == .F)
    #expect(grade([unknown], diagnosis: .recoveredUpToAmbiguity) == .D)
    for failure in [
      Diagnosis.Verdict.stuck, .notDetermined, .doesNotFit, .carriesNothing, .cutShort,
    ] {
      #expect(grade(Array(repeating: unknown, count: 30), diagnosis: failure) == .notShown)
    }
    #expect(!verdict.sentences.contains { $0.contains("nan") })
  }

  @Test func nothingIsNoVerdict() {
    #expect(LeakageVerdict([]).sentences == ["There are no runs to judge."])
    #expect(LeakageVerdict([]).highestPSNR == -.infinity)
  }

  /// An attack that did not run to its end has not failed.
  @Test func whatWasCutShortEarnsNoGrade() throws {
    let nothing = Array(repeating: result(7, label: 4), count: 20)
    #expect(grade(nothing) == .B)
    let bounded = try DefenceChain("dp-sgd:1,2")
    #expect(grade(nothing, defence: bounded) == .A)
    #expect(grade(nothing, reason: .timeLimit, defence: bounded) == .notShown)
    for reason in [StopReason.timeLimit, .interrupted] {
      let verdict = verdict(nothing, reason: reason)
      #expect(verdict.grade == .notShown && verdict.isCutShort)
      #expect(verdict.sentences[0].contains("20 of 20 attacks"))
    }
    // A limit of a few iterations ends an attack as well.
    var record = sampleRecord(images: [result(7, label: 4)], reason: .iterationLimit)
    record.configuration.iterations = 5
    #expect(LeakageVerdict([record]).grade == .notShown)
    record.configuration.iterations = 1200
    #expect(LeakageVerdict([record]).grade == .B)
    // What leaked has leaked all the same.
    #expect(grade([result(50)], reason: .timeLimit) == .F)
  }

  @Test func updatesThatAreNotTheModelsEarnNoGrade() {
    let nothing = Array(repeating: result(7, label: 4), count: 20)
    for diagnosis in [Diagnosis.Verdict.doesNotFit, .carriesNothing] {
      let verdict = verdict(nothing, diagnosis: diagnosis)
      #expect(verdict.grade == .notShown && !verdict.isCutShort)
    }
    // The only batch with this update is another picture than the one that was given as the truth.
    #expect(grade(nothing, diagnosis: .recovered) == .notShown)
  }

  /// Images of one update share its fate, and so do repeats of one image on the same weights.
  @Test func intervalsCountIndependentUnits() {
    let batch = (0..<16).map { result(12, label: 4, name: "image\($0)") }
    let one = LeakageVerdict([sampleRecord(images: batch, reason: .stagnated)])
    #expect(one.recognisable.units.count == 1 && one.grade == .B)
    #expect(one.recognisable.interval.upperBound > 0.7)
    let repeats = LeakageVerdict(
      (0..<16).map {
        sampleRecord(images: [result(12, label: 4)], update: "\($0)", reason: .stagnated)
      })
    #expect(repeats.recognisable.units.count == 1 && repeats.grade == .B)
    let weights = LeakageVerdict(
      (0..<16).map {
        var record = sampleRecord(
          images: [result(12, label: 4)], update: "\($0)", reason: .stagnated)
        record.model.fingerprint = "\($0)"
        return record
      })
    #expect(weights.recognisable.units.count == 16 && weights.recognisable.isStopped)
  }

  /// Images with the same update to the last bit are not merged silently.
  @Test func equalUpdatesAreSaid() {
    let verdict = LeakageVerdict([
      sampleRecord(images: [result(12, name: "a")], reason: .stagnated),
      sampleRecord(images: [result(12, name: "b")], reason: .stagnated),
    ])
    #expect(verdict.examples.count == 2 && verdict.recognisable.units.count == 1)
    #expect(verdict.sentences[0].contains("shared by different images"))
  }

  @Test func theWidestIntervalCountsWhatIsOpen() {
    let items = (0..<20).map {
      LeakRate.Item($0 == 0 ? .undetermined : .held, ties: ["\($0)"])
    }
    let rate = LeakRate(items)
    #expect(rate.interval.lowerBound == 0)
    #expect(
      rate.interval.upperBound == SuccessRate(successes: 1, count: 20).interval.upperBound)
    #expect(rate.description == "0 of 20, 1 undetermined (95 % interval 0-24 %)")
    #expect(LeakRate([]).interval == 0...1 && LeakRate([]).description == "0 of 0")
  }
}
