import CSQLite

/// A connection to a SQLite file, closed at the end of its life.
struct SQLiteDatabase: ~Copyable {
  /// A value of a statement's parameter.
  enum Value {
    case text(String)
    case number(Double)
  }

  /// The row that a statement is at; columns count from 0.
  struct Row {
    fileprivate let statement: OpaquePointer

    func text(_ column: Int32) -> String {
      let count = Int(sqlite3_column_bytes(statement, column))
      return String(
        decoding: UnsafeBufferPointer(start: sqlite3_column_text(statement, column), count: count),
        as: UTF8.self)
    }

    func number(_ column: Int32) -> Double { sqlite3_column_double(statement, column) }

    func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(statement, column)) }
  }

  private let handle: OpaquePointer

  /// Opens a file, or makes an empty one. Locks of other programs are waited for, half a minute each.
  init(path: String) throws(SQLiteError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let opened else {
      let error = SQLiteError(code, opened)
      sqlite3_close_v2(opened)
      throw error
    }
    sqlite3_busy_timeout(opened, 30_000)
    handle = opened
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs statements that give no rows.
  func execute(_ statements: String) throws(SQLiteError) {
    let code = sqlite3_exec(handle, statements, nil, nil, nil)
    guard code == SQLITE_OK else { throw SQLiteError(code, handle) }
  }

  /// Runs one statement to its end.
  func run(
    _ sql: String, _ values: [Value] = [], forEachRow take: (Row) throws -> Void = { _ in }
  ) throws {
    var prepared: OpaquePointer?
    try check(sqlite3_prepare_v2(handle, sql, -1, &prepared, nil))
    guard let statement = prepared else { return }
    defer { sqlite3_finalize(statement) }
    for (index, value) in values.enumerated() {
      let place = Int32(index + 1)
      switch value {
      case .text(let text):
        try check(gradleak_bind_text(statement, place, text, Int32(text.utf8.count)))
      case .number(let number): try check(sqlite3_bind_double(statement, place, number))
      }
    }
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: try take(Row(statement: statement))
      case SQLITE_DONE: return
      case let code: throw SQLiteError(code, handle)
      }
    }
  }

  /// The first column of the first row; nil when there is none.
  func first<Result>(_ sql: String, _ column: (Row) -> Result) throws -> Result? {
    var result: Result?
    try run(sql) { row in if result == nil { result = column(row) } }
    return result
  }

  private func check(_ code: Int32) throws(SQLiteError) {
    guard code == SQLITE_OK else { throw SQLiteError(code, handle) }
  }
}

/// What SQLite refused.
struct SQLiteError: Error {
  /// One of SQLite's primary result codes.
  let code: Int32
  let message: String

  fileprivate init(_ code: Int32, _ handle: OpaquePointer?) {
    self.code = code & 0xFF
    message = handle.flatMap(sqlite3_errmsg).map { String(cString: $0) } ?? "result \(code)"
  }
}
