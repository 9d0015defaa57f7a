#include "queue/message.h"

#include <errno.h>
#include <string.h>

#include "base/envelope.h"

static const char magic[8] = {'G', 'O', 'D', 'W', 'I', 'T', '\n', 26};

enum {
    AT_VERSION = 8,
    AT_FACTS = 12,
    AT_ID = 16,
    AT_BIRTH = 24,
    AT_CONTENT_OFFSET = 32,
    AT_CONTENT_LENGTH = 40,
    AT_ENVELOPE_OFFSET = 48,
    AT_ENVELOPE_LENGTH = 56,
    AT_STATES_OFFSET = 64,
    AT_RCPT_COUNT = 72,
    AT_CONTENT_KIND = 76,
    AT_CONTENT_DIGEST = 80,
    AT_ENVELOPE_DIGEST = 112,
    AT_SEAL = 144,
    AT_HEADER_DIGEST = 224,
    SLOT_CHECKED = 48,
};

/* No file system holds a larger file; keeps sums within 64 bits. */
static const uint64_t length_max = 1ULL << 60;

uint64_t
header_envelope(const struct header *h)
{
    return CONTENT_OFFSET + h->content_length;
}

uint64_t
header_states(const struct header *h)
{
    return (header_envelope(h) + h->envelope_length + STATE_LEN - 1) &
           ~(uint64_t)(STATE_LEN - 1);
}

uint64_t
header_filesize(const struct header *h)
{
    return header_states(h) + (uint64_t)h->rcpt_count * STATE_LEN;
}

void
header_print(unsigned char out[HEADER_LEN], const struct header *h)
{
    memset(out, 0, HEADER_LEN);
    memcpy(out, magic, sizeof magic);
    put_u32(out + AT_VERSION, MESSAGE_VERSION);
    put_u32(out + AT_FACTS, h->facts);
    put_u64(out + AT_ID, h->id);
    put_u64(out + AT_BIRTH, h->birth_ms);
    put_u64(out + AT_CONTENT_OFFSET, CONTENT_OFFSET);
    put_u64(out + AT_CONTENT_LENGTH, h->content_length);
    put_u64(out + AT_ENVELOPE_OFFSET, header_envelope(h));
    put_u64(out + AT_ENVELOPE_LENGTH, h->envelope_length);
    put_u64(out + AT_STATES_OFFSET, header_states(h));
    put_u32(out + AT_RCPT_COUNT, h->rcpt_count);
    put_u32(out + AT_CONTENT_KIND, h->content_kind);
    memcpy(out + AT_CONTENT_DIGEST, h->content_digest, DIGEST_LEN);
    memcpy(out + AT_ENVELOPE_DIGEST, h->envelope_digest, DIGEST_LEN);
    memcpy(out + AT_SEAL, h->seal, HEADER_SEAL_LEN);
    digest_of(view_make(out, AT_HEADER_DIGEST), out + AT_HEADER_DIGEST);
}

int
header_parse(struct header *h, const unsigned char in[HEADER_LEN],
             const char **why)
{
    unsigned char digest[DIGEST_LEN];

    memset(h, 0, sizeof *h);
    *why = "header does not match its digest";
    digest_of(view_make(in, AT_HEADER_DIGEST), digest);
    if (!digest_equal(digest, in + AT_HEADER_DIGEST))
        return -EBADMSG;
    *why = "no queue file";
    if (memcmp(in, magic, sizeof magic) != 0)
        return -EBADMSG;
    *why = "of another version";
    if (get_u32(in + AT_VERSION) != MESSAGE_VERSION)
        return -ENOTSUP;
    h->id = get_u64(in + AT_ID);
    h->birth_ms = get_u64(in + AT_BIRTH);
    h->content_length = get_u64(in + AT_CONTENT_LENGTH);
    h->envelope_length = get_u64(in + AT_ENVELOPE_LENGTH);
    h->rcpt_count = get_u32(in + AT_RCPT_COUNT);
    h->facts = get_u32(in + AT_FACTS);
    h->content_kind = get_u32(in + AT_CONTENT_KIND);
    memcpy(h->content_digest, in + AT_CONTENT_DIGEST, DIGEST_LEN);
    memcpy(h->envelope_digest, in + AT_ENVELOPE_DIGEST, DIGEST_LEN);
    memcpy(h->seal, in + AT_SEAL, HEADER_SEAL_LEN);
    *why = "lengths do not fit";
    if (h->id == 0 || h->rcpt_count == 0 ||
        h->rcpt_count > ENVELOPE_RCPT_MAX || h->content_length > length_max ||
        h->envelope_length > ENVELOPE_MAX ||
        get_u64(in + AT_CONTENT_OFFSET) != CONTENT_OFFSET ||
        get_u64(in + AT_ENVELOPE_OFFSET) != header_envelope(h) ||
        get_u64(in + AT_STATES_OFFSET) != header_states(h))
        return -EBADMSG;
    *why = "of an unknown kind of content";
    return h->content_kind == 0 ? 0 : -ENOTSUP;
}

static void
slot_check(unsigned char out[16], uint64_t id, const unsigned char *slot)
{
    unsigned char bytes[8 + SLOT_CHECKED];

    put_u64(bytes, id);
    memcpy(bytes + 8, slot, SLOT_CHECKED);
    crypto_generichash(out, 16, bytes, sizeof bytes, NULL, 0);
}

void
slot_print(unsigned char out[SLOT_LEN], uint64_t id, const struct slot *s)
{
    memset(out, 0, SLOT_LEN);
    put_u64(out, s->next);
    put_u32(out + 8, s->attempts);
    put_u32(out + 12, s->hold);
    slot_check(out + SLOT_CHECKED, id, out);
}

bool
slot_parse(struct slot *s, uint64_t id, const unsigned char in[SLOT_LEN])
{
    unsigned char check[16];

    memset(s, 0, sizeof *s);
    slot_check(check, id, in);
    if (memcmp(check, in + SLOT_CHECKED, sizeof check) != 0)
        return false;
    s->next = get_u64(in);
    s->attempts = get_u32(in + 8);
    s->hold = get_u32(in + 12) != 0;
    return true;
}

/* Bytes: state, its complement, two zeros, u32 check, u64 position.  The
 * complement alone makes a change of one byte visible for certain. */
static void
state_check(unsigned char out[16], uint64_t id, uint32_t index,
            const unsigned char *record)
{
    unsigned char bytes[24];

    put_u64(bytes, id);
    put_u32(bytes + 8, index);
    memcpy(bytes + 12, record, 4);
    memcpy(bytes + 16, record + 8, 8);
    crypto_generichash(out, 16, bytes, sizeof bytes, NULL, 0);
}

void
state_print(unsigned char out[STATE_LEN], uint64_t id, uint32_t index,
            const struct state *s)
{
    unsigned char check[16];

    memset(out, 0, STATE_LEN);
    out[0] = (unsigned char)s->state;
    out[1] = out[0] ^ 0xff;
    put_u64(out + 8, s->position);
    state_check(check, id, index, out);
    memcpy(out + 4, check, 4);
}

bool
state_parse(struct state *s, uint64_t id, uint32_t index,
            const unsigned char in[STATE_LEN])
{
    unsigned char check[16];

    s->state = OWED;
    s->position = 0;
    state_check(check, id, index, in);
    if (memcmp(check, in + 4, 4) != 0 || (in[0] ^ in[1]) != 0xff ||
        !strchr("odfb", in[0]) || in[0] == 0)
        return false;
    s->state = (enum rcpt_state)in[0];
    s->position = get_u64(in + 8);
    return true;
}

bool
state_settled(enum rcpt_state s)
{
    return s == DELIVERED || s == BOUNCED;
}
