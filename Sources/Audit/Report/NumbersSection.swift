import Clients
import Foundation

extension Report {
  /// Rows of the table at most; CSV and JSON have them all.
  private static let rowLimit = 1000
  /// Longer tables are closed at first.
  private static let openRowLimit = 40

  /// Every image of every run, with its baselines.
  var numbers: HTML? {
    let rows = rows
    guard !rows.isEmpty else { return nil }
    let shown = rows.prefix(Report.rowLimit).map { row -> HTML in
      let cells = Report.cells(of: row)
      let classes = [
        "name", "", "number", "name", "number", "number", "number", "number", "number", "",
      ]
      let level = row.record.level(of: row.image)
      let content = zip(cells, classes).enumerated().map { index, cell -> HTML in
        index == cells.count - 1
          ? "<td><b class=\"\(level.tone)\">\(cell.0)</b></td>"
          : "<td class=\"\(cell.1)\">\(cell.0)</td>"
      }
      return "<tr>\(content)</tr>\n"
    }
    let omitted = rows.count - shown.count
    let caption =
      "PSNR in dB; what a random and a grey image get is what knowing nothing gives."
      + (omitted > 0 ? " \(omitted) more rows are in the report as CSV." : "")
    let table: HTML = """
      <div class="scroll" tabindex="0" role="region" aria-label="Table of all numbers">
      <table>
      <caption>\(caption)</caption>
      <thead><tr><th scope="col">image</th><th scope="col">attack</th>\
      <th scope="col" class="number">seed</th><th scope="col">defence</th>\
      <th scope="col" class="number">PSNR</th><th scope="col" class="number">random</th>\
      <th scope="col" class="number">grey</th><th scope="col" class="number">SSIM</th>\
      <th scope="col" class="number">label</th><th scope="col">came back</th></tr></thead>
      <tbody>
      \(Array(shown))</tbody>
      </table>
      </div>

      """
    guard rows.count > Report.openRowLimit else { return table }
    return "<details><summary>All \(rows.count) results</summary>\n\(table)</details>\n"
  }

  /// Who attacks, what they know, and what was not looked at.
  var assumptions: HTML? {
    let unknowns = untested
    let list: HTML =
      unknowns.isEmpty
      ? .none
      : "<h3>Not tested</h3>\n<ul>\n\(unknowns.map { "<li>\($0)</li>\n" as HTML })</ul>\n"
    let sentences = protections
    let protections: HTML =
      sentences.isEmpty
      ? .none
      : "<h3>What cryptography would leave</h3>\n\(sentences.map { "<p>\($0)</p>\n" as HTML })"
    var seen: Set<String> = []
    let models = input.records.map(\.threatModel).filter {
      seen.insert($0.description).inserted
    }
    func category(_ model: ThreatModel) -> HTML {
      guard let category = model.category else { return .none }
      return """
        <dt>The result takes at least</dt><dd>threat model \(category.rawValue) (\(category.title)) of \
        Carletti et al., USENIX Security 2025</dd>

        """
    }
    let facts = models.map { model -> HTML in
      func list(_ facts: [ThreatModel.Fact]) -> String {
        facts.isEmpty ? "nothing" : facts.map(\.rawValue).joined(separator: ", ")
      }
      return """
        <dl class="facts">
        <dt>Attacker</dt><dd>\(model.attacker.rawValue)</dd>
        <dt>Knows, besides the update</dt><dd>\(list(model.known))</dd>
        <dt>Does not know</dt><dd>\(list(model.unknown))</dd>
        <dt>Update</dt><dd>\(model.updateDescription), \
        \(model.clientMode.rawValue) mode</dd>
        \(category(model))\
        </dl>

        """
    }
    guard !facts.isEmpty || !unknowns.isEmpty else { return nil }
    return "\(facts)\(protections)\(list)"
  }

  /// How to repeat the runs, with what, and on which weights and updates.
  var origin: HTML? {
    let records = input.records
    guard !records.isEmpty else { return nil }
    let commands = commands
    let shown = commands.prefix(40)
    let lines = shown.map { "\($0.line)\n" as HTML }
    var notes = Array(Set(commands.compactMap(\.note)))
    if input.records.contains(where: { $0.trials.contains { $0.reason == .goalReached } }) {
      notes.append(
        "An audit ends attacks once an image can be recognised; these go on to their end.")
    }
    if records.contains(where: { $0.experiment == nil }) {
      notes.append(
        "Records before version 3 hold no experiment, so no command repeats their runs.")
    }
    if commands.count > shown.count {
      notes.append("\(commands.count - shown.count) more commands are in the report as JSON.")
    }
    func distinct(_ values: [String]) -> [String] {
      var seen: Set<String> = []
      return values.filter { seen.insert($0).inserted }
    }
    func hashes(_ values: [String]) -> HTML {
      let all = distinct(values)
      let rest = all.count > 12 ? " and \(all.count - 12) more" : ""
      return "<code>\(all.prefix(12).joined(separator: " "))</code>\(rest)"
    }
    return """
      <p>The same seed, build and machine give the same records to the byte.</p>
      <pre tabindex="0"><code>\(lines)</code></pre>
      \(notes.map { "<p class=\"note\">\($0)</p>\n" as HTML })<dl class="facts">
      <dt>Runs made by</dt><dd>gradleak \(distinct(records.map(\.tool)).joined(separator: ", "))</dd>
      <dt>Records</dt><dd>version \(distinct(records.map { String($0.version) }).joined(separator: ", ")), \
      from \(input.runs.map(\.path).joined(separator: ", "))</dd>
      <dt>Weights</dt><dd>\(distinct(records.map(\.model.weights.description)).prefix(12).joined(separator: "; "))</dd>
      <dt>Hash of the weights</dt><dd>\(hashes(records.map(\.model.fingerprint)))</dd>
      <dt>Hash of the updates</dt><dd>\(hashes(records.map(\.update.fingerprint)))</dd>
      <dt>Loss</dt><dd>\(distinct(records.map(\.update.loss)).joined(separator: ", "))</dd>
      </dl>

      """
  }
}
