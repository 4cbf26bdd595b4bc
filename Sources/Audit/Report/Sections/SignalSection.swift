/// Signals over time, the private one and what came back drawn as lines.
extension Report {
  /// Signals of one run that are drawn, and channels of one signal; records have all.
  private static let (signalLimit, channelLimit) = (12, 4)
  private static let axisNames = (seconds: "seconds", samples: "sample")

  /// A chart for each channel of each signal; none of other data.
  func signalCharts(_ record: RunRecord) -> [ReportBlock] {
    let charts = record.examples.prefix(Report.signalLimit).flatMap { example in
      (0..<min(example.signal?.recovered.count ?? 0, Report.channelLimit)).compactMap {
        signalChart(example, channel: $0, level: record.level(of: example))
      }
    }
    return charts.isEmpty ? [] : [.charts(charts)]
  }

  private func signalChart(
    _ example: ExampleResult, channel: Int, level: LeakLevel
  ) -> Chart? {
    guard let signal = example.signal else { return nil }
    let step = signal.rate.map { 1 / $0 } ?? 1
    func line(_ label: String, _ samples: [JSONNumber], color: Int) -> Chart.Line {
      let points = samples.enumerated().map { (x: Double($0.offset) * step, y: $0.element.value) }
      return Chart.Line(label: label, points: points, color: color, isThin: color > 0)
    }
    var lines = [line("recovered", signal.recovered[channel], color: 1)]
    if let original = signal.original, original.indices.contains(channel) {
      lines.insert(line("private", original[channel], color: 0), at: 0)
    }
    let points = lines.flatMap(\.points).filter { $0.y.isFinite }
    guard !points.isEmpty else { return nil }
    let name = [
      example.name,
      signal.channels.flatMap { $0.indices.contains(channel) ? $0[channel] : nil }
        ?? (signal.recovered.count > 1 ? "channel \(channel + 1)" : nil),
    ].compactMap(\.self).joined(separator: ", ").clipped(to: 60)
    let score = DataKinds.descriptor(.signals).text(example.score)
    return Chart(
      summary:
        "\(name): what came back beside the private signal; SNR \(score) dB, \(level.words).",
      xTitle: signal.rate == nil ? Report.axisNames.samples : Report.axisNames.seconds,
      yTitle: "\(name): \(level.words)", x: ChartScale(.linear, values: points.map(\.x)),
      y: ChartScale(.linear, values: points.map(\.y)), lines: lines)
  }
}
