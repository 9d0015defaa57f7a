#include "inject/qualify.h"

#include <errno.h>

#include "base/addr.h"
#include "base/envelope.h"

static bool
rooted(struct view domain)
{
    return domain.data[0] == '[' || view_find(domain, '.') < domain.len ||
           view_equalcase(domain, view_of("localhost"));
}

void
qualify_edit(const struct qualify *q, struct view kept, size_t *drop,
             struct buf *more)
{
    struct view local, domain;
    size_t start = more->len;

    *drop = 0;
    addr_split(kept, &local, &domain);
    if (domain.len == 0) {
        buf_addbyte(more, '@');
        buf_addstr(more, q->defaulthost);
        start++;
        domain = view_from(buf_view(more), start);
    }
    if (domain.data[domain.len - 1] == '+' && *q->plusdomain) {
        if (more->len > start)
            more->len--;
        else
            *drop = 1;
        buf_print(more, ".%s", q->plusdomain);
    } else if (!rooted(domain) && *q->defaultdomain) {
        buf_print(more, ".%s", q->defaultdomain);
    }
}

int
qualify_address(const struct qualify *q, struct buf *kept, const char **why)
{
    struct buf more = {0};
    struct view local, domain;
    size_t drop;

    qualify_edit(q, buf_view(kept), &drop, &more);
    kept->len -= drop;
    buf_addview(kept, buf_view(&more));
    buf_free(&more);
    addr_split(buf_view(kept), &local, &domain);
    if (view_equalcase(domain, view_of("localhost"))) {
        kept->len -= domain.len;
        buf_addstr(kept, q->me);
        addr_split(buf_view(kept), &local, &domain);
    }
    *why = "longer than 1000 bytes";
    if (kept->len > ADDRESS_MAX)
        return -EINVAL;
    return addr_domain(domain, why) ? 0 : -EINVAL;
}
