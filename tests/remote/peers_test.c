#include "remote/peers.h"

#include "tests/tap.h"

static struct peers peers;

static struct mx_address
address(const char *text, unsigned port)
{
    struct mx_address a = {0};

    mx_literal(view_of(text), port, &a.address);
    snprintf(a.host, sizeof a.host, "%s", text);
    return a;
}

static const char *
order(uint64_t now)
{
    static char words[5 * MX_HOST_MAX];
    struct mx_address list[] = {
        address("::1", 25), address("127.0.0.1", 25),
        address("::2", 25), address("127.0.0.2", 25),
    };

    peers_order(&peers, list, 4, now);
    snprintf(words, sizeof words, "%s %s %s %s", list[0].host, list[1].host,
             list[2].host, list[3].host);
    return words;
}

int
main(void)
{
    const uint64_t now = 1000000, later = now + PEERS_REST * 1000;
    struct mx_address six = address("::1", 25), other = address("::1", 26),
                      four = address("127.0.0.1", 25);
    struct mx_address all[4];

    same(order(now), "::1 127.0.0.1 ::2 127.0.0.2",
         "where nothing is known the order stays");
    peers_failed(&peers, &other.address, now);
    same(order(now), "::1 127.0.0.1 ::2 127.0.0.2",
         "another port is another address");
    peers_failed(&peers, &six.address, now);
    same(order(now), "127.0.0.1 ::2 127.0.0.2 ::1",
         "what could not be reached comes last");
    same(order(later - 1), "127.0.0.1 ::2 127.0.0.2 ::1", "for a while");
    same(order(later), "::1 127.0.0.1 ::2 127.0.0.2", "and then no more");
    peers_failed(&peers, &four.address, now);
    same(order(now), "::2 127.0.0.2 ::1 127.0.0.1",
         "the resting keep their order");
    peers_reached(&peers, &six.address);
    same(order(now), "::1 ::2 127.0.0.2 127.0.0.1",
         "who was reached is as before");
    for (int i = 0; i < 4; i++) {
        all[i] = address(i % 2 ? "::1" : "127.0.0.1", 25 + (unsigned)i);
        peers_failed(&peers, &all[i].address, now);
    }
    peers_order(&peers, all, 4, now);
    ok(strcmp(all[0].host, "127.0.0.1") == 0 &&
           strcmp(all[3].host, "::1") == 0,
       "where all failed all are tried, in order");
    return tap_end();
}
