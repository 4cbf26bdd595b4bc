extension ReportContent {
  /// With the section that explains the terms that occur in the others.
  func withGlossary() -> ReportContent {
    let text = Glossary.folded(words.joined(separator: " "))
    let facts = Glossary.terms.filter { term in
      term.words.contains { text.contains(" \($0) ") }
    }.map { ReportFact($0.name, ReportText($0.meaning)) }
    guard !facts.isEmpty else { return self }
    let glossary = ReportSection(id: "glossary", title: "Glossary", blocks: [.facts(facts)])
    // How to repeat the runs comes last.
    let place = sections.firstIndex { $0.id == "repeat" } ?? sections.endIndex
    var sections = sections
    sections.insert(glossary, at: place)
    return ReportContent(
      title: title, date: date, finding: finding, subject: subject, warning: warning,
      sections: sections, closing: closing)
  }
}

/// The field's words in plain ones.
enum Glossary {
  struct Term: Sendable {
    let name: String
    /// Any of these in a report brings the term into its glossary: as ``folded(_:)`` has them.
    let words: [String]
    /// Without a full stop.
    let meaning: String

    init(_ name: String, _ words: [String] = [], _ meaning: String) {
      self.name = name
      self.words = [Glossary.folded(name).dropFirst().dropLast().description] + words
      self.meaning = meaning
    }
  }

  /// In lower case, words apart by one space, one more at both ends.
  static func folded(_ text: String) -> String {
    var result = " "
    for character in text.lowercased() {
      if character.isLetter || character.isNumber || character == "%" {
        result.append(character)
      } else if result.last != " " {
        result.append(" ")
      }
    }
    return result.last == " " ? result : result + " "
  }

  static let terms: [Term] = [
    Term(
      "Attack", ["attacks", "attacked"],
      "a computation that tries to find the private data from the update; here it is run by the auditor"
    ),
    Term(
      "Batch", ["batches"],
      "the examples that a client computes one gradient from; the more there are, the harder they are to tell apart"
    ),
    Term(
      "Client", ["clients"],
      "one of those who train together: it holds private data and shares updates"),
    Term(
      "Cut short", [],
      "ended by a limit of time or iterations, or by the user, before it was done; that it found nothing tells nothing"
    ),
    Term(
      "dB", [], "decibel, the unit of PSNR: 10 dB more is a tenth of the mean squared difference"),
    Term(
      "Defence", ["defences", "defended"],
      "what a client does to its data, its model or its update so that less can be read back; stronger ones cost "
        + "accuracy"),
    Term(
      "Diagnosis", [],
      "what the end of an attack means, as the attacker can tell it: whether the solution is the only one, or why "
        + "nothing came back"),
    Term(
      "DP-SGD", ["dp sgd"],
      "training with clipped gradients and noise, whose privacy loss can be bounded"),
    Term(
      "Evidence", [],
      "what the verdict rests on: a proof, an attack that succeeded, attacks that failed, or nothing"
    ),
    Term(
      "Gradient", ["gradients"],
      "for each number of the model, how a change of it changes the error on the client's data; what is shared in "
        + "place of the data"),
    Term(
      "Grey image", ["grey"],
      "a picture of one middle grey: what the measure gives to knowing nothing"),
    Term(
      "Honest-but-curious server", ["honest but curious"],
      "a server that does all that it should, and looks at what it receives"),
    Term(
      "In full", [],
      "the whole example came back: an image that the eye can hardly tell from the original and its "
        + "label, or every token of a text"),
    Term(
      "Independent trial", ["independent units", "independent unit", "independent trials"],
      "trials that share neither update nor example with another; only these count for an interval"),
    Term(
      "Interval, 95 %", ["95 % interval", "95 % intervals", "interval 95 %"],
      "the range in which the true rate lies, at this confidence, given how few trials there were"),
    Term("Iteration", ["iterations"], "one step of an attack that searches"),
    Term(
      "Label", ["labels"], "the class that an example belongs to, such as a diagnosis or a name"),
    Term("Label only", [], "the label came back, and nothing that the example could be told from"),
    Term(
      "Local step", ["local steps"],
      "one change of the model that a client makes on its own before it shares"),
    Term(
      "Malicious server", [],
      "a server that also chooses the model it sends, so that more can be read back"),
    Term(
      "Matching loss", [],
      "how far the update of the guessed data is from the shared one; zero means that they agree"),
    Term(
      "Model", ["models"], "the program of numbers that is trained, such as a classifier of images"),
    Term("Not shown", [], "neither a leak nor its absence is shown; it does not mean safe"),
    Term("Parameter", ["parameters"], "one number of the model"),
    Term(
      "PSNR", [],
      "peak signal-to-noise ratio, in dB: how close a recovered image is to the original. A random picture has some "
        + "8, from 20 on a subject can be recognised, from 40 on the eye hardly sees a difference"),
    Term(
      "Random image", ["random"],
      "a picture of random pixels: what the measure gives to knowing nothing"),
    Term(
      "Recognisable", ["recognised"],
      "what came back shows what or who the original is, if not every detail"),
    Term(
      "ROUGE", ["rouge 1", "rouge1", "rouge l"],
      "share of the words of a text that came back, from 0 to 1"),
    Term(
      "Secure aggregation", [],
      "cryptography that shows the server the sum of many clients' updates alone"),
    Term(
      "Seed", ["seeds"],
      "the number that all random choices follow from; the same seed repeats a run"),
    Term(
      "SSIM", [],
      "structural similarity: how alike two pictures look, 1 for the same"),
    Term(
      "Strength", ["variance of the noise"], "how much a defence changes; each has its own scale"),
    Term("Token", ["tokens"], "a word or a part of one, as the model reads texts"),
    Term(
      "Threat model", ["threat models"],
      "who attacks, what they see, and what they know besides; a result holds under its threat model alone"
    ),
    Term("Undetermined", [], "nothing tells whether it leaked; counts as neither"),
    Term("Untrained", [], "as the model is before training, with random weights"),
    Term(
      "Update", ["updates"],
      "what a client shares in place of its data: a gradient, or the change of its model after local steps"
    ),
    Term("Weights", [], "the numbers that training changes"),
    Term("δ", [], "the probability with which ε need not hold"),
    Term(
      "ε", [],
      "the bound on how much one example can change what is shared; smaller is more private"),
  ]
}
