#include "queue/message.h"

#include <errno.h>

#include "base/envelope.h"
#include "tests/tap.h"

#define ID 0x1234567890abcdULL

enum { AT_VERSION = 8, AT_CONTENT_OFFSET = 32, AT_ENVELOPE_OFFSET = 48,
       AT_STATES_OFFSET = 64, AT_HEADER_DIGEST = 224 };

static struct header
sample(void)
{
    struct header h = {
        .id = ID,
        .birth_ms = 1795384800123,
        .content_length = 4711,
        .envelope_length = 77,
        .rcpt_count = 3,
        .facts = 0x58,
    };

    memset(h.content_digest, 0xab, DIGEST_LEN);
    memset(h.envelope_digest, 0xcd, DIGEST_LEN);
    return h;
}

static bool
equal(const struct header *a, const struct header *b)
{
    return a->id == b->id && a->birth_ms == b->birth_ms &&
           a->content_length == b->content_length &&
           a->envelope_length == b->envelope_length &&
           a->rcpt_count == b->rcpt_count && a->facts == b->facts &&
           a->content_kind == b->content_kind &&
           memcmp(a->content_digest, b->content_digest, DIGEST_LEN) == 0 &&
           memcmp(a->envelope_digest, b->envelope_digest, DIGEST_LEN) == 0 &&
           memcmp(a->seal, b->seal, HEADER_SEAL_LEN) == 0;
}

/* As somebody would who can compute digests. */
static void
redigest(unsigned char bytes[HEADER_LEN])
{
    digest_of(view_make(bytes, AT_HEADER_DIGEST), bytes + AT_HEADER_DIGEST);
}

static int
parse(const unsigned char bytes[HEADER_LEN])
{
    struct header h;
    const char *why;

    return header_parse(&h, bytes, &why);
}

/* Of h as header_print has it. */
static int
parse_of(struct header h)
{
    unsigned char bytes[HEADER_LEN];

    header_print(bytes, &h);
    return parse(bytes);
}

static void
header_bytes(void)
{
    struct header h = sample(), back;
    unsigned char bytes[HEADER_LEN];
    unsigned missed = 0;
    const char *why;

    header_print(bytes, &h);
    ok(header_parse(&back, bytes, &why) == 0 && equal(&h, &back),
       "a header reads back as it was written");
    for (size_t at = 0; at < HEADER_LEN; at++)
        for (unsigned x = 1; x < 256; x++) {
            bytes[at] ^= (unsigned char)x;
            missed += parse(bytes) != -EBADMSG;
            bytes[at] ^= (unsigned char)x;
        }
    ok(missed == 0, "each other value of each byte of a header is damage "
       "(%u were not seen)", missed);
    memset(bytes, 0, sizeof bytes);
    ok(parse(bytes) == -EBADMSG, "zeros are no header");
    redigest(bytes);
    ok(parse(bytes) == -EBADMSG, "nor are they under a good digest");
}

static void
versions(void)
{
    struct header h = sample();
    unsigned char bytes[HEADER_LEN];

    header_print(bytes, &h);
    put_u32(bytes + AT_VERSION, MESSAGE_VERSION + 1);
    redigest(bytes);
    ok(parse(bytes) == -ENOTSUP, "a whole header of a later version is kept "
       "and not touched");
    h.content_kind = 1;
    ok(parse_of(h) == -ENOTSUP, "so is one of sealed content");
}

static void
positions(void)
{
    static const int fields[] = {AT_CONTENT_OFFSET, AT_ENVELOPE_OFFSET,
                                 AT_STATES_OFFSET};
    struct header h = sample();
    unsigned char bytes[HEADER_LEN];
    unsigned taken = 0;

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (unsigned bit = 0; bit < 64; bit++) {
            header_print(bytes, &h);
            put_u64(bytes + fields[i],
                    get_u64(bytes + fields[i]) ^ (1ULL << bit));
            redigest(bytes);
            taken += parse(bytes) != -EBADMSG;
        }
    ok(taken == 0, "positions that do not follow from the lengths are damage, "
       "digest or no digest");
    h.content_length = 0;
    h.envelope_length = 16;
    h.rcpt_count = 1;
    ok(header_envelope(&h) == 512 && header_states(&h) == 528 &&
       header_filesize(&h) == 544, "an empty content takes no room");
    h.envelope_length = 17;
    ok(header_states(&h) == 544, "state records are aligned to 16 bytes");
}

static void
lengths(void)
{
    static const uint64_t bad[] = {
        (1ULL << 60) + 1, 1ULL << 63, UINT64_MAX, UINT64_MAX - 511,
        UINT64_MAX - 512, UINT64_MAX - 512 - 77, UINT64_MAX - 15,
    };
    struct header h;
    unsigned taken = 0;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        h = sample();
        h.content_length = bad[i];
        taken += parse_of(h) != -EBADMSG;
        h = sample();
        h.envelope_length = bad[i];
        taken += parse_of(h) != -EBADMSG;
        h.content_length = bad[sizeof bad / sizeof *bad - 1 - i];
        taken += parse_of(h) != -EBADMSG;
    }
    ok(taken == 0, "lengths whose sums would overflow are damage");
    h = sample();
    h.envelope_length = ENVELOPE_MAX;
    ok(parse_of(h) == 0, "an envelope may be as long as its limit");
    h.envelope_length++;
    ok(parse_of(h) == -EBADMSG, "and not longer");
    h = sample();
    h.rcpt_count = ENVELOPE_RCPT_MAX;
    ok(parse_of(h) == 0, "so may the number of recipients");
    h.rcpt_count++;
    ok(parse_of(h) == -EBADMSG, "and not be higher");
    h.rcpt_count = 0;
    ok(parse_of(h) == -EBADMSG, "a message without recipients is damage");
    h = sample();
    h.id = 0;
    ok(parse_of(h) == -EBADMSG, "so is one with no id");
}

static void
slots(void)
{
    struct slot s = {.next = 1795384800, .attempts = 7, .hold = true}, back;
    unsigned char bytes[SLOT_LEN];
    unsigned missed = 0;

    slot_print(bytes, ID, &s);
    ok(slot_parse(&back, ID, bytes) && back.next == s.next &&
       back.attempts == 7 && back.hold, "a slot reads back as it was written");
    ok(!slot_parse(&back, ID + 1, bytes),
       "it does not check in another message");
    for (size_t at = 0; at < SLOT_LEN; at++)
        for (unsigned x = 1; x < 256; x++) {
            bytes[at] ^= (unsigned char)x;
            missed += slot_parse(&back, ID, bytes);
            bytes[at] ^= (unsigned char)x;
        }
    ok(missed == 0, "each other value of each byte of a slot is seen");
    memset(bytes, 0, sizeof bytes);
    ok(!slot_parse(&back, ID, bytes) && back.next == 0 && !back.hold,
       "a blank slot does not check, and says nothing");
}

static const enum rcpt_state all[] = {OWED, DELIVERED, FAILED, BOUNCED};

static void
state_bytes(enum rcpt_state was)
{
    struct state s = {.state = was, .position = 987654321}, back;
    unsigned char bytes[STATE_LEN];
    unsigned missed = 0, settled = 0;

    state_print(bytes, ID, 2, &s);
    ok(state_parse(&back, ID, 2, bytes) && back.state == was &&
       back.position == s.position, "state '%c' reads back as it was written",
       was);
    for (size_t at = 0; at < STATE_LEN; at++)
        for (unsigned x = 1; x < 256; x++) {
            bytes[at] ^= (unsigned char)x;
            missed += state_parse(&back, ID, 2, bytes);
            settled += back.state != OWED;
            bytes[at] ^= (unsigned char)x;
        }
    ok(missed == 0 && settled == 0, "each other value of each byte of a '%c' "
       "record is seen, and the recipient is owed", was);
}

/* The complement stands guard even where the 32-bit check would not. */
static void
state_pairs(void)
{
    struct state s = {.state = OWED}, back;
    unsigned char bytes[STATE_LEN];
    unsigned settled = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        state_print(bytes, ID, i, &s);
        for (size_t k = 1; k < 4; k++) {
            bytes[0] = (unsigned char)all[k];
            settled += state_parse(&back, ID, i, bytes);
        }
    }
    ok(settled == 0, "a state byte without its complement settles nothing");
}

static void
states(void)
{
    struct state s = {.state = DELIVERED}, back;
    unsigned char bytes[STATE_LEN];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        state_bytes(all[i]);
    state_print(bytes, ID, 2, &s);
    ok(!state_parse(&back, ID, 3, bytes) && back.state == OWED,
       "a record does not check for another recipient");
    ok(!state_parse(&back, ID + 1, 2, bytes) && back.state == OWED,
       "nor in another message");
    memset(bytes, 0, sizeof bytes);
    ok(!state_parse(&back, ID, 2, bytes) && back.state == OWED,
       "a blank record means owed");
    memset(bytes, 0xff, sizeof bytes);
    ok(!state_parse(&back, ID, 2, bytes) && back.state == OWED,
       "so does one of ones");
    ok(!state_settled(OWED) && !state_settled(FAILED) &&
       state_settled(DELIVERED) && state_settled(BOUNCED),
       "who failed is settled by his bounce alone");
}

int
main(void)
{
    header_bytes();
    versions();
    positions();
    lengths();
    slots();
    states();
    state_pairs();
    return tap_end();
}
