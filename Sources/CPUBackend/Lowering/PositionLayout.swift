import CKernels

/// How the positions of a window over planes are grouped into vectors: along the rows of the grid, or
/// straight through the planes' rows, surplus columns and all, whichever takes fewer vectors.
struct PositionLayout {
  private(set) var bases: [Int] = []
  /// Equal parts of a vector, `pieceStep` elements apart in the planes.
  private(set) var pieces = 1
  private(set) var pieceStep = 0
  /// The kept lanes of each vector: where they start in the vector, and in the grid.
  private(set) var runs: [[Run]] = []

  struct Run {
    let lane: Int
    let count: Int
    let row: Int
    let column: Int

    /// The run's positions one by one.
    var single: [Run] {
      (0..<count).map { Run(lane: lane + $0, count: 1, row: row, column: column + $0) }
    }
  }

  init(rows: Int, columns: Int, pitch: Int, lanes: Int) {
    let straight = ceilingDivide((rows - 1) * pitch + columns, by: lanes)
    let byRows = rows * ceilingDivide(columns, by: lanes)
    let width = columns <= lanes / 4 ? lanes / 4 : columns <= lanes / 2 ? lanes / 2 : lanes
    let byPieces = ceilingDivide(rows, by: lanes / width)
    if width < lanes, byPieces <= min(byRows, straight) {
      groupRows(rows, columns, pitch, lanes, width)
    } else if byRows <= straight {
      splitRows(rows, columns, pitch, lanes)
    } else {
      cutStraight(rows, columns, pitch, lanes)
    }
  }

  /// Several whole rows to a vector.
  private mutating func groupRows(
    _ rows: Int, _ columns: Int, _ pitch: Int, _ lanes: Int, _ width: Int
  ) {
    pieces = lanes / width
    pieceStep = pitch
    for first in stride(from: 0, to: rows, by: pieces) {
      bases.append(first * pitch)
      runs.append(
        (first..<min(first + pieces, rows)).map {
          Run(lane: ($0 - first) * width, count: columns, row: $0, column: 0)
        })
    }
  }

  /// One or more vectors to a row.
  private mutating func splitRows(_ rows: Int, _ columns: Int, _ pitch: Int, _ lanes: Int) {
    for row in 0..<rows {
      for column in stride(from: 0, to: columns, by: lanes) {
        bases.append(row * pitch + column)
        runs.append([
          Run(lane: 0, count: min(lanes, columns - column), row: row, column: column)
        ])
      }
    }
  }

  /// Vector after vector through the planes' rows.
  private mutating func cutStraight(_ rows: Int, _ columns: Int, _ pitch: Int, _ lanes: Int) {
    for first in stride(from: 0, to: (rows - 1) * pitch + columns, by: lanes) {
      bases.append(first)
      var kept: [Run] = []
      var position = first
      while position < first + lanes, position / pitch < rows {
        let (row, column) = (position / pitch, position % pitch)
        let count = min(columns - column, first + lanes - position)
        if count > 0 {
          kept.append(Run(lane: position - first, count: count, row: row, column: column))
        }
        position += pitch - column
      }
      runs.append(kept)
    }
  }
}

/// Positions and their segments in the form that the kernels read.
struct KernelPositions {
  let positions: ck_positions
  let firstSegments: UnsafePointer<Int32>
  let segments: UnsafePointer<ck_segment>
  let vectorCount: Int
  /// Whether the vectors, lane after lane, are the result as it lies in memory.
  let isDense: Bool

  /// `result` gives the place of a run's first element and the elements it becomes; `isScattered`
  /// asks it for every position by itself.
  init(
    _ layout: PositionLayout, _ store: ParameterStore, elementCount: Int, lanes: Int,
    isScattered: Bool = false, result: (PositionLayout.Run) -> (offset: Int, width: Int)
  ) {
    var first: [Int32] = [0]
    var segments: [ck_segment] = []
    for runs in layout.runs {
      let start = segments.count
      let runs = isScattered ? runs.flatMap(\.single) : runs
      for run in runs {
        let (offset, width) = result(run)
        // Runs that follow one another on both sides are one.
        if segments.count > start, let last = segments.last, last.width == Int64(last.count),
          !isScattered, width == run.count, Int(last.lane + last.count) == run.lane,
          Int(last.result + last.width) == offset
        {
          segments[segments.count - 1].count += Int32(run.count)
          segments[segments.count - 1].width += Int64(run.count)
        } else {
          segments.append(
            ck_segment(
              lane: Int32(run.lane), count: Int32(run.count), width: Int64(width),
              result: Int64(offset)))
        }
      }
      first.append(Int32(segments.count))
    }
    vectorCount = layout.bases.count
    isDense =
      vectorCount * lanes == elementCount && segments.count == vectorCount
      && segments.enumerated().allSatisfy { $1.count == lanes && $1.result == $0 * lanes }
    self.segments = store.store(segments)
    firstSegments = store.store(first)
    positions = ck_positions(
      count: Int64(vectorCount), bases: store.store(layout.bases.map(Int64.init)),
      pieces: Int64(layout.pieces), piece_step: Int64(layout.pieceStep))
  }
}
