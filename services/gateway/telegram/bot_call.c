#include "services/gateway/telegram/bot_call.h"

#include "libs/base/mem.h"

#include <curl/curl.h>
#include <stdlib.h>

#define CONNECT_MS 10000L

static size_t on_answer(char *data, size_t size, size_t count, void *self)
{
    return buf_append(self, data, size * count) ? size * count : 0;
}

static void add_part(curl_mime *form, const struct bot_field *field)
{
    curl_mimepart *part = curl_mime_addpart(form);
    bool is_set = part != NULL && curl_mime_name(part, field->name) == CURLE_OK &&
                  curl_mime_data(part, field->value.data == NULL ? "" : field->value.data,
                                 field->value.len) == CURLE_OK &&
                  (!field->is_file || curl_mime_filename(part, field->name) == CURLE_OK);
    if (!is_set)
        mem_exhausted();
}

char *bot_call_url(const struct bot_call_target *target, const char *method)
{
    size_t base_len = strlen(target->base_url);
    while (base_len > 0 && target->base_url[base_len - 1] == '/')
        base_len--;
    struct buf url;
    buf_init(&url, base_len + strlen(target->token) + strlen(method) + sizeof("/bot/"));
    if (!buf_appendf(&url, "%.*s/bot%s/%s", (int)base_len, target->base_url, target->token, method))
        mem_exhausted();
    char *text = mem_text(url.data, url.len);
    buf_done(&url);
    return text;
}

static bool set_up(CURL *easy, const char *url, int64_t timeout_ms, struct buf *out_answer)
{
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, out_answer) == CURLE_OK;
}

static bool call(void *self, const struct bot_request *request, struct buf *out_answer,
                 struct err *err)
{
    const struct bot_call_target *target = self;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_FATAL, "libcurl cannot be used");
    CURL *easy = curl_easy_init();
    curl_mime *form = curl_mime_init(easy);
    char *url = bot_call_url(target, request->method);
    if (easy == NULL || form == NULL || !set_up(easy, url, target->timeout_ms, out_answer))
        mem_exhausted();
    for (size_t i = 0; i < request->field_count; i++)
        add_part(form, &request->fields[i]);
    CURLcode code = request->field_count > 0 ? curl_easy_setopt(easy, CURLOPT_MIMEPOST, form)
                                             : curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    if (code == CURLE_OK)
        code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    curl_mime_free(form);
    free(url);
    if (code != CURLE_OK)
        return err_set(err, ERR_RETRY, "the Bot API cannot be asked: %s", curl_easy_strerror(code));
    return true;
}

struct bot_port bot_call_port(struct bot_call_target *target)
{
    return (struct bot_port){.call = call, .self = target};
}
