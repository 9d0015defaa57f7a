#include "local/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "local/lookup.h"

struct message *
message_new(struct view bytes, int fd, struct job *partial)
{
    struct message *m = mem_aligned(_Alignof(struct message), sizeof *m);

    buf_addview(&m->bytes, bytes);
    if (job_parse(&m->job, buf_view(&m->bytes)) < 0) {
        *partial = m->job;
        file_close(&fd);
        buf_free(&m->bytes);
        free(m);
        return NULL;
    }
    content_init(&m->content, fd, &m->job);
    if (m->bytes.len <= JOB_MAX - 2 * CONTENT_HELD_MAX)
        content_hold(&m->content); /* job and content fit a datagram */
    m->rcpts = mem_alloc(m->job.rcpt_count * sizeof *m->rcpts);
    m->unreported = m->job.rcpt_count;
    return m;
}

static void
copy(uv_work_t *w)
{
    struct message *m = w->data;

    m->result = content_step(&m->content, m->folder);
}

static void
find_and_copy(uv_work_t *w)
{
    struct message *m = w->data;
    bool wanted = false;

    for (uint32_t i = 0; i < m->job.rcpt_count; i++) {
        struct message_rcpt *r = &m->rcpts[i];

        if (user_find(m->rules, m->job.rcpts[i].address, &r->account,
                      &r->outcome) == DONE)
            wanted = true;
    }
    m->result = 0;
    if (wanted)
        copy(w);
}

static void
on_worked(uv_work_t *w, int status)
{
    struct message *m = w->data;

    (void)status; /* nothing cancels */
    /* A long copy goes to the end of the queue after each step, so that
     * short ones pass it. */
    if (m->result > 0)
        uv_queue_work(w->loop, w, copy, on_worked);
    else
        m->on_ready(m);
}

/* For one known recipient of a small message there is nothing to wait for,
 * and the pool's turn would cost more than the work.  False: the pool shall
 * see. */
static bool
ready_now(struct message *m)
{
    struct message_rcpt *r = &m->rcpts[0];
    struct user_rules known = *m->rules;

    known.lookup = lookup_remembered;
    if (m->job.rcpt_count != 1 ||
        user_find(&known, m->job.rcpts[0].address, &r->account,
                  &r->outcome) != DONE)
        return false;
    m->result = 0;
    if (content_now(&m->content))
        return true;
    account_free(&r->account);
    return false;
}

void
message_prepare(struct message *m, uv_loop_t *loop,
                const struct user_rules *rules, int folder,
                void (*on_ready)(struct message *m))
{
    m->work.data = m;
    m->rules = rules;
    m->folder = folder;
    m->on_ready = on_ready;
    if (ready_now(m))
        on_ready(m);
    else
        uv_queue_work(loop, &m->work, find_and_copy, on_worked);
}

void
message_jobfor(const struct message *m, uint32_t i, uint64_t number,
               struct job *j)
{
    *j = m->job;
    j->number = number;
    j->offset = 0;
    j->rcpts[0] = m->job.rcpts[i];
    j->rcpt_count = 1;
}

void
message_free(struct message *m)
{
    for (uint32_t i = 0; i < m->job.rcpt_count; i++)
        account_free(&m->rcpts[i].account);
    free(m->rcpts);
    content_free(&m->content);
    buf_free(&m->bytes);
    free(m);
}
