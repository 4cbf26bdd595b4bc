import Defences

extension SweepPlan {
  /// Names of the presets.
  package static let presetNames = ["dlg-paper"]

  /// A plan by name; nil when there is none so called.
  ///
  /// `dlg-paper` is the defence section of Zhu et al. 2019 (arXiv 1906.08935, section 5) on the
  /// bundled photographs: Gaussian and Laplacian noise of variance 1e-4 to 1e-1, FP16, BF16 and INT8,
  /// pruning of 1 to 70 %, larger batches and higher resolution. Every cell has 21 runs: seven
  /// photographs, three seeds. Once with the paper's attack, which knows of no defence, and once with
  /// the best one here, which does; batches with the paper's alone.
  package static func preset(named name: String) throws(DefenceError) -> SweepPlan? {
    name == "dlg-paper" ? try dlgPaper() : nil
  }

  private static func dlgPaper() throws(DefenceError) -> SweepPlan {
    var defences: [DefenceChain] = [.none]
    for noise in ["gaussian", "laplacian"] {
      for variance in ["1e-4", "1e-3", "1e-2", "1e-1"] {
        defences.append(try DefenceChain("\(noise):\(variance)"))
      }
    }
    for text in ["fp16", "bf16", "int8"] { defences.append(try DefenceChain(text)) }
    for share in ["0.01", "0.1", "0.2", "0.3", "0.5", "0.7"] {
      defences.append(try DefenceChain("prune:\(share)"))
    }
    var main = Group()
    main.defences = defences
    main.attacks = [
      SweepAttack(kind: .dlg, isAdaptive: false), SweepAttack(kind: .automatic),
    ]
    main.iterations = 1200
    var batches = main
    batches.defences = [.none]
    batches.batchSizes = [1, 2, 4, 8]
    // The best attack's second-order steps take hours on larger batches.
    batches.attacks = [SweepAttack(kind: .dlg, isAdaptive: false)]
    var sizes = main
    sizes.defences = [.none]
    sizes.sizes = [32, 64]
    return SweepPlan(groups: [main, batches, sizes])
  }
}
