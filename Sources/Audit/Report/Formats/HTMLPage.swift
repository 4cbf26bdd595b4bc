extension ReportContent {
  /// The report as one HTML file that loads nothing.
  var html: String {
    let heading = sections.isEmpty ? title : "\(title): \(finding)"
    let html: HTML = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="generator" content="gradleak \(GradleakVersion.current)">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
      img-src data:; style-src 'unsafe-inline'">
      <link rel="icon" href="data:,">
      <title>\(heading)</title>
      <style>
      \(HTML(markup: ReportStyle.sheet))
      </style>
      </head>
      <body>
      <header>
      <a class="skip" href="#\(sections.first?.id ?? "main")">Skip to the summary</a>
      <p class="kicker"><strong>\(title)</strong>\(date.map { "<br>\($0)" as HTML } ?? .none)</p>
      <h1>\(finding)</h1>
      \(warning.map { "<p class=\"warning\">\($0.html)</p>\n" as HTML } ?? .none)\
      \(subject.isEmpty ? .none : HTML.facts(subject))</header>
      <main id="main">
      <nav aria-label="Sections"><ul>
      \(sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>\n" as HTML })</ul></nav>
      \(sections.map(\.html))</main>
      <footer>\(closing.html)</footer>
      </body>
      </html>

      """
    return html.markup
  }
}

extension ReportSection {
  fileprivate var html: HTML {
    """
    <section id="\(id)" aria-labelledby="\(id)-title">
    <h2 id="\(id)-title">\(title)</h2>
    \(blocks.map(\.html))</section>

    """
  }
}

extension ReportText {
  var html: HTML {
    spans.map { span -> HTML in
      switch span.style {
      case .plain: "\(span.text)"
      case .strong: "<strong>\(span.text)</strong>"
      case .code: "<code>\(span.text)</code>"
      case .tone(let tone): "<b class=\"\(tone.rawValue)\">\(span.text)</b>"
      case .link(let id): "<a href=\"#\(id)\">\(span.text)</a>"
      }
    }.joined
  }
}
