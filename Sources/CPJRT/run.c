#include "internal.h"

cpjrt_status cpjrt_upload(
    cpjrt_client *client, const void *data, int32_t type, const int64_t *extents, size_t rank,
    cpjrt_buffer **buffer, cpjrt_event **done) {
    PJRT_Client_BufferFromHostBuffer_Args upload = {
        .struct_size = PJRT_Client_BufferFromHostBuffer_Args_STRUCT_SIZE,
        .client = client->client,
        .data = data,
        .type = (PJRT_Buffer_Type)type,
        .dims = extents,
        .num_dims = rank,
        .host_buffer_semantics = PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes,
        .device = client->device};
    CPJRT_TRY(cpjrt_status_of(client->api, client->api->PJRT_Client_BufferFromHostBuffer(&upload)));
    *buffer = (cpjrt_buffer *)upload.buffer;
    *done = (cpjrt_event *)upload.done_with_host_buffer;
    return cpjrt_success;
}

cpjrt_status cpjrt_execute(
    cpjrt_program *program, cpjrt_buffer *const *inputs, size_t input_count,
    cpjrt_buffer **outputs) {
    // No input gives its memory away, and none of the options are called for.
    PJRT_ExecuteOptions options = {.struct_size = PJRT_ExecuteOptions_STRUCT_SIZE};
    PJRT_Buffer *const *arguments = (PJRT_Buffer *const *)inputs;
    PJRT_Buffer **results = (PJRT_Buffer **)outputs;
    PJRT_LoadedExecutable_Execute_Args execute = {
        .struct_size = PJRT_LoadedExecutable_Execute_Args_STRUCT_SIZE,
        .executable = program->executable,
        .options = &options,
        .argument_lists = &arguments,
        .num_devices = 1,
        .num_args = input_count,
        .output_lists = &results};
    return cpjrt_status_of(program->api, program->api->PJRT_LoadedExecutable_Execute(&execute));
}

cpjrt_status cpjrt_download(
    cpjrt_client *client, cpjrt_buffer *buffer, size_t rank, void *data, size_t size,
    cpjrt_event **done) {
    if (rank > CPJRT_MAXIMUM_RANK) return cpjrt_failure(CPJRT_TOO_MANY_AXES, NULL);
    // Without a layout the data would come as the device has it, which need not be row-major.
    int64_t axes[CPJRT_MAXIMUM_RANK];
    for (size_t index = 0; index < rank; index++) axes[index] = (int64_t)(rank - 1 - index);
    PJRT_Buffer_MemoryLayout layout = {
        .struct_size = PJRT_Buffer_MemoryLayout_STRUCT_SIZE,
        .tiled =
            {.struct_size = PJRT_Buffer_MemoryLayout_Tiled_STRUCT_SIZE,
             .minor_to_major = axes,
             .minor_to_major_size = rank},
        .type = PJRT_Buffer_MemoryLayout_Type_Tiled};
    PJRT_Buffer_ToHostBuffer_Args download = {
        .struct_size = PJRT_Buffer_ToHostBuffer_Args_STRUCT_SIZE,
        .src = (PJRT_Buffer *)buffer,
        .host_layout = &layout,
        .dst = data,
        .dst_size = size};
    CPJRT_TRY(cpjrt_status_of(client->api, client->api->PJRT_Buffer_ToHostBuffer(&download)));
    *done = (cpjrt_event *)download.event;
    return cpjrt_success;
}

cpjrt_status cpjrt_await(cpjrt_client *client, cpjrt_event *event) {
    if (!event) return cpjrt_success;
    PJRT_Event_Await_Args await = {
        .struct_size = PJRT_Event_Await_Args_STRUCT_SIZE, .event = (PJRT_Event *)event};
    cpjrt_status result = cpjrt_status_of(client->api, client->api->PJRT_Event_Await(&await));
    PJRT_Event_Destroy_Args destroy = {
        .struct_size = PJRT_Event_Destroy_Args_STRUCT_SIZE, .event = (PJRT_Event *)event};
    cpjrt_ignore(client->api, client->api->PJRT_Event_Destroy(&destroy));
    return result;
}

void cpjrt_release(cpjrt_client *client, cpjrt_buffer *buffer) {
    if (!buffer) return;
    PJRT_Buffer_Destroy_Args destroy = {
        .struct_size = PJRT_Buffer_Destroy_Args_STRUCT_SIZE, .buffer = (PJRT_Buffer *)buffer};
    cpjrt_ignore(client->api, client->api->PJRT_Buffer_Destroy(&destroy));
}
