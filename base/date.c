#include "base/date.h"

#include <stdio.h>
#include <string.h>

/* gmtime_r, which would read the zone's files to learn what UTC is. */
static void
utc(int64_t when, struct tm *tm)
{
    static const int before[] = {0,   31,  59,  90,  120, 151,
                                 181, 212, 243, 273, 304, 334};
    int64_t days = when / 86400 - (when % 86400 < 0);
    int64_t year = 1970 + days / 366, day;
    int second = (int)(when - days * 86400), leap, month = 11;

    /* The estimate is never late; the loop ends within a century's leaps. */
    for (;; year++) {
        int64_t y = year - 1;

        leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        day = days - ((y - 1969) * 365 + y / 4 - y / 100 + y / 400 - 477);
        if (day < 365 + leap)
            break;
    }
    while (month > 0 && day < before[month] + (month > 1 && leap))
        month--;
    tm->tm_year = (int)(year - 1900);
    tm->tm_mon = month;
    tm->tm_mday = (int)day - before[month] - (month > 1 && leap) + 1;
    tm->tm_wday = (int)(((days + 4) % 7 + 7) % 7);
    tm->tm_hour = second / 3600;
    tm->tm_min = second / 60 % 60;
    tm->tm_sec = second % 60;
}

void
date_mail(struct buf *b, time_t when)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;

    utc(when, &tm);
    buf_print(b, "%.3s, %02d %.3s %d %02d:%02d:%02d +0000",
              days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
              1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void
date_stamp(struct buf *b, uint64_t ms)
{
    struct tm tm;

    utc((int64_t)(ms / 1000), &tm);
    buf_print(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", 1900 + tm.tm_year,
              1 + tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
              (unsigned)(ms % 1000));
}

bool
date_parse(struct view v, uint64_t *ms)
{
    struct tm tm = {0};
    char text[25];
    unsigned part;

    if (v.len != 24)
        return false;
    memcpy(text, v.data, 24);
    text[24] = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &part) != 7)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *ms = (uint64_t)timegm(&tm) * 1000 + part;
    return true;
}

uint64_t
date_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
