#include "inject/smtp_server.h"
#include "tests/fuzz/fuzz.h"

static const struct smtp_server_conf confs[] = {
    {.name = "mx.test",
     .offers = SMTP_PIPELINING | SMTP_SIZE | SMTP_8BITMIME | SMTP_SMTPUTF8 |
               SMTP_DSN | SMTP_ENHANCED,
     .size_max = 300, .rcpt_max = 3, .error_max = 20},
    {.name = "mx.test", .offers = SMTP_PIPELINING, .rcpt_max = 100,
     .local = true},
};

static bool
asks(enum smtp_server_event e)
{
    return e == SMTP_SERVER_MAIL || e == SMTP_SERVER_RCPT ||
           e == SMTP_SERVER_DATA || e == SMTP_SERVER_END;
}

/* The whole dialogue with bytes in pieces of step; what happened in out. */
static void
talk(const struct smtp_server_conf *conf, struct view all, size_t step,
     struct buf *out)
{
    enum smtp_server_event e = SMTP_SERVER_MORE;
    struct smtp_server s;
    struct buf content = {0}; /* counts if the message is not void */
    struct outcome o;

    smtp_server_init(&s, conf);
    while (all.len && e != SMTP_SERVER_CLOSE) {
        struct view in = view_make(all.data, all.len < step ? all.len : step);

        all = view_from(all, in.len);
        while ((e = smtp_server_next(&s, &in)) != SMTP_SERVER_MORE &&
               e != SMTP_SERVER_CLOSE) {
            if (e == SMTP_SERVER_CONTENT)
                buf_addview(&content, buf_view(&s.content));
            else
                buf_print(out, "(%d)", e);
            if (e == SMTP_SERVER_END)
                buf_addview(out, buf_view(&content));
            if (e == SMTP_SERVER_DATA)
                buf_clear(&content);
            CLAIM(s.rcpt_count <= conf->rcpt_max);
            outcome_set(&o, s.rcpt.len % 5 == 4 ? NEVER : DONE, "5.1.1",
                        "so be it");
            if (asks(e))
                smtp_server_answer(&s, &o);
        }
        CLAIM(e == SMTP_SERVER_CLOSE || in.len == 0);
    }
    buf_addview(out, buf_view(&s.out));
    buf_free(&content);
    smtp_server_free(&s);
}

/* A dialogue means the same whether bytes come singly or all at once. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = exact(data, size);

    for (size_t i = 0; i < sizeof confs / sizeof *confs; i++) {
        struct buf once = {0}, pieces = {0};

        talk(&confs[i], in, size ? size : 1, &once);
        talk(&confs[i], in, 1, &pieces);
        CLAIM(view_equal(buf_view(&once), buf_view(&pieces)));
        buf_free(&once);
        buf_free(&pieces);
    }
    free((void *)in.data);
    return 0;
}
