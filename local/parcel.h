/* parcel.h - what local and a deliverer send each other, pure
 *
 * Each is one datagram.  To the deliverer: up to
 * PARCEL_MAX jobs of one recipient, each as u32 its length, u32 that of the
 * content that follows it (0 where a descriptor comes with the parcel, which
 * then is of that one job), job (base/job.h), content.  Back: as many reports
 * in the same order, each as u32 its length, report. */
#ifndef LOCAL_PARCEL_H
#define LOCAL_PARCEL_H

#include "base/job.h"

enum {
    PARCEL_MAX = 16,
    PARCEL_BYTES = 48 * 1024, /* beyond it no further job: a socket whose
                                 buffer is small takes that too */
    PARCEL_REPORTS_MAX = PARCEL_MAX * (sizeof(struct report) + 64), /* bytes */
};

/* Appends j with its content; false, and nothing is appended, if the parcel
 * would be too long.  The first always fits: job and held content fit a
 * datagram (message.c). */
bool parcel_add(struct buf *parcel, const struct job *j, struct view content);

/* Takes the first job off: 1; 0: there is none; -1: what nobody should send.
 * Views point into the parcel. */
int parcel_take(struct view *parcel, struct job *j, struct view *content);

void parcel_addreport(struct buf *parcel, const struct report *r);
int parcel_takereport(struct view *parcel, struct report *r);

#endif
