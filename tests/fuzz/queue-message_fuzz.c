#include "queue/message.h"
#include "tests/fuzz/fuzz.h"

/* The pieces of a queue file: what is read is printed the same again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char in[HEADER_LEN] = {0}, out[HEADER_LEN];
    struct header h;
    struct slot slot;
    struct state state;
    const char *why = "";
    unsigned char digest[DIGEST_LEN];

    memcpy(in, data, size < HEADER_LEN ? size : HEADER_LEN);
    header_parse(&h, in, &why);
    digest_of(view_make(in, HEADER_LEN - DIGEST_LEN), digest);
    memcpy(in + HEADER_LEN - DIGEST_LEN, digest, DIGEST_LEN);
    if (header_parse(&h, in, &why) == 0) {
        CLAIM(header_filesize(&h) >= CONTENT_OFFSET);
        CLAIM(header_states(&h) >= header_envelope(&h));
        header_print(out, &h);
        CLAIM(header_parse(&h, out, &why) == 0);
    }
    if (slot_parse(&slot, 7, in)) {
        struct slot back;

        slot_print(out, 7, &slot);
        CLAIM(slot_parse(&back, 7, out));
        CLAIM(back.next == slot.next && back.attempts == slot.attempts &&
              back.hold == slot.hold);
    }
    if (state_parse(&state, 7, 1, in)) {
        struct state back;

        state_print(out, 7, 1, &state);
        CLAIM(state_parse(&back, 7, 1, out) && back.state == state.state);
    } else {
        CLAIM(state.state == OWED);
    }
    return 0;
}
