#include <stdlib.h>

#include "internal.h"

/// The program of an executable, which it owns from now on.
static cpjrt_status adopt(
    const PJRT_Api *api, PJRT_LoadedExecutable *executable, cpjrt_program **program) {
    cpjrt_program *made = calloc(1, sizeof *made);
    cpjrt_status result = made ? cpjrt_success : cpjrt_failure(CPJRT_NO_MEMORY, NULL);
    PJRT_LoadedExecutable_GetExecutable_Args get = {
        .struct_size = PJRT_LoadedExecutable_GetExecutable_Args_STRUCT_SIZE,
        .loaded_executable = executable};
    PJRT_Executable_NumOutputs_Args outputs = {
        .struct_size = PJRT_Executable_NumOutputs_Args_STRUCT_SIZE};
    if (result.code == 0) {
        result = cpjrt_status_of(api, api->PJRT_LoadedExecutable_GetExecutable(&get));
    }
    if (result.code == 0) {
        outputs.executable = get.executable;
        result = cpjrt_status_of(api, api->PJRT_Executable_NumOutputs(&outputs));
        PJRT_Executable_Destroy_Args destroy = {
            .struct_size = PJRT_Executable_Destroy_Args_STRUCT_SIZE, .executable = get.executable};
        cpjrt_ignore(api, api->PJRT_Executable_Destroy(&destroy));
    }
    if (result.code != 0) {
        PJRT_LoadedExecutable_Destroy_Args destroy = {
            .struct_size = PJRT_LoadedExecutable_Destroy_Args_STRUCT_SIZE,
            .executable = executable};
        cpjrt_ignore(api, api->PJRT_LoadedExecutable_Destroy(&destroy));
        free(made);
        return result;
    }
    *made = (cpjrt_program){api, executable, outputs.num_outputs};
    *program = made;
    return cpjrt_success;
}

cpjrt_status cpjrt_compile(
    cpjrt_client *client, const char *text, size_t text_size, const uint8_t *options,
    size_t options_size, cpjrt_program **program) {
    PJRT_Program source = {
        .struct_size = PJRT_Program_STRUCT_SIZE,
        .code = (char *)text,
        .code_size = text_size,
        .format = "mlir",
        .format_size = 4};
    PJRT_Client_Compile_Args compile = {
        .struct_size = PJRT_Client_Compile_Args_STRUCT_SIZE,
        .client = client->client,
        .program = &source,
        .compile_options = (const char *)options,
        .compile_options_size = options_size};
    CPJRT_TRY(cpjrt_status_of(client->api, client->api->PJRT_Client_Compile(&compile)));
    return adopt(client->api, compile.executable, program);
}

void cpjrt_program_destroy(cpjrt_program *program) {
    if (!program) return;
    PJRT_LoadedExecutable_Destroy_Args destroy = {
        .struct_size = PJRT_LoadedExecutable_Destroy_Args_STRUCT_SIZE,
        .executable = program->executable};
    cpjrt_ignore(program->api, program->api->PJRT_LoadedExecutable_Destroy(&destroy));
    free(program);
}

size_t cpjrt_program_output_count(const cpjrt_program *program) { return program->output_count; }

/// The executable behind a loaded one; to be destroyed.
static cpjrt_status inner(const cpjrt_program *program, PJRT_Executable **executable) {
    PJRT_LoadedExecutable_GetExecutable_Args get = {
        .struct_size = PJRT_LoadedExecutable_GetExecutable_Args_STRUCT_SIZE,
        .loaded_executable = program->executable};
    CPJRT_TRY(cpjrt_status_of(program->api, program->api->PJRT_LoadedExecutable_GetExecutable(&get)));
    *executable = get.executable;
    return cpjrt_success;
}

static void destroy_inner(const cpjrt_program *program, PJRT_Executable *executable) {
    PJRT_Executable_Destroy_Args destroy = {
        .struct_size = PJRT_Executable_Destroy_Args_STRUCT_SIZE, .executable = executable};
    cpjrt_ignore(program->api, program->api->PJRT_Executable_Destroy(&destroy));
}

cpjrt_memory cpjrt_program_memory(const cpjrt_program *program) {
    const cpjrt_memory unknown = {-1, -1, -1};
    PJRT_Executable *executable = NULL;
    cpjrt_status got = inner(program, &executable);
    if (got.code != 0) {
        free(got.message);
        return unknown;
    }
    PJRT_Executable_GetCompiledMemoryStats_Args memory = {
        .struct_size = PJRT_Executable_GetCompiledMemoryStats_Args_STRUCT_SIZE,
        .executable = executable};
    PJRT_Error *error = program->api->PJRT_Executable_GetCompiledMemoryStats(&memory);
    destroy_inner(program, executable);
    if (error) {
        cpjrt_ignore(program->api, error);
        return unknown;
    }
    return (cpjrt_memory){
        memory.argument_size_in_bytes, memory.output_size_in_bytes, memory.temp_size_in_bytes};
}

cpjrt_status cpjrt_program_serialize(const cpjrt_program *program, uint8_t **bytes, size_t *size) {
    PJRT_Executable *executable = NULL;
    CPJRT_TRY(inner(program, &executable));
    PJRT_Executable_Serialize_Args serialize = {
        .struct_size = PJRT_Executable_Serialize_Args_STRUCT_SIZE, .executable = executable};
    cpjrt_status result =
        cpjrt_status_of(program->api, program->api->PJRT_Executable_Serialize(&serialize));
    if (result.code == 0) {
        *bytes = (uint8_t *)cpjrt_copied(serialize.serialized_bytes, serialize.serialized_bytes_size);
        *size = serialize.serialized_bytes_size;
        serialize.serialized_executable_deleter(serialize.serialized_executable);
        if (!*bytes) result = cpjrt_failure(CPJRT_NO_MEMORY, NULL);
    }
    destroy_inner(program, executable);
    return result;
}

cpjrt_status cpjrt_program_load(
    cpjrt_client *client, const uint8_t *bytes, size_t size, cpjrt_program **program) {
    PJRT_Executable_DeserializeAndLoad_Args load = {
        .struct_size = PJRT_Executable_DeserializeAndLoad_Args_STRUCT_SIZE,
        .client = client->client,
        .serialized_executable = (const char *)bytes,
        .serialized_executable_size = size};
    CPJRT_TRY(cpjrt_status_of(client->api, client->api->PJRT_Executable_DeserializeAndLoad(&load)));
    return adopt(client->api, load.loaded_executable, program);
}
