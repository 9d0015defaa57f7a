/* fields.h - the header fields that mean something to those who inject
 *
 * Pure. */
#ifndef INJECT_FIELDS_H
#define INJECT_FIELDS_H

#include "base/header.h"

/* Bits, so that a set of them tells what a section has. */
enum field {
    FIELD_DATE = 1 << 0,
    FIELD_FROM = 1 << 1,
    FIELD_SENDER = 1 << 2,
    FIELD_REPLY_TO = 1 << 3,
    FIELD_TO = 1 << 4,
    FIELD_CC = 1 << 5,
    FIELD_BCC = 1 << 6,
    FIELD_MESSAGE_ID = 1 << 7,
    FIELD_RETURN_PATH = 1 << 8,
    FIELD_CONTENT_LENGTH = 1 << 9,
    FIELD_RECEIVED = 1 << 10,
    FIELD_NOTIFY = 1 << 11,   /* other fields of addresses */
    FIELD_FOLLOWUP = 1 << 12, /* Mail-Followup-To */
    FIELD_REPLIES = 1 << 13,  /* Mail-Reply-To */
    FIELD_APPARENTLY = 1 << 14,
    FIELD_RESENT = 1 << 16,   /* together with one of the first eight */
};

enum {
    FIELDS_SENDERS = FIELD_FROM | FIELD_SENDER | FIELD_REPLY_TO,
    FIELDS_RCPTS = FIELD_TO | FIELD_CC | FIELD_BCC | FIELD_APPARENTLY,
    FIELDS_ADDRESSES = FIELDS_RCPTS | FIELDS_SENDERS | FIELD_NOTIFY |
                       FIELD_FOLLOWUP | FIELD_REPLIES,
};

/* The bits of a field of that name; 0 for all others. */
unsigned field_of(struct view name);

/* What a section has, for fields that are not Resent- and those that are:
 * the bits of all of the kind, without FIELD_RESENT; of Resent- fields those
 * of the newest block alone. */
struct fields {
    unsigned plain, resent;
};

struct fields fields_in(struct view section);

/* Finds the fields of the newest Resent- block (RFC 5322 3.6.6) while walking
 * a section from its top.  {0} to begin. */
struct fields_block {
    unsigned seen;
    bool over;
};

/* Told of each field in turn: whether it belongs to the newest block, which
 * ends at a trace field or where a field repeats that stands once. */
bool fields_newest(struct fields_block *b, unsigned field);

#endif
