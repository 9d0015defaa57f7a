/* finding.h - what a file-system check left, and what is done about it
 *
 * Pure: what was seen of one name goes in, what is to be done comes out.
 * Nothing is ever deleted: a name is only dropped where the same file has
 * the name that it should have. */
#ifndef QUEUE_FINDING_H
#define QUEUE_FINDING_H

#include "queue/store.h"

/* Where a name stands: the folders of enum place, and these. */
enum spot {
    SPOT_TODO = PLACE_TODO,
    SPOT_INFO = PLACE_INFO,
    SPOT_BROKEN = PLACE_BROKEN,
    SPOT_BOUNCE = PLACE_BOUNCE,
    SPOT_LEDGER,
    SPOT_LOST,   /* queue/lost+found */
    SPOT_FILE,   /* named by the operator, copied, never changed */
    SPOTS,
};

enum name_form {
    FORM_ID,
    FORM_ASIDE,  /* ID.1, ID.bounce and the like: a name that broken/ gives */
    FORM_DOT,    /* .ID: one that was being written */
    FORM_OTHER,
};

/* Of a name, and of the id it stands for. */
enum name_form finding_form(const char *name, uint64_t *id);

/* Whether ledger/ has files of this name: segments, head, spare, and what
 * they are made as. */
bool finding_ledgername(const char *name);

enum bytes {
    BYTES_OTHER,    /* nothing of the spool's, or not looked at */
    BYTES_WHOLE,    /* a queue file, by all digests */
    BYTES_DAMAGED,  /* was read and does not verify */
    BYTES_NEWER,    /* whole, of a version that this program doesn't know */
    BYTES_REPORTS,  /* of a message whose id is known */
};

/* Whether something stands under the name that the file should have. */
enum taken {
    TAKEN_NOT,
    TAKEN_SAME,  /* the very file */
    TAKEN_COPY,  /* another with the same header, so the same content */
    TAKEN_OTHER,
};

/* What the ledger has of the message. */
enum fate {
    FATE_NONE,     /* nothing, or its acceptance alone */
    FATE_TRIED,    /* outcomes */
    FATE_ASIDE,    /* set aside */
    FATE_REMOVED,  /* all settled */
    FATE_UNKNOWN,  /* the ledger of its time does not verify */
};

struct seen {
    enum spot spot;
    enum name_form form;
    int error;            /* a negative errno: the rest but rights not seen */
    bool regular;
    bool rights;          /* owner and mode are as they should be */
    bool links;           /* it has names besides this one */
    enum bytes bytes;
    bool has_id;          /* of the header, or of the reports */
    bool named;           /* and that is its name */
    enum taken taken;
    enum fate fate;
    bool message;         /* of reports: the message is there */
};

enum act {
    ACT_NONE,
    ACT_NOTE,     /* left alone; told */
    ACT_LEAVE,    /* the same, and the operator has to look at it */
    ACT_CANNOT,   /* an errno hides it: tried another time */
    ACT_RIGHTS,   /* owner and mode set */
    ACT_DROP,     /* this name goes, the file has its right one */
    ACT_TODO, ACT_INFO, ACT_BOUNCE, ACT_BROKEN, /* moved there */
};

struct finding {
    enum act act;
    const char *what;
};

struct finding finding_of(const struct seen *s);

/* The word for programs. */
const char *finding_act(enum act act);

/* Owner and mode of a file: what init and the programs give. */
struct rights {
    bool split;
    uint32_t spool, queue;  /* uids: the manager's, enqueue's */
    uint32_t group;         /* of the spool */
};

bool rights_right(const struct rights *r, enum spot spot, uint32_t uid,
                  uint32_t gid, uint32_t mode);

/* The mode that a file there is given where it is wrong. */
uint32_t rights_mode(enum spot spot);

#endif
