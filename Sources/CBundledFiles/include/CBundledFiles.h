#ifndef GRADLEAK_CBUNDLEDFILES_H
#define GRADLEAK_CBUNDLEDFILES_H

#include <stddef.h>

/// The bytes of a file that the program carries, by its path in this target's folder, and their number; NULL
/// when there is none.
const unsigned char *gradleak_bundled_file(const char *path, size_t *count);

/// The path of the file of this number, from 0; NULL when there are fewer.
const char *gradleak_bundled_path(size_t index);

#endif
