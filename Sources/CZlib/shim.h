#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

/// How unpacking ended.
enum {
  /// The data ended within the room; `written` says where.
  GRADLEAK_INFLATE_ENDED = 0,
  /// The room is full, and there is more.
  GRADLEAK_INFLATE_FULL = 1,
  /// The data is damaged or ends early, which makes no progress and is an error of zlib.
  GRADLEAK_INFLATE_DAMAGED = 2,
};

/// How deflated data is wrapped, in zlib's numbers.
enum {
  GRADLEAK_RAW_DEFLATE = -MAX_WBITS,
  GRADLEAK_GZIP = MAX_WBITS + 16,
};

/// Unpacks deflated data into `room` bytes at most.
static inline int gradleak_inflate(
    int wrapping, const uint8_t *data, size_t count, uint8_t *target, size_t room, size_t *written) {
  *written = 0;
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (inflateInit2(&stream, wrapping) != Z_OK) return GRADLEAK_INFLATE_DAMAGED;
  // Its counts have 32 bits.
  const size_t most = 1u << 30;
  // Past the room, to see whether more follows.
  uint8_t beyond;
  size_t used = 0;
  int status = Z_OK;
  int is_full = 0;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      size_t part = count - used < most ? count - used : most;
      stream.next_in = (z_const Bytef *)(uintptr_t)(data + used);
      stream.avail_in = (uInt)part;
      used += part;
    }
    size_t left = room - *written;
    is_full = left == 0;
    uInt space = is_full ? 1 : (uInt)(left < most ? left : most);
    stream.next_out = is_full ? &beyond : target + *written;
    stream.avail_out = space;
    status = inflate(&stream, Z_NO_FLUSH);
    size_t made = space - stream.avail_out;
    if (is_full && made > 0) {
      inflateEnd(&stream);
      return GRADLEAK_INFLATE_FULL;
    }
    if (!is_full) *written += made;
  }
  inflateEnd(&stream);
  return status == Z_STREAM_END ? GRADLEAK_INFLATE_ENDED : GRADLEAK_INFLATE_DAMAGED;
}

/// The CRC-32 of ZIP entries.
static inline uint32_t gradleak_crc32(const uint8_t *data, size_t count) {
  return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, count);
}
