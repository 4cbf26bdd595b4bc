// Counts the allocations of the calling thread, for tests that must see none.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

// Allocations the calling thread has made so far; -1 where the C library cannot be asked.
int64_t allocation_count(void);

#endif
