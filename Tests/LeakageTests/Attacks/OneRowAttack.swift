import Attacks
import Clients
import TensorGraph

/// The input of a fully connected first layer from one row of its gradient: ∂ℓ/∂Wᵢ = ∂ℓ/∂bᵢ · x.
struct OneRowAttack: ClosedFormAttack {
  let descriptor = AttackDescriptor(
    name: "one-row", summary: "one row of the first layer's gradient",
    paper: "Geiping et al. 2020, arXiv 2003.14053, Proposition 3.1",
    needs: [AttackNeed(.architecture), AttackNeed(.batchSize)], category: .eavesdropper,
    searches: false)

  func solve(_ problem: AttackProblem, _ run: AttackRun) throws(AttackError) -> ClosedFormSolution {
    let (model, update) = (problem.weighted.model, problem.update)
    let pixels = model.inputShape.elementCount
    guard update.batchSize == 1, let rows = update.gradient(of: 0)?.doubles,
      let factors = update.gradient(of: 1)?.doubles, rows.count == factors.count * pixels,
      let row = factors.indices.max(by: { abs(factors[$0]) < abs(factors[$1]) }), factors[row] != 0
    else {
      throw AttackError("one-row needs one image and a fully connected first layer with bias")
    }
    let image = rows[row * pixels..<(row + 1) * pixels].map { $0 / factors[row] }
    return ClosedFormSolution(
      images: Tensor(problem.batchShape, .f64(image)),
      labels: [try LabelRecovery.singleLabel(of: update, model: model)])
  }
}
