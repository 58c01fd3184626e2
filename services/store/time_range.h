/*
 * time_range: ranges of time cut where the kept counts of hours, days and 32 days begin. Pure.
 *
 * All numbers are seconds since 1970; the times of facts and registrations are not below 0.
 */
#ifndef SERVICES_STORE_TIME_RANGE_H
#define SERVICES_STORE_TIME_RANGE_H

#include "services/store/read_ports.h"

#define TIME_RANGE_HOUR_S 3600
#define TIME_RANGE_DAY_S (24 * TIME_RANGE_HOUR_S)
#define TIME_RANGE_BLOCK_S (32 * TIME_RANGE_DAY_S)
#define TIME_RANGE_BUCKETS_MAX 100000

/* The moment `seconds` before now_s, which may lie anywhere; the least or largest number instead
 * of an overflow. */
int64_t time_range_ago(int64_t now_s, int64_t seconds);

/* times > now_s - seconds. */
struct read_window time_range_window(int64_t now_s, int64_t seconds);

/* Buckets by hour or day over from <= time < to. */
struct time_range_series {
    bool is_daily;
    int64_t from, to;
};

/* How many buckets the range touches; 0 when from >= to. from and to are not below 0. */
int64_t time_range_count(const struct time_range_series *series);
struct read_slices time_range_slices(const struct time_range_series *series);

/* When bucket number `index` of the series begins. */
int64_t time_range_start(const struct time_range_series *series, int64_t index);

/* Add the points to the buckets' counts; counts has time_range_count members. */
void time_range_add(const struct time_range_series *series, const struct read_points *points,
                    int64_t *counts);

#endif
