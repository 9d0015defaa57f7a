/* audit.h - has every accepted recipient one outcome, or is he still kept?
 *
 * Reads the folders and the whole ledger in one pass; changes nothing.  The
 * manager may work meanwhile: what does not add up is looked at again before
 * it counts as a mismatch. */
#ifndef QUEUE_AUDIT_H
#define QUEUE_AUDIT_H

#include "queue/account.h"
#include "queue/ledgerkey.h"
#include "queue/look.h"
#include "queue/segment.h"

struct audit {
    /* Set by the caller. */
    const struct look *look;
    /* id 0: about the ledger as a whole. */
    void (*mismatch)(void *data, const struct account_fault *f);
    void *data;
    uint64_t since_ms;         /* lines before are verified, not balanced */

    /* The result. */
    uint64_t mismatches;       /* 0: all is well */
    uint64_t ledger_faults;    /* of them; the ledger does not verify, what
                                  is open at its end is then not judged */
    uint64_t gaps;             /* of them; places where a new one began */
    struct account account;
    struct account_end end;
    uint64_t lines, signatures;
    uint64_t signed_position;  /* of the last signature */
    uint64_t position;         /* behind the last line that fits */

    unsigned char key[LEDGERKEY_PUBLIC];
    struct ledger_head head;
    bool has_head, head_seen;
    uint64_t first;            /* position of the first line there is */
    struct chain chain;        /* at position */
    bool torn;                 /* what follows position is no line */
};

/* 0, or the command's exit code when something could not be read; a line on
 * standard error says what. */
int audit_run(struct audit *a);

void audit_free(struct audit *a);

#endif
