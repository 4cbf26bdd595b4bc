#include <dlfcn.h>
#include <string.h>

#include "internal.h"

cpjrt_status cpjrt_load(const char *path, const cpjrt_plugin **plugin) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return cpjrt_failure(CPJRT_NOT_LOADED, dlerror());
    void *symbol = dlsym(library, "GetPjrtApi");
    if (!symbol) return cpjrt_failure(CPJRT_NO_PLUGIN, NULL);
    const PJRT_Api *(*get)(void);
    memcpy(&get, &symbol, sizeof get);
    const PJRT_Api *api = get();
    if (!api || api->struct_size < PJRT_STRUCT_SIZE(PJRT_Api, pjrt_api_version)) {
        return cpjrt_failure(CPJRT_NO_PLUGIN, NULL);
    }
    *plugin = (const cpjrt_plugin *)api;
    return cpjrt_success;
}

cpjrt_version cpjrt_plugin_version(const cpjrt_plugin *plugin) {
    const PJRT_Api_Version *version = &cpjrt_table(plugin)->pjrt_api_version;
    return (cpjrt_version){version->major_version, version->minor_version};
}

cpjrt_status cpjrt_plugin_initialize(const cpjrt_plugin *plugin) {
    const PJRT_Api *api = cpjrt_table(plugin);
    // The last of the functions that are called here; those before it are in the table too.
    if (api->struct_size < PJRT_STRUCT_SIZE(PJRT_Api, PJRT_Executable_GetCompiledMemoryStats)) {
        return cpjrt_failure(CPJRT_NO_PLUGIN, NULL);
    }
    PJRT_Plugin_Initialize_Args initialize = {
        .struct_size = PJRT_Plugin_Initialize_Args_STRUCT_SIZE};
    return cpjrt_status_of(api, api->PJRT_Plugin_Initialize(&initialize));
}

size_t cpjrt_plugin_numbers(
    const cpjrt_plugin *plugin, const char *name, int64_t *numbers, size_t capacity) {
    const PJRT_Api *api = cpjrt_table(plugin);
    PJRT_Plugin_Attributes_Args all = {.struct_size = PJRT_Plugin_Attributes_Args_STRUCT_SIZE};
    PJRT_Error *error = api->PJRT_Plugin_Attributes(&all);
    if (error) {
        cpjrt_ignore(api, error);
        return 0;
    }
    for (size_t index = 0; index < all.num_attributes; index++) {
        const PJRT_NamedValue *value = &all.attributes[index];
        if (value->name_size != strlen(name) || memcmp(value->name, name, value->name_size) != 0) {
            continue;
        }
        size_t count = value->value_size < capacity ? value->value_size : capacity;
        if (value->type == PJRT_NamedValue_kInt64 && capacity > 0) {
            numbers[0] = value->int64_value;
            return 1;
        }
        if (value->type != PJRT_NamedValue_kInt64List) return 0;
        memcpy(numbers, value->int64_array_value, count * sizeof *numbers);
        return count;
    }
    return 0;
}
