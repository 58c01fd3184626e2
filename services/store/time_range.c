#include "services/store/time_range.h"

#include "libs/base/fault.h"

#define HOURS_PER_DAY (TIME_RANGE_DAY_S / TIME_RANGE_HOUR_S)

/* No fact is later (events are dated to the year 9999 at most), and sums stay far from overflow. */
#define LATEST_S (INT64_C(1) << 40)

int64_t time_range_ago(int64_t now_s, int64_t seconds)
{
    int64_t moment;
    if (__builtin_sub_overflow(now_s, seconds, &moment))
        return seconds > 0 ? INT64_MIN : INT64_MAX;
    return moment;
}

static int64_t clamp(int64_t moment)
{
    if (moment < -1)
        return -1;
    return moment > LATEST_S ? LATEST_S : moment;
}

/* The number of the first bucket that begins after the moment, which is -1 or later. */
static int64_t next_bucket(int64_t moment, int64_t length_s)
{
    return (moment + 1 + length_s - 1) / length_s;
}

struct read_window time_range_window(int64_t now_s, int64_t seconds)
{
    int64_t after = clamp(time_range_ago(now_s, seconds));
    if (fault_planted("store.window_takes_its_edge") && after >= 0)
        after--;
    int64_t hour = next_bucket(after, TIME_RANGE_HOUR_S);
    int64_t day = next_bucket(after, TIME_RANGE_DAY_S);
    int64_t block = next_bucket(after, TIME_RANGE_BLOCK_S);
    return (struct read_window){
        .after = after,
        .edge_end = hour * TIME_RANGE_HOUR_S,
        .hours = {hour, day * HOURS_PER_DAY},
        .days = {day, block * (TIME_RANGE_BLOCK_S / TIME_RANGE_DAY_S)},
        .block = block,
    };
}

static int64_t length_of(const struct time_range_series *series)
{
    return series->is_daily ? TIME_RANGE_DAY_S : TIME_RANGE_HOUR_S;
}

static int64_t divide_up(int64_t number, int64_t by)
{
    return number / by + (number % by != 0);
}

int64_t time_range_count(const struct time_range_series *series)
{
    if (series->from >= series->to)
        return 0;
    return divide_up(series->to, length_of(series)) - series->from / length_of(series);
}

struct read_slices time_range_slices(const struct time_range_series *series)
{
    struct read_slices slices = {.is_daily = series->is_daily};
    if (series->from >= series->to)
        return slices;
    slices.all = (struct read_span){series->from, series->to};
    struct read_span hours = {divide_up(series->from, TIME_RANGE_HOUR_S),
                              series->to / TIME_RANGE_HOUR_S};
    if (hours.first > hours.end) { /* all of it within one hour */
        slices.edges[0] = (struct read_span){series->from, series->to};
        return slices;
    }
    slices.edges[0] = (struct read_span){series->from, hours.first * TIME_RANGE_HOUR_S};
    slices.edges[1] = (struct read_span){hours.end * TIME_RANGE_HOUR_S, series->to};
    if (!series->is_daily) {
        slices.buckets = hours;
        return slices;
    }
    struct read_span days = {divide_up(hours.first, HOURS_PER_DAY), hours.end / HOURS_PER_DAY};
    if (days.first > days.end) { /* all of it within one day */
        slices.hours[0] = hours;
        return slices;
    }
    slices.buckets = days;
    slices.hours[0] = (struct read_span){hours.first, days.first * HOURS_PER_DAY};
    slices.hours[1] = (struct read_span){days.end * HOURS_PER_DAY, hours.end};
    return slices;
}

int64_t time_range_start(const struct time_range_series *series, int64_t index)
{
    return (series->from / length_of(series) + index) * length_of(series);
}

void time_range_add(const struct time_range_series *series, const struct read_points *points,
                    int64_t *counts)
{
    int64_t first = series->from / length_of(series);
    int64_t count = time_range_count(series);
    for (size_t i = 0; i < points->count; i++) {
        int64_t index = points->rows[i].time / length_of(series) - first;
        if (index >= 0 && index < count)
            counts[index] += points->rows[i].count;
    }
}
