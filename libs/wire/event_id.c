#include "libs/wire/event_id.h"

#include "libs/base/mem.h"
#include "libs/wire/decimal.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define LEAD_LEN 8
#define NUMBERS_LEN 160 /* more than the fixed texts and numbers of any form need */

/* The lines to hash, joined by LF. */
struct lines {
    char *text;
    size_t len;
    size_t capacity;
    char small[512];
};

static void lines_init(struct lines *lines, size_t foreign_len)
{
    lines->capacity = foreign_len + NUMBERS_LEN;
    lines->len = 0;
    lines->text =
        lines->capacity <= sizeof(lines->small) ? lines->small : mem_alloc(lines->capacity);
}

static void lines_add(struct lines *lines, struct bytes line)
{
    assert(lines->len + line.len + 1 <= lines->capacity);
    if (lines->len > 0)
        lines->text[lines->len++] = '\n';
    if (line.len > 0)
        memcpy(lines->text + lines->len, line.data, line.len);
    lines->len += line.len;
}

static void lines_add_number(struct lines *lines, int64_t number)
{
    char text[DECIMAL_MAX];
    lines_add(lines, (struct bytes){text, decimal_write(number, text)});
}

static void lines_start(struct lines *lines, const struct event *event, const char *form)
{
    lines_add(lines, BYTES_LITERAL("telefact"));
    lines_add_number(lines, event->bot_id);
    if (form != NULL)
        lines_add(lines, bytes_of_text(form));
    lines_add(lines, bytes_of_text(event_kind_name(event->kind)));
}

static void lines_digest(struct lines *lines, uint8_t out[32])
{
    if (EVP_Digest(lines->text, lines->len, out, NULL, EVP_sha256(), NULL) != 1)
        mem_exhausted(); /* the only failure of a digest that every build of OpenSSL has */
    if (lines->text != lines->small)
        free(lines->text);
}

static void put_big_endian(int64_t number, uint8_t out[LEAD_LEN])
{
    for (size_t i = 0; i < LEAD_LEN; i++)
        out[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
}

void event_id_of_update(const struct event *event, struct bytes natural_id, int64_t date,
                        uint8_t out[EVENT_ID_LEN])
{
    struct lines lines;
    uint8_t hash[32];
    lines_init(&lines, natural_id.len);
    lines_start(&lines, event, NULL);
    lines_add_number(&lines, event->ordinal);
    lines_add(&lines, natural_id);
    lines_add_number(&lines, date);
    lines_digest(&lines, hash);
    put_big_endian(event->update_id, out);
    memcpy(out + LEAD_LEN, hash, LEAD_LEN);
}

static bool get_hex_digit(char digit, uint8_t *out)
{
    if (digit >= '0' && digit <= '9')
        *out = (uint8_t)(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
        *out = (uint8_t)(digit - 'a' + 10);
    else
        return false;
    return true;
}

void event_id_of_key(const struct event *event, struct bytes key, uint8_t out[EVENT_ID_LEN])
{
    struct lines lines;
    uint8_t hash[32];
    uint8_t uuid[16];
    lines_init(&lines, key.len);
    lines_start(&lines, event, "publish");
    lines_add_number(&lines, event->subject_id);
    lines_add(&lines, key);
    lines_digest(&lines, hash);
    memcpy(out, hash, EVENT_ID_LEN);
    if (event_id_get_uuid7(key, uuid))
        memcpy(out, uuid, LEAD_LEN);
}

void event_id_of_row(const struct event *event, const struct event_import_row *row,
                     uint8_t out[EVENT_ID_LEN])
{
    struct lines lines;
    uint8_t hash[32];
    lines_init(&lines, row->source.len + row->table.len + row->primary_key.len);
    lines_start(&lines, event, "import");
    lines_add_number(&lines, event->ordinal);
    lines_add(&lines, row->source);
    lines_add(&lines, row->table);
    lines_add(&lines, row->primary_key);
    lines_digest(&lines, hash);
    put_big_endian(row->time_ms, out);
    memcpy(out + LEAD_LEN, hash, LEAD_LEN);
}

void event_id_of_command(const struct event *event, int32_t partition, const uint8_t uuid[16],
                         uint8_t out[EVENT_ID_LEN])
{
    struct lines lines;
    uint8_t hash[32];
    char shown[37];
    event_id_show(uuid, shown);
    lines_init(&lines, sizeof(shown));
    lines_start(&lines, event, "command");
    lines_add_number(&lines, event->subject_id);
    lines_add_number(&lines, partition);
    lines_add(&lines, bytes_of_text(shown));
    lines_digest(&lines, hash);
    memcpy(out, uuid, LEAD_LEN);
    memcpy(out + LEAD_LEN, hash + LEAD_LEN, LEAD_LEN);
}

/* Of version 7 and the RFC's variant only. */
bool event_id_get_uuid7(struct bytes text, uint8_t out[16])
{
    static const char shape[] = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx";
    if (text.len != sizeof(shape) - 1)
        return false;
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit;
        if (shape[i] == '-' && text.data[i] == '-')
            continue;
        if (shape[i] == '-' || !get_hex_digit(text.data[i], &digit))
            return false;
        if ((shape[i] == '7' && digit != 7) || (shape[i] == 'v' && (digit & 0xc) != 0x8))
            return false;
        out[digits / 2] = (uint8_t)(digits % 2 == 0 ? digit << 4 : out[digits / 2] | digit);
        digits++;
    }
    return true;
}

void event_id_show(const uint8_t id[EVENT_ID_LEN], char out[37])
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (size_t i = 0; i < EVENT_ID_LEN; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[id[i] >> 4];
        *at++ = digits[id[i] & 0xf];
    }
    *at = '\0';
}
