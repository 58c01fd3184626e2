#include "services/store/postgres/record.h"

#include "services/store/postgres/network.h"

/* Count of fields; each field is its type, its length (-1: NULL) and its bytes. */
#define FIELD_COUNT_LEN 4
#define FIELD_TYPE_LEN 4

/* An array is dimensions, flag of NULLs, type; for the one dimension its length and lower bound;
 * then each element's length and bytes. One without elements has no dimension. */
#define ARRAY_HEAD_LEN 12
#define ARRAY_DIMENSION_LEN 8

struct record record_open(struct bytes value)
{
    return (struct record){value.data + FIELD_COUNT_LEN};
}

static struct bytes take_sized(const char **at)
{
    int32_t len = (int32_t)network_get32(*at);
    struct bytes value = {*at + 4, len < 0 ? 0 : (size_t)len};
    *at = value.data + value.len;
    return len < 0 ? (struct bytes){NULL, 0} : value;
}

struct bytes record_take(struct record *record)
{
    record->at += FIELD_TYPE_LEN;
    return take_sized(&record->at);
}

bool record_take_bool(struct record *record)
{
    struct bytes value = record_take(record);
    return value.data != NULL && value.data[0] != 0;
}

int32_t record_take_int32(struct record *record)
{
    struct bytes value = record_take(record);
    return value.data == NULL ? 0 : (int32_t)network_get32(value.data);
}

bool record_take_known(struct record *record, int64_t *out)
{
    struct bytes value = record_take(record);
    *out = value.data == NULL ? 0 : network_get64(value.data);
    return value.data != NULL;
}

int64_t record_take_int64(struct record *record)
{
    int64_t value;
    (void)record_take_known(record, &value);
    return value;
}

struct record_list record_list_open(struct bytes array)
{
    if (array.data == NULL || network_get32(array.data) == 0)
        return (struct record_list){NULL, 0};
    const char *dimension = array.data + ARRAY_HEAD_LEN;
    return (struct record_list){dimension + ARRAY_DIMENSION_LEN, network_get32(dimension)};
}

struct record record_list_take(struct record_list *list)
{
    list->count--;
    return record_open(take_sized(&list->at));
}
