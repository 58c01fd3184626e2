#include "services/store/utc_time.h"

#include <stddef.h>

/* Days from 1970-01-01, by years that begin in March. */
static int64_t days_of(int year, int month, int day)
{
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719468;
}

/* Two or four digits, which are there. */
static int digits(const char *at, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++)
        number = number * 10 + (at[i] - '0');
    return number;
}

bool utc_time_parse(const char *text, int64_t *out_ms)
{
    static const char SHAPE[] = "0000-00-00T00:00:00Z";
    for (size_t i = 0; i < sizeof(SHAPE); i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (SHAPE[i] == '0' ? !is_digit : text[i] != SHAPE[i])
            return false;
    }
    int year = digits(text, 4);
    int month = digits(text + 5, 2);
    int day = digits(text + 8, 2);
    int hour = digits(text + 11, 2);
    int minute = digits(text + 14, 2);
    int second = digits(text + 17, 2);
    int64_t minutes = (days_of(year, month, day) * 24 + hour) * 60 + minute;
    *out_ms = (minutes * 60 + second) * 1000;
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 &&
           minute <= 59 && second <= 59;
}
