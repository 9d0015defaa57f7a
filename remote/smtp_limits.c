#include "remote/smtp_limits.h"

enum { VALUE_MAX = 999999 };

/* "WORD=n"; what is none counts as not said. */
static void
read_limit(struct smtp_limits *l, struct view word)
{
    struct view name = view_make(word.data, view_find(word, '='));
    uint64_t n;

    if (!view_number(view_from(word, name.len + 1),
                     VALUE_MAX, &n) || n == 0)
        return;
    if (view_equalcase(name, view_of("MAILMAX")))
        l->mails = n;
    else if (view_equalcase(name, view_of("RCPTMAX")))
        l->rcpts = n;
    else if (view_equalcase(name, view_of("RCPTDOMAINMAX")))
        l->domains = n < SMTP_LIMITS_DOMAINS ? n : SMTP_LIMITS_DOMAINS;
}

void
smtp_limits_read(struct smtp_limits *l, struct view argument)
{
    l->mails = l->rcpts = l->domains = 0;
    while (argument.len) {
        size_t end = view_find(argument, ' ');

        read_limit(l, view_make(argument.data, end));
        argument = view_from(argument, end + 1);
    }
}

static bool
known(const struct smtp_limits *l, struct view domain)
{
    struct view rest = buf_view(&l->names), name;

    while (view_line(&rest, &name))
        if (view_equalcase(name, domain))
            return true;
    return false;
}

bool
smtp_limits_domain(struct smtp_limits *l, struct view address)
{
    size_t at = view_findlast(address, '@');
    struct view domain = view_from(address, at + 1);

    if (l->domains == 0 || known(l, domain))
        return true;
    if (l->domains_used >= l->domains)
        return false;
    l->domains_used++;
    buf_addview(&l->names, domain);
    buf_addbyte(&l->names, '\n');
    return true;
}

void
smtp_limits_free(struct smtp_limits *l)
{
    buf_free(&l->names);
}
