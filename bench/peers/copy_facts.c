/*
 * copy_facts: the floor of the drain bench: bare COPY of facts that are already rows in memory.
 *
 *   copy_facts CONNINFO FILE BATCH
 *
 * Reads FILE (bench/drain_topic.py) whole, then copies its rows into g1.videos in binary, BATCH
 * rows a transaction, on one connection, each batch sorted by event id (the order that suits the
 * index best). No offsets, no counters.
 */
#include <endian.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (1 << 20)

struct __attribute__((packed)) row_head {
    uint8_t event_id[16];
    int64_t pk_id;
    int64_t user_id;
    int64_t downloaded_at;
    int64_t unused;
    uint8_t is_images, is_processed, is_inline, platform;
    uint16_t link_len;
};

static char out[CHUNK + 4096];
static size_t out_len;

static void fail(const char *what, PGconn *conn)
{
    (void)fprintf(stderr, "copy_facts: %s: %s\n", what, conn == NULL ? "" : PQerrorMessage(conn));
    exit(1);
}

static void put(const void *data, size_t len)
{
    memcpy(out + out_len, data, len);
    out_len += len;
}

static void put_length(uint32_t len)
{
    uint32_t big = htobe32(len);
    put(&big, sizeof(big));
}

static void put_int64(int64_t value)
{
    uint64_t big = htobe64((uint64_t)value);
    put_length(8);
    put(&big, sizeof(big));
}

static void put_bool(uint8_t value)
{
    put_length(1);
    put(&value, 1);
}

static void put_row(const struct row_head *row)
{
    uint16_t columns = htobe16(10);
    uint16_t platform = htobe16(row->platform);
    put(&columns, sizeof(columns));
    put_length(16);
    put(row->event_id, 16);
    put_int64(row->pk_id);
    put_int64(row->user_id);
    put_int64(row->downloaded_at);
    put_length(row->link_len);
    put(row + 1, row->link_len);
    put_bool(row->is_images);
    put_bool(row->is_processed);
    put_bool(row->is_inline);
    put_length(2);
    put(&platform, sizeof(platform));
    put_length(UINT32_MAX); /* platform_video_id: NULL */
}

static int by_event_id(const void *a, const void *b)
{
    const struct row_head *const *left = a;
    const struct row_head *const *right = b;
    return memcmp((*left)->event_id, (*right)->event_id, 16);
}

static void run(PGconn *conn, const char *sql, ExecStatusType wanted)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != wanted)
        fail(sql, conn);
    PQclear(result);
}

static void send_chunk(PGconn *conn)
{
    if (PQputCopyData(conn, out, (int)out_len) != 1)
        fail("send", conn);
    out_len = 0;
}

static void copy_batch(PGconn *conn, const struct row_head **rows, size_t count)
{
    static const char HEADER[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    qsort(rows, count, sizeof(*rows), by_event_id);
    run(conn, "BEGIN", PGRES_COMMAND_OK);
    run(conn, "COPY g1.videos FROM STDIN (FORMAT binary)", PGRES_COPY_IN);
    put(HEADER, 19);
    for (size_t i = 0; i < count; i++) {
        put_row(rows[i]);
        if (out_len >= CHUNK)
            send_chunk(conn);
    }
    put("\377\377", 2);
    send_chunk(conn);
    if (PQputCopyEnd(conn, NULL) != 1)
        fail("end", conn);
    PGresult *result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail("copy", conn);
    PQclear(result);
    PQclear(PQgetResult(conn));
    run(conn, "COMMIT", PGRES_COMMAND_OK);
}

static char *read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail(path, NULL);
    long size = ftell(file);
    char *data = malloc((size_t)size + 1);
    rewind(file);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        fail(path, NULL);
    (void)fclose(file);
    *out_size = (size_t)size;
    return data;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fputs("usage: copy_facts CONNINFO FILE BATCH\n", stderr);
        return 64;
    }
    size_t size = 0;
    char *data = read_file(argv[2], &size);
    size_t batch = strtoul(argv[3], NULL, 10);
    const struct row_head **rows = calloc(batch, sizeof(*rows));
    PGconn *conn = PQconnectdb(argv[1]);
    if (rows == NULL || PQstatus(conn) != CONNECTION_OK)
        fail("connect", conn);
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        const struct row_head *row = (const struct row_head *)(data + at);
        rows[count++] = row;
        at += sizeof(*row) + row->link_len;
        if (count == batch || at >= size) {
            copy_batch(conn, rows, count);
            count = 0;
        }
    }
    PQfinish(conn);
    free(rows);
    free(data);
    return 0;
}
