// Swift sees neither renameat2, a GNU extension, nor syscall, which takes any number of arguments.
#define _GNU_SOURCE
#include "CFiles.h"

#include <errno.h>

#if defined(__linux__)
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int gradleak_exchange(const char *first, const char *second) {
#ifdef SYS_renameat2
    const unsigned exchange = 2; // RENAME_EXCHANGE
    return (int)syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, exchange);
#else
    errno = ENOSYS;
    return -1;
#endif
}
#elif defined(__APPLE__)
#include <stdio.h>

int gradleak_exchange(const char *first, const char *second) {
    return renamex_np(first, second, RENAME_SWAP);
}
#else
int gradleak_exchange(const char *first, const char *second) {
    errno = ENOSYS;
    return -1;
}
#endif
