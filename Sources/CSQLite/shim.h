#include <sqlite3.h>

/// Binds a copy of a text to a statement's parameter.
static inline int gradleak_bind_text(sqlite3_stmt *statement, int index, const char *text, int count) {
  return sqlite3_bind_text(statement, index, text, count, SQLITE_TRANSIENT);
}
