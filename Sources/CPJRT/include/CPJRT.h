#ifndef GRADLEAK_CPJRT_H
#define GRADLEAK_CPJRT_H

#include <stddef.h>
#include <stdint.h>

// A client of XLA's plugins: the calls of the PJRT C API that gradleak makes, without their argument
// structures. A plugin is a shared library that is opened when the program runs; nothing is linked.
//
// A client may be used by several threads at a time. What a client made must be released before it.

// Reasons for a failure that are not the plugin's own.

/// The file cannot be loaded as a shared library.
static const int32_t CPJRT_NOT_LOADED = -1;
/// A library without, or with a damaged, table of PJRT's functions.
static const int32_t CPJRT_NO_PLUGIN = -2;
/// The client has no device.
static const int32_t CPJRT_NO_DEVICE = -3;
/// This machine has no memory left.
static const int32_t CPJRT_NO_MEMORY = -4;
/// More axes than a layout has room for.
static const int32_t CPJRT_TOO_MANY_AXES = -5;

/// Most axes of a tensor.
enum { CPJRT_MAXIMUM_RANK = 64 };

/// How a call ended: `code` is 0 for success, negative as above, or else the plugin's, of absl::StatusCode (3 a
/// bad argument, 8 memory exhausted, 9 nothing to run on, 12 not implemented). `message` is the caller's to
/// free; NULL for none.
typedef struct {
    int32_t code;
    char *message;
} cpjrt_status;

/// Text that lives as long as what it was asked of.
typedef struct {
    const char *start;
    size_t count;
} cpjrt_text;

typedef struct {
    int32_t major;
    int32_t minor;
} cpjrt_version;

typedef struct cpjrt_plugin cpjrt_plugin;
typedef struct cpjrt_client cpjrt_client;
typedef struct cpjrt_program cpjrt_program;
typedef struct cpjrt_buffer cpjrt_buffer;
typedef struct cpjrt_event cpjrt_event;

/// Opens the library at a path. It is never closed: its registries live as long as the process.
cpjrt_status cpjrt_load(const char *path, const cpjrt_plugin **plugin);
/// Of the C API that the plugin was built with; the one thing to ask before it is initialised.
cpjrt_version cpjrt_plugin_version(const cpjrt_plugin *plugin);
/// Once for each plugin, before all that follows.
cpjrt_status cpjrt_plugin_initialize(const cpjrt_plugin *plugin);
/// The numbers of an attribute such as "stablehlo_current_version": at most `capacity` of them. Returns how
/// many; 0 where there is no such attribute.
size_t cpjrt_plugin_numbers(
    const cpjrt_plugin *plugin, const char *name, int64_t *numbers, size_t capacity);

/// A setting of a client: a number, or where `is_flag` a flag.
typedef struct {
    const char *name;
    int64_t value;
    int32_t is_flag;
} cpjrt_setting;

/// A client on the first of the plugin's devices.
cpjrt_status cpjrt_client_create(
    const cpjrt_plugin *plugin, const cpjrt_setting *settings, size_t count, cpjrt_client **client);
void cpjrt_client_destroy(cpjrt_client *client);
/// Such as "cpu" and "cuda".
cpjrt_text cpjrt_client_platform(const cpjrt_client *client);
cpjrt_text cpjrt_client_platform_version(const cpjrt_client *client);
/// Devices that the client could use.
size_t cpjrt_client_device_count(const cpjrt_client *client);
/// The device's name.
cpjrt_text cpjrt_client_device_kind(const cpjrt_client *client);
/// Bytes of memory that programs can have on the device; -1 where it does not say.
int64_t cpjrt_client_memory(const cpjrt_client *client);

/// Compiles StableHLO text, with a serialized xla.CompileOptionsProto.
cpjrt_status cpjrt_compile(
    cpjrt_client *client, const char *text, size_t text_size, const uint8_t *options,
    size_t options_size, cpjrt_program **program);
void cpjrt_program_destroy(cpjrt_program *program);
size_t cpjrt_program_output_count(const cpjrt_program *program);

/// Bytes that a program takes on its device.
typedef struct {
    int64_t arguments;
    int64_t outputs;
    int64_t temporaries;
} cpjrt_memory;

/// All -1 where the plugin does not say.
cpjrt_memory cpjrt_program_memory(const cpjrt_program *program);

/// A program in the plugin's own form, malloc'ed.
cpjrt_status cpjrt_program_serialize(const cpjrt_program *program, uint8_t **bytes, size_t *size);
/// A program from what the same version of the same plugin has serialized.
cpjrt_status cpjrt_program_load(
    cpjrt_client *client, const uint8_t *bytes, size_t size, cpjrt_program **program);

/// Begins to copy a row-major tensor to the device; `type` is a PJRT_Buffer_Type. `data` must stay as it is
/// until `done` was awaited.
cpjrt_status cpjrt_upload(
    cpjrt_client *client, const void *data, int32_t type, const int64_t *extents, size_t rank,
    cpjrt_buffer **buffer, cpjrt_event **done);
/// Begins to run a program. `outputs` has room for its count of them.
cpjrt_status cpjrt_execute(
    cpjrt_program *program, cpjrt_buffer *const *inputs, size_t input_count, cpjrt_buffer **outputs);
/// Begins to copy a buffer of a known rank to this machine, row-major. `data` is whole when `done` was awaited.
cpjrt_status cpjrt_download(
    cpjrt_client *client, cpjrt_buffer *buffer, size_t rank, void *data, size_t size,
    cpjrt_event **done);
/// Waits for what was begun, and releases the event. Of NULL nothing.
cpjrt_status cpjrt_await(cpjrt_client *client, cpjrt_event *event);
/// Of NULL nothing.
void cpjrt_release(cpjrt_client *client, cpjrt_buffer *buffer);

#endif
