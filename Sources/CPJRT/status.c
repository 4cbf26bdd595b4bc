#include <stdlib.h>
#include <string.h>

#include "internal.h"

char *cpjrt_copied(const char *start, size_t count) {
    char *text = malloc(count + 1);
    if (!text) return NULL;
    if (count) memcpy(text, start, count);
    text[count] = 0;
    return text;
}

cpjrt_status cpjrt_failure(int32_t code, const char *message) {
    return (cpjrt_status){code, message ? cpjrt_copied(message, strlen(message)) : NULL};
}

cpjrt_status cpjrt_status_of(const PJRT_Api *api, PJRT_Error *error) {
    if (!error) return cpjrt_success;
    PJRT_Error_GetCode_Args code = {
        .struct_size = PJRT_Error_GetCode_Args_STRUCT_SIZE, .error = error};
    PJRT_Error *nested = api->PJRT_Error_GetCode(&code);
    PJRT_Error_Message_Args message = {
        .struct_size = PJRT_Error_Message_Args_STRUCT_SIZE, .error = error};
    api->PJRT_Error_Message(&message);
    cpjrt_status result = {
        nested || (int32_t)code.code <= 0 ? 2 : (int32_t)code.code,
        cpjrt_copied(message.message, message.message_size)};
    PJRT_Error_Destroy_Args destroy = {
        .struct_size = PJRT_Error_Destroy_Args_STRUCT_SIZE, .error = error};
    api->PJRT_Error_Destroy(&destroy);
    if (nested) {
        destroy.error = nested;
        api->PJRT_Error_Destroy(&destroy);
    }
    return result;
}

void cpjrt_ignore(const PJRT_Api *api, PJRT_Error *error) { free(cpjrt_status_of(api, error).message); }
