#include "services/gateway/webhook_info.h"

#include "libs/base/mem.h"
#include "libs/base/redact.h"
#include "libs/json/json_pick.h"

#include <stdio.h>
#include <time.h>

#define SHOWN_BYTES_MAX 1024

enum member {
    URL,
    CERTIFICATE,
    PENDING,
    CONNECTIONS,
    IP_ADDRESS,
    ERROR_DATE,
    ERROR_MESSAGE,
    SYNC_ERROR_DATE,
    ALLOWED_UPDATES,
    MEMBERS,
};

static const struct json_member WANTED[MEMBERS] = {
    [URL] = JSON_MEMBER("url", JSON_TEXT),
    [CERTIFICATE] = JSON_MEMBER("has_custom_certificate", JSON_ANY),
    [PENDING] = JSON_MEMBER("pending_update_count", JSON_INT64),
    [CONNECTIONS] = JSON_MEMBER("max_connections", JSON_INT64),
    [IP_ADDRESS] = JSON_MEMBER("ip_address", JSON_TEXT),
    [ERROR_DATE] = JSON_MEMBER("last_error_date", JSON_INT64),
    [ERROR_MESSAGE] = JSON_MEMBER("last_error_message", JSON_TEXT),
    [SYNC_ERROR_DATE] = JSON_MEMBER("last_synchronization_error_date", JSON_INT64),
    [ALLOWED_UPDATES] = JSON_MEMBER("allowed_updates", JSON_ANY),
};

static struct bytes text_or_empty(yyjson_val *value)
{
    if (value == NULL)
        return (struct bytes){0};
    return json_text(value);
}

static int64_t number_or_zero(yyjson_val *value)
{
    return value == NULL ? 0 : json_int64(value);
}

static bool are_texts(yyjson_val *array)
{
    if (!yyjson_is_arr(array))
        return false;
    yyjson_arr_iter all = yyjson_arr_iter_with(array);
    for (yyjson_val *each = yyjson_arr_iter_next(&all); each != NULL;
         each = yyjson_arr_iter_next(&all)) {
        if (!yyjson_is_str(each))
            return false;
    }
    return true;
}

bool webhook_info_read(yyjson_val *result, struct webhook_info *out, struct err *err)
{
    yyjson_val *found[MEMBERS];
    if (!json_pick(result, WANTED, MEMBERS, found) || found[URL] == NULL ||
        (found[ALLOWED_UPDATES] != NULL && !are_texts(found[ALLOWED_UPDATES])))
        return err_set(err, ERR_RETRY, "getWebhookInfo: not the result of this method");
    *out = (struct webhook_info){
        .url = json_text(found[URL]),
        .has_certificate = yyjson_is_true(found[CERTIFICATE]),
        .pending = number_or_zero(found[PENDING]),
        .max_connections = number_or_zero(found[CONNECTIONS]),
        .ip_address = text_or_empty(found[IP_ADDRESS]),
        .last_error_at = number_or_zero(found[ERROR_DATE]),
        .last_error = text_or_empty(found[ERROR_MESSAGE]),
        .last_sync_error_at = number_or_zero(found[SYNC_ERROR_DATE]),
        .allowed_updates = found[ALLOWED_UPDATES],
    };
    return true;
}

static void put(struct buf *out, const char *text)
{
    /* The answer that it was read from has a maximum, so this never fills up. */
    if (!buf_append(out, text, strlen(text)))
        mem_exhausted();
}

static void put_text(struct buf *out, const char *label, struct bytes text)
{
    char shown[SHOWN_BYTES_MAX];
    text = bytes_cut_utf8(text, sizeof(shown) - 1);
    memcpy(shown, text.data == NULL ? "" : text.data, text.len);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)shown[i] < ' ' || shown[i] == '\x7f')
            shown[i] = '?';
    shown[redact_tokens(shown, text.len)] = '\0';
    put(out, label);
    put(out, shown);
    put(out, "\n");
}

static void put_number(struct buf *out, const char *label, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    put_text(out, label, bytes_of_text(text));
}

static void put_time(struct buf *out, const char *label, int64_t unix_s)
{
    struct tm parts;
    char text[sizeof("YYYYYY-MM-DDTHH:MM:SSZ")] = "none";
    time_t moment = (time_t)unix_s;
    if (unix_s != 0 && (gmtime_r(&moment, &parts) == NULL ||
                        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0))
        (void)snprintf(text, sizeof(text), "at no time");
    put_text(out, label, bytes_of_text(text));
}

static void put_kinds(struct buf *out, yyjson_val *kinds)
{
    if (yyjson_arr_size(kinds) == 0) {
        put(out, "allowed updates: all but reactions and chat_member (Telegram's default)\n");
        return;
    }
    put_number(out, "allowed updates, kinds: ", (int64_t)yyjson_arr_size(kinds));
    yyjson_arr_iter all = yyjson_arr_iter_with(kinds);
    for (yyjson_val *each = yyjson_arr_iter_next(&all); each != NULL;
         each = yyjson_arr_iter_next(&all))
        put_text(out, "  ", (struct bytes){yyjson_get_str(each), yyjson_get_len(each)});
}

void webhook_info_show(const struct webhook_info *info, struct buf *out)
{
    if (info->url.len == 0)
        put(out, "webhook: none; updates wait for getUpdates (GATEWAY_MODE=polling)\n");
    else
        put_text(out, "webhook: ", info->url);
    put_number(out, "waiting updates: ", info->pending);
    if (info->url.len > 0) {
        put_number(out, "max connections: ", info->max_connections);
        put_text(out, "ip address: ", info->ip_address);
        put(out, info->has_certificate ? "own certificate: yes\n" : "own certificate: no\n");
    }
    put_kinds(out, info->allowed_updates);
    put_time(out, "last error: ", info->last_error_at);
    if (info->last_error_at != 0)
        put_text(out, "  ", info->last_error);
    if (info->last_sync_error_at != 0)
        put_time(out, "Telegram's own last failure to fetch updates: ", info->last_sync_error_at);
}
