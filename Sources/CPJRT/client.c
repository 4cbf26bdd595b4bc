#include <stdlib.h>
#include <string.h>

#include "internal.h"

cpjrt_status cpjrt_client_create(
    const cpjrt_plugin *plugin, const cpjrt_setting *settings, size_t count, cpjrt_client **client) {
    const PJRT_Api *api = cpjrt_table(plugin);
    PJRT_NamedValue *values = calloc(count + 1, sizeof *values);
    cpjrt_client *made = calloc(1, sizeof *made);
    if (!values || !made) {
        free(values);
        free(made);
        return cpjrt_failure(CPJRT_NO_MEMORY, NULL);
    }
    for (size_t index = 0; index < count; index++) {
        PJRT_NamedValue *value = &values[index];
        value->struct_size = PJRT_NamedValue_STRUCT_SIZE;
        value->name = settings[index].name;
        value->name_size = strlen(settings[index].name);
        value->value_size = 1;
        if (settings[index].is_flag) {
            value->type = PJRT_NamedValue_kBool;
            value->bool_value = settings[index].value != 0;
        } else {
            value->type = PJRT_NamedValue_kInt64;
            value->int64_value = settings[index].value;
        }
    }
    PJRT_Client_Create_Args create = {
        .struct_size = PJRT_Client_Create_Args_STRUCT_SIZE,
        .create_options = values,
        .num_options = count};
    cpjrt_status result = cpjrt_status_of(api, api->PJRT_Client_Create(&create));
    free(values);
    if (result.code != 0) {
        free(made);
        return result;
    }
    made->api = api;
    made->client = create.client;
    PJRT_Client_AddressableDevices_Args devices = {
        .struct_size = PJRT_Client_AddressableDevices_Args_STRUCT_SIZE, .client = create.client};
    result = cpjrt_status_of(api, api->PJRT_Client_AddressableDevices(&devices));
    if (result.code == 0 && devices.num_addressable_devices == 0) {
        result = cpjrt_failure(CPJRT_NO_DEVICE, NULL);
    }
    if (result.code != 0) {
        cpjrt_client_destroy(made);
        return result;
    }
    made->device = devices.addressable_devices[0];
    made->device_count = devices.num_addressable_devices;
    *client = made;
    return cpjrt_success;
}

void cpjrt_client_destroy(cpjrt_client *client) {
    if (!client) return;
    PJRT_Client_Destroy_Args destroy = {
        .struct_size = PJRT_Client_Destroy_Args_STRUCT_SIZE, .client = client->client};
    cpjrt_ignore(client->api, client->api->PJRT_Client_Destroy(&destroy));
    free(client);
}

cpjrt_text cpjrt_client_platform(const cpjrt_client *client) {
    PJRT_Client_PlatformName_Args name = {
        .struct_size = PJRT_Client_PlatformName_Args_STRUCT_SIZE, .client = client->client};
    cpjrt_ignore(client->api, client->api->PJRT_Client_PlatformName(&name));
    return (cpjrt_text){name.platform_name, name.platform_name_size};
}

cpjrt_text cpjrt_client_platform_version(const cpjrt_client *client) {
    PJRT_Client_PlatformVersion_Args version = {
        .struct_size = PJRT_Client_PlatformVersion_Args_STRUCT_SIZE, .client = client->client};
    cpjrt_ignore(client->api, client->api->PJRT_Client_PlatformVersion(&version));
    return (cpjrt_text){version.platform_version, version.platform_version_size};
}

size_t cpjrt_client_device_count(const cpjrt_client *client) { return client->device_count; }

cpjrt_text cpjrt_client_device_kind(const cpjrt_client *client) {
    const PJRT_Api *api = client->api;
    PJRT_Device_GetDescription_Args device = {
        .struct_size = PJRT_Device_GetDescription_Args_STRUCT_SIZE, .device = client->device};
    cpjrt_ignore(api, api->PJRT_Device_GetDescription(&device));
    PJRT_DeviceDescription_Kind_Args kind = {
        .struct_size = PJRT_DeviceDescription_Kind_Args_STRUCT_SIZE,
        .device_description = device.device_description};
    if (kind.device_description) cpjrt_ignore(api, api->PJRT_DeviceDescription_Kind(&kind));
    return (cpjrt_text){kind.device_kind, kind.device_kind_size};
}

int64_t cpjrt_client_memory(const cpjrt_client *client) {
    PJRT_Device_MemoryStats_Args memory = {
        .struct_size = PJRT_Device_MemoryStats_Args_STRUCT_SIZE, .device = client->device};
    PJRT_Error *error = client->api->PJRT_Device_MemoryStats(&memory);
    if (!error && memory.bytes_limit_is_set) return memory.bytes_limit;
    cpjrt_ignore(client->api, error);
    return -1;
}
