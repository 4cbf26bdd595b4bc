import Attacks
import Clients
import Defences
import ModelIO
import Solvers
import TensorGraph

/// Attacks updates on a model with given weights, and measures what comes back where the truth is known.
package struct UpdateAudit: Sendable {
  package let weighted: WeightedModel
  package let mode: ForwardMode
  let backend: any Backend
  let modelSummary: ModelSummary

  /// - Parameters:
  ///   - weights: how the model came by them, for the record.
  ///   - mode: how the client's model computed.
  package init(
    _ weighted: WeightedModel, activation: String, weights: WeightSource,
    mode: ForwardMode = .evaluation, backend: any Backend
  ) {
    self.weighted = weighted
    self.mode = mode
    self.backend = backend
    let model = weighted.model
    modelSummary = ModelSummary(
      name: model.name, activation: activation, inputShape: model.inputShape.dimensions,
      classCount: model.classCount, parameterCount: model.parameterCount, weights: weights,
      fingerprint: Fingerprint.of(
        Array(
          zip(
            (model.parameters + model.buffers).map(\.name), weighted.parameters + weighted.buffers)
        )))
  }

  /// An update and what is known of it.
  package struct Subject: Sendable {
    package let update: SharedUpdate
    /// The private batch, where it is known; the attack does not see it. Fewer than the update's
    /// examples where others added theirs.
    package let truth: [PrivateExample]?
    /// What the client fed to its model in place of each image of ``truth``; nil for the images.
    package let encodings: [Tensor]?
    /// Whether others are mixed into ``encodings``.
    var isMixed: Bool { counterAttack.hasMixedLabels || defence?.chain.mixesImages == true }
    /// Names for the images where there is no truth.
    package let name: String
    /// Labels that the attacker knows.
    package let knownLabels: [Int]?
    /// What the update was: "gradient" or "difference".
    package let kind: String
    /// What the attacker makes of knowing the client's defence.
    package let counterAttack: CounterAttack
    /// The client's defence, for the record; nil for none.
    package let defence: DefenceSummary?

    package init(
      update: SharedUpdate, truth: [PrivateExample]?, name: String, encodings: [Tensor]? = nil,
      knownLabels: [Int]? = nil,
      kind: String = "gradient", counterAttack: CounterAttack = .none,
      defence: DefenceSummary? = nil
    ) {
      precondition(
        truth.map { $0.count <= update.batchSize } ?? true,
        "\(truth?.count ?? 0) true images for a batch of \(update.batchSize)")
      self.update = update
      self.truth = truth
      self.encodings = encodings
      self.name = name
      self.knownLabels = knownLabels
      self.kind = kind
      self.counterAttack = counterAttack
      self.defence = defence
    }
  }

  /// What a search has found so far, each computed only if asked for.
  package struct Glimpse {
    /// The mean PSNR in dB over the batch, which an attacker cannot see; NaN without truth.
    package let score: () -> Double
    /// What was found beside the truth.
    package let pictures: () -> [PictureProgress]
  }

  /// Attacks an update.
  ///
  /// - Parameters:
  ///   - startingImages: [N, C, H, W], for plans that start from given images.
  ///   - observe: called after every iteration of a search with the progress and what was found by then.
  /// - Throws: ``AttackError`` when the attack does not apply.
  package func attack(
    _ subject: Subject, configuration: AttackConfiguration, startingImages: Tensor? = nil,
    observe: (AttackProgress, Glimpse) -> SolverDecision = { _, _ in .proceed }
  ) throws(AttackError) -> AuditOutcome {
    let inversion = try AttackProblem(
      weighted, update: subject.update, configuration: configuration,
      knownLabels: subject.knownLabels, startingImages: startingImages, mode: mode,
      counter: subject.counterAttack,
      backend: backend)
    let scale = NumberScale(subject.truth?.map(\.image))
    let originals = subject.truth?.map { scale($0.image) }
    let result = try inversion.run { progress, images in
      observe(
        progress,
        Glimpse(
          score: { originals.map { meanPSNR(of: images(), $0, scale) } ?? .nan },
          pictures: { pairs(images(), originals, scale) }))
    }
    return try outcome(result, subject, configuration, found: inversion.loss)
  }

  /// What can be said of an update from a file before it is attacked: whether it can be this model's, and
  /// whether the true images have it.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  package func check(
    _ subject: Subject
  ) throws(AttackError) -> (misfit: UpdateMisfit?, truth: TruthCheck?) {
    guard subject.update.origin != nil else { return (nil, nil) }
    let truth = try subject.truth.flatMap { truth throws(AttackError) -> TruthCheck? in
      let labels = truth.compactMap(\.labels)
      return try TruthCheck(
        subject.update, weighted, images: stacked(truth.map(\.image)).converted(to: .f64),
        labels: subject.knownLabels ?? (labels.count == truth.count ? labels.flatMap(\.self) : nil),
        mode: mode,
        backend: backend)
    }
    if truth?.fits == true { return (nil, truth) }
    return (
      UpdateFit.misfit(
        of: subject.update, weighted, knownLabels: subject.knownLabels, backend: backend), truth
    )
  }

  // MARK: - Records

  private func outcome(
    _ result: AttackResult, _ subject: Subject, _ configuration: AttackConfiguration,
    found: ClientLoss
  ) throws(AttackError) -> AuditOutcome {
    let (update, truth) = (subject.update, subject.truth)
    let positions = weighted.model.labelPositions.elementCount
    // One of each reconstruction, or one of each of its pixels.
    let labels = result.labels.map {
      update.loss.label($0, of: found, classCount: weighted.model.classCount)
    }.chunked(positions).map { Array($0) }
    let isMask = weighted.model.labelPositions.rank > 0
    let scale = NumberScale(truth?.map(\.image))
    let originals = truth?.map { scale($0.image) }
    let numbers = unstacked(result.images)
    let reconstructions = numbers.map { scale($0) }
    // By what was fed to the model, which is what an exact attack finds.
    let order =
      (subject.encodings?.map { scale($0) } ?? originals).map {
        matchBatch(
          reconstructions: reconstructions, originals: $0,
          labels: isMask ? nil : truth.map { (labels.map(\.first), $0.map(\.label)) })
      }
      ?? Array(reconstructions.indices)
    let candidates = scale.isBeyondPixels ? nil : originals.map { CandidateImages($0) }
    let images = order.enumerated().map { index, reconstruction in
      guard let truth else {
        let suffix = order.count > 1 ? "-\(index + 1)" : ""
        var image = ImageResult(
          name: subject.name + suffix, recoveredLabel: labels[reconstruction].commonest)
        image.mask = mask(labels[reconstruction], truth: nil)
        image.name(
          labels: update.loss, recovered: result.labels[reconstruction * positions], of: found)
        return image
      }
      var image = imageResult(
        truth[index], reconstructions[reconstruction], labels: labels[reconstruction],
        seed: configuration.seed, candidates, scale)
      image.name(
        labels: update.loss, recovered: result.labels[reconstruction * positions], of: found)
      guard let encodings = subject.encodings else { return image }
      let psnr = JSONNumber(
        ImageMetrics.peakSignalToNoiseRatio(
          reconstructions[reconstruction], scale(encodings[index])))
      if subject.isMixed { image.encodedPSNR = psnr } else { image.transformedPSNR = psnr }
      return image
    }
    var known: Set<ThreatModel.Fact> = [.architecture, .weights, .lossFunction, .batchSize]
    if subject.knownLabels != nil { known.insert(.labels) }
    let steps = update.training?.stepsPerClient ?? 1
    let clients = update.training.flatMap { $0.clients.count > 1 ? $0.clients.count : nil }
    if update.training?.isOneStep == false { known.insert(.localTraining) }
    if clients != nil { known.insert(.clients) }
    if update.training?.isOrderKnown == true, steps > (update.training?.epochs ?? 1) {
      known.insert(.miniBatchOrder)
    }
    if weighted.model.batchNormCount > 0 { known.insert(.batchNormStatistics) }
    if configuration.plan?.initialization.kind == .given { known.insert(.similarImage) }
    let truthCheck = try check(subject).truth
    var record = RunRecord(
      tool: GradleakVersion.current, configuration: configuration, model: modelSummary,
      update: UpdateSummary(
        kind: subject.kind, loss: update.loss.description, batchSize: update.batchSize,
        localSteps: steps, norm: update.squaredNorm.squareRoot(),
        fingerprint: Fingerprint.of(
          update.sharedParameters.map {
            (weighted.model.parameters[$0].name, update.gradients[$0])
          }),
        sharedTensors: update.isComplete ? nil : update.sharedParameters.count,
        training: update.training?.description),
      threatModel: ThreatModel(
        attacker: configuration.attacker ?? .honestButCuriousServer, known: known, clientMode: mode,
        localSteps: steps, clients: clients,
        withheld: Set(configuration.unknown ?? [])
          .union(update.training?.isOrderKnown == false ? [.miniBatchOrder] : []),
        category: result.trials[result.bestTrial].category),
      trials: result.trials.map {
        TrialRecord(
          method: $0.method.name, reason: $0.reason, iterations: $0.iterations,
          evaluations: $0.evaluations, matchingLoss: $0.matchingLoss,
          secondOrder: $0.secondOrder, objective: $0.objective)
      },
      bestTrial: result.bestTrial, matchingLoss: result.matchingLoss, images: images,
      trace: result.snapshots.map { snapshot in
        TracePoint(
          trial: snapshot.trial, iteration: snapshot.iteration,
          evaluations: snapshot.evaluations, matchingLoss: snapshot.matchingLoss,
          psnr: originals.map { meanPSNR(of: snapshot.images, $0, scale) })
      },
      diagnosis: result.diagnosis, defence: subject.defence,
      skipped: result.skipped.isEmpty ? nil : result.skipped)
    record.device = backend.provenance
    record.truthCheck = truthCheck
    record.misfit = truthCheck?.fits == true ? nil : result.misfit
    if subject.knownLabels != nil, update.origin != nil {
      for index in record.images.indices { record.images[index].isLabelGiven = true }
    }
    var outcome = AuditOutcome(
      record: record,
      timing: RunTiming(
        compileSeconds: result.compileSeconds, attackSeconds: result.attackSeconds,
        evaluationsPerSecond: Double(result.evaluations) / max(result.attackSeconds, 1e-9)),
      originals: originals, reconstructions: order.map { reconstructions[$0] },
      numbers: order.map { numbers[$0] },
      frames: frames(result, order, count: configuration.snapshots, scale),
      wasInterrupted: result.wasInterrupted)
    if isMask {
      outcome.masks = order.enumerated().map { (truth?[$0].labels, labels[$1]) }
    }
    outcome.attacked = AttackedUpdate(
      weighted: weighted, update: update, mode: mode,
      labels: order.flatMap { index in
        result.labels[index * positions..<(index + 1) * positions]
      },
      loss: found,
      restarts: result.restarts.map { batch in
        let inputs = unstacked(batch)
        return order.map { inputs[$0] }
      })
    return outcome
  }

  private func imageResult(
    _ example: PrivateExample, _ reconstruction: Tensor, labels: [Int], seed: UInt64,
    _ candidates: CandidateImages?, _ scale: NumberScale
  ) -> ImageResult {
    let original = scale(example.image)
    let quality = ReconstructionQuality(of: reconstruction, original: original)
    var source = RandomSource(seed: seed).derive(label: "baseline")
    let random = BaselineGuess.random.quality(against: original, using: &source)
    let grey = BaselineGuess.midGrey.quality(against: original, using: &source)
    var result = ImageResult(
      name: example.name,
      preparation: [example.preparation, scale.note].compactMap(\.self).joinedOrNil,
      meanSquaredError: quality.meanSquaredError, psnr: quality.peakSignalToNoiseRatio,
      ssim: quality.structuralSimilarity, trueLabel: example.labels?.commonest,
      recoveredLabel: labels.commonest, mask: mask(labels, truth: example.labels),
      randomGuessPSNR: random.peakSignalToNoiseRatio, greyImagePSNR: grey.peakSignalToNoiseRatio)
    result.fingerprint = Fingerprint.of([("image", example.image)])
    result.shiftedPSNR = JSONNumber(quality.shiftedPeakSignalToNoiseRatio)
    result.gmsd = quality.gradientMagnitudeDeviation.map(JSONNumber.init)
    guard let candidates else { return result }
    result.meanImagePSNR = JSONNumber(
      ImageMetrics.peakSignalToNoiseRatio(candidates.mean, original))
    result.isIdentified = Identification.identifies(
      reconstruction, original, among: candidates.images)
    result.candidateCount = candidates.images.count
    return result
  }

  /// What came back of a mask; nil where the model gives one label for each image.
  private func mask(_ found: [Int], truth: [Int]?) -> MaskResult? {
    let positions = weighted.model.labelPositions
    guard positions.rank == 2 else { return nil }
    return MaskResult(found, truth: truth, height: positions[0], width: positions[1])
  }

  /// At most `count` snapshots of the best trial, evenly spread over those that were kept.
  private func frames(
    _ result: AttackResult, _ order: [Int], count: Int, _ scale: NumberScale
  ) -> [[AuditOutcome.Frame]] {
    let kept = result.snapshots.filter { $0.trial == result.bestTrial }
    guard count > 0, !kept.isEmpty else { return order.map { _ in [] } }
    let last = kept.count - 1
    let chosen = Set((0..<count).map { count == 1 ? last : $0 * last / (count - 1) }).sorted()
    let snapshots = chosen.map { (kept[$0], unstacked(kept[$0].images)) }
    return order.map { index in
      snapshots.map { snapshot, images in
        AuditOutcome.Frame(
          iteration: snapshot.iteration, matchingLoss: snapshot.matchingLoss,
          image: scale(images[index]))
      }
    }
  }

  /// - Parameter originals: in units of `scale`.
  /// What was found beside the originals, in the client's order; in the attack's where they are not known.
  private func pairs(
    _ images: Tensor, _ originals: [Tensor]?, _ scale: NumberScale
  ) -> [PictureProgress] {
    let found = unstacked(images).map { scale($0) }
    guard let originals else { return found.map { PictureProgress(found: $0) } }
    let order = matchBatch(reconstructions: found, originals: originals)
    return originals.indices.map {
      PictureProgress(found: found[order[$0]], original: originals[$0])
    }
  }

  private func meanPSNR(
    of images: Tensor, _ originals: [Tensor], _ scale: NumberScale
  ) -> Double {
    let reconstructions = unstacked(images).map { scale($0) }
    let order = matchBatch(reconstructions: reconstructions, originals: originals)
    let errors = originals.indices.map {
      ImageMetrics.meanSquaredError(reconstructions[order[$0]], originals[$0])
    }
    return errors.reduce(0) {
      $0 + ImageMetrics.peakSignalToNoiseRatio(meanSquaredError: $1)
    } / Double(errors.count)
  }
}
