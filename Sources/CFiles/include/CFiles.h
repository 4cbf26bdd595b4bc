#ifndef GRADLEAK_CFILES_H
#define GRADLEAK_CFILES_H

/// Swaps two paths of one file system at once. Returns 0, or -1 with errno: ENOSYS, EINVAL or ENOTSUP where
/// the system or the file system cannot.
int gradleak_exchange(const char *first, const char *second);

#endif
