#include <png.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// What a PNG file's header says, and why it could not be read.
struct gradleak_png {
  uint32_t width;
  uint32_t height;
  int bit_depth;
  int color_type;
  char message[160];
};

struct gradleak_png_source {
  const uint8_t *next;
  size_t left;
  struct gradleak_png *info;
};

static void gradleak_png_take(png_structp png, png_bytep target, size_t count) {
  struct gradleak_png_source *source = (struct gradleak_png_source *)png_get_io_ptr(png);
  if (source->left < count) png_error(png, "the file ends early");
  memcpy(target, source->next, count);
  source->next += count;
  source->left -= count;
}

static void gradleak_png_fail(png_structp png, png_const_charp message) {
  struct gradleak_png *info = (struct gradleak_png *)png_get_error_ptr(png);
  strncpy(info->message, message, sizeof info->message - 1);
  png_longjmp(png, 1);
}

static void gradleak_png_warn(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

/// Reads the stored samples of a PNG file: no gamma, no profile, transparency left out, the high byte of 16
/// bits. 3 bytes for each pixel; of 16-bit grey 2, the sample in big-endian order.
///
/// With `keeps_indices` one byte for each pixel of a palette or of grey up to 8 bits: the index or sample itself.
///
/// With `pixels` null only the header is read. Nonlocal jumps stay in here. Returns 1, or 0 with a message.
static inline int gradleak_png_read(
    const uint8_t *bytes, size_t count, struct gradleak_png *info, int keeps_indices,
    uint8_t *pixels) {
  struct gradleak_png_source source = {bytes, count, info};
  memset(info, 0, sizeof *info);
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, info, gradleak_png_fail, gradleak_png_warn);
  if (png == NULL) return 0;
  png_infop header = png_create_info_struct(png);
  if (header == NULL) {
    png_destroy_read_struct(&png, NULL, NULL);
    return 0;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &header, NULL);
    return 0;
  }
  png_set_read_fn(png, &source, gradleak_png_take);
  // Only what the samples need is kept: no profiles and texts that unpack to large ones.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_read_info(png, header);
  info->width = png_get_image_width(png, header);
  info->height = png_get_image_height(png, header);
  info->bit_depth = png_get_bit_depth(png, header);
  info->color_type = png_get_color_type(png, header);
  if (pixels != NULL) {
    int keeps_16_bits = info->bit_depth == 16 && info->color_type == PNG_COLOR_TYPE_GRAY;
    if (keeps_indices) {
      png_set_packing(png);
    } else if (!keeps_16_bits) {
      png_set_strip_16(png);
      if (info->color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
      if (info->color_type == PNG_COLOR_TYPE_GRAY && info->bit_depth < 8)
        png_set_expand_gray_1_2_4_to_8(png);
      png_set_strip_alpha(png);
      if (!(info->color_type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    }
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, header);
    size_t stride = (size_t)info->width * (keeps_indices ? 1 : keeps_16_bits ? 2 : 3);
    if (png_get_rowbytes(png, header) != stride) png_error(png, "rows of an unexpected length");
    for (int pass = 0; pass < passes; pass++)
      for (uint32_t row = 0; row < info->height; row++)
        png_read_row(png, pixels + row * stride, NULL);
  }
  png_destroy_read_struct(&png, &header, NULL);
  return 1;
}
