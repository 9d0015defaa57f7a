#include "base/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char job_kind = 'J', report_kind = 'R';

static void
add_short(struct buf *b, struct view v)
{
    buf_addu16(b, (uint16_t)v.len);
    buf_addview(b, v);
}

void
job_print(struct buf *b, const struct job *j)
{
    buf_addbyte(b, job_kind);
    buf_addu64(b, j->number);
    buf_addu64(b, j->id);
    buf_addu64(b, j->birth);
    buf_addu32(b, j->attempt);
    buf_addu32(b, j->flags);
    buf_addu64(b, j->offset);
    buf_addu64(b, j->length);
    buf_add(b, j->digest, DIGEST_LEN);
    buf_addbyte(b, j->ret);
    buf_addbyte(b, j->body);
    buf_addu32(b, j->port);
    buf_addu32(b, j->rcpt_count);
    add_short(b, j->envid);
    add_short(b, j->sender);
    add_short(b, j->site);
    add_short(b, j->route);
    for (uint32_t i = 0; i < j->rcpt_count; i++) {
        buf_addu32(b, j->rcpts[i].index);
        buf_addbyte(b, j->rcpts[i].notify);
        add_short(b, j->rcpts[i].address);
        add_short(b, j->rcpts[i].orcpt);
    }
}

/* A reader of fields that stays at its end once something was missing. */
struct reader {
    struct view in;
    bool bad;
};

static const void *
take(struct reader *r, size_t len)
{
    static const char zeros[DIGEST_LEN];
    const char *p = r->in.data;

    if (r->bad || r->in.len < len) {
        r->bad = true;
        return zeros;
    }
    r->in = view_from(r->in, len);
    return p;
}

static uint8_t
take8(struct reader *r)
{
    return *(const uint8_t *)take(r, 1);
}

static uint32_t
take32(struct reader *r)
{
    return get_u32(take(r, 4));
}

static uint64_t
take64(struct reader *r)
{
    return get_u64(take(r, 8));
}

static struct view
take_short(struct reader *r)
{
    size_t len = get_u16(take(r, 2));
    const char *p;

    if (r->in.len < len)
        r->bad = true;
    if (r->bad)
        return view_make("", 0);
    p = r->in.data;
    r->in = view_from(r->in, len);
    return view_make(p, len);
}

int
job_parse(struct job *j, struct view bytes)
{
    struct reader r = {bytes, false};

    memset(j, 0, sizeof *j);
    if (take8(&r) != job_kind)
        return -EBADMSG;
    j->number = take64(&r);
    j->id = take64(&r);
    j->birth = take64(&r);
    j->attempt = take32(&r);
    j->flags = take32(&r);
    j->offset = take64(&r);
    j->length = take64(&r);
    memcpy(j->digest, take(&r, DIGEST_LEN), DIGEST_LEN);
    j->ret = take8(&r);
    j->body = take8(&r);
    j->port = take32(&r);
    j->rcpt_count = take32(&r);
    j->envid = take_short(&r);
    j->sender = take_short(&r);
    j->site = take_short(&r);
    j->route = take_short(&r);
    if (r.bad || j->rcpt_count == 0 || j->rcpt_count > JOB_RCPT_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; i < j->rcpt_count; i++) {
        j->rcpts[i].index = take32(&r);
        j->rcpts[i].notify = take8(&r);
        j->rcpts[i].address = take_short(&r);
        j->rcpts[i].orcpt = take_short(&r);
    }
    return r.bad || r.in.len ? -EBADMSG : 0;
}

void
report_print(struct buf *b, const struct report *r)
{
    buf_addbyte(b, report_kind);
    buf_addu64(b, r->number);
    buf_addu32(b, r->index);
    buf_addu32(b, r->flags);
    buf_addbyte(b, verdict_letter(r->outcome.verdict));
    add_short(b, view_of(r->outcome.code));
    add_short(b, view_of(r->outcome.text));
    add_short(b, view_of(r->host));
}

int
report_parse(struct report *rep, struct view bytes)
{
    struct reader r = {bytes, false};
    struct view code, text, host;
    enum verdict v;

    memset(rep, 0, sizeof *rep);
    if (take8(&r) != report_kind)
        return -EBADMSG;
    rep->number = take64(&r);
    rep->index = take32(&r);
    rep->flags = take32(&r);
    v = verdict_of_letter((char)take8(&r));
    code = take_short(&r);
    text = take_short(&r);
    host = take_short(&r);
    if (r.bad || r.in.len || code.len >= sizeof rep->outcome.code ||
        text.len > OUTCOME_TEXT_MAX || host.len >= sizeof rep->host)
        return -EBADMSG;
    outcome_take(&rep->outcome, v, code, text);
    memcpy(rep->host, host.data, host.len);
    return 0;
}

int
job_send(int sock, struct view bytes, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec iov = {(void *)bytes.data, bytes.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *c;

        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

/* The one descriptor of a datagram; false if there were more: the padding
 * behind one has room for another, and each that came is ours to close. */
static bool
take_fds(struct msghdr *msg, int *fd)
{
    bool one = true;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len;
             at += sizeof(int)) {
            int got;

            memcpy(&got, (char *)c + at, sizeof got);
            if (*fd < 0) {
                *fd = got;
            } else {
                close(got);
                one = false;
            }
        }
    }
    return one;
}

ssize_t
job_recv(int sock, struct buf *b, int *fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    bool cut;
    ssize_t n;

    *fd = -1;
    buf_reserve(b, JOB_MAX);
    iov.iov_base = b->data + b->len;
    iov.iov_len = JOB_MAX;
    while ((n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC)) < 0)
        if (errno != EINTR)
            return -errno;
    cut = !take_fds(&msg, fd);
    b->len += (size_t)n;
    b->data[b->len] = 0;
    if (cut || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
        return -EBADMSG;
    }
    return n;
}
