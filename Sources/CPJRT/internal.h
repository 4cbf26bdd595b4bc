#ifndef GRADLEAK_CPJRT_INTERNAL_H
#define GRADLEAK_CPJRT_INTERNAL_H

#include "CPJRT.h"
#include "pjrt_c_api.h"

// A plugin is its table of functions; a buffer and an event are the plugin's own.
struct cpjrt_client {
    const PJRT_Api *api;
    PJRT_Client *client;
    PJRT_Device *device;
    size_t device_count;
};

struct cpjrt_program {
    const PJRT_Api *api;
    PJRT_LoadedExecutable *executable;
    size_t output_count;
};

static inline const PJRT_Api *cpjrt_table(const cpjrt_plugin *plugin) {
    return (const PJRT_Api *)plugin;
}

static const cpjrt_status cpjrt_success = {0, NULL};

/// A copy with a zero behind it, malloc'ed; NULL without memory.
char *cpjrt_copied(const char *start, size_t count);
cpjrt_status cpjrt_failure(int32_t code, const char *message);
/// The status of an error of the plugin's, which is released; success for none.
cpjrt_status cpjrt_status_of(const PJRT_Api *api, PJRT_Error *error);
/// Releases an error that there is nothing to do about.
void cpjrt_ignore(const PJRT_Api *api, PJRT_Error *error);

#define CPJRT_TRY(call)                        \
    do {                                       \
        cpjrt_status tried = (call);           \
        if (tried.code != 0) return tried;     \
    } while (0)

#endif
