#include "queue/retry.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE };

/* The gap after the first, second, ... failure; the last one repeats.  The
 * first is short for the sake of greylisting, which commonly takes five
 * minutes; a host that stays away soon costs an attempt every four hours. */
static const time_t gaps[] = {
    5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE,
    1 * HOUR,   2 * HOUR,    3 * HOUR,    4 * HOUR,
};

enum { GAPS = sizeof gaps / sizeof gaps[0] };

/* Spreads all bits of n (the finalizer of splitmix64). */
static uint64_t
mix(uint64_t n)
{
    n ^= n >> 30;
    n *= 0xbf58476d1ce4e5b9u;
    n ^= n >> 27;
    n *= 0x94d049bb133111ebu;
    return n ^ n >> 31;
}

time_t
retry_next(uint64_t id, time_t last, unsigned attempts)
{
    unsigned step = attempts ? attempts - 1 : 0;
    time_t gap = gaps[step < GAPS ? step : GAPS - 1];
    uint64_t chance = mix(id + (step + 1) * 0x9e3779b97f4a7c15u);

    return last + gap + (time_t)(chance % (uint64_t)(gap / 8 + 1));
}

bool
retry_expired(time_t birth, time_t now, time_t lifetime)
{
    return now > birth && now - birth > lifetime;
}
