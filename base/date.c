#include "base/date.h"

#include <stdio.h>
#include <string.h>

void
date_mail(struct buf *b, time_t when)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;

    gmtime_r(&when, &tm);
    buf_print(b, "%.3s, %02d %.3s %d %02d:%02d:%02d +0000",
              days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
              1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void
date_stamp(struct buf *b, uint64_t ms)
{
    time_t when = (time_t)(ms / 1000);
    struct tm tm;

    gmtime_r(&when, &tm);
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
