#include "base/facts.h"

#include "base/job.h"

enum { LINE_MAX_SMTP = 998 }; /* without CRLF */

static void
end_line(struct facts *f)
{
    size_t bytes = f->column - (f->cr ? 1 : 0);

    if (bytes > LINE_MAX_SMTP)
        f->seen |= JOB_LONG_LINE;
    if (bytes == 0)
        f->body = true;
    f->column = 0;
    f->cr = false;
}

void
facts_add(struct facts *f, struct view bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];

        if (c == '\n') {
            end_line(f);
            continue;
        }
        if (f->cr)
            f->seen |= JOB_BARE_CR;
        f->cr = c == '\r';
        f->column++;
        if (c >= 128)
            f->seen |= f->body ? JOB_8BIT_BODY : JOB_8BIT_HEADER;
        else if (c == 0)
            f->seen |= JOB_NUL;
    }
}

void
facts_end(struct facts *f)
{
    if (f->cr)
        f->seen |= JOB_BARE_CR;
    if (f->column > LINE_MAX_SMTP)
        f->seen |= JOB_LONG_LINE;
}
