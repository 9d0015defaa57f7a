#include "local/user.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
account_free(struct account *a)
{
    free(a->name);
    free(a->home);
    free(a->groups);
    memset(a, 0, sizeof *a);
}

void
account_copy(struct account *to, const struct account *from)
{
    *to = *from;
    to->name = mem_string(from->name);
    to->home = mem_string(from->home);
    to->groups = (gid_t *)mem_dup(from->groups,
                                  from->group_count * sizeof(gid_t));
}

bool
account_equal(const struct account *a, const struct account *b)
{
    return a->uid == b->uid && a->gid == b->gid &&
           strcmp(a->name, b->name) == 0 && strcmp(a->home, b->home) == 0 &&
           a->group_count == b->group_count &&
           (a->group_count == 0 ||
            memcmp(a->groups, b->groups, a->group_count * sizeof(gid_t)) == 0);
}

static bool
is_listed(const struct conf_list *list, struct view word)
{
    for (size_t i = 0; i < list->count; i++)
        if (view_equalcase(view_of(list->items[i]), word))
            return true;
    return false;
}

/* local, lower-cased and without its quotes. */
static void
plain_name(struct buf *name, struct view local)
{
    bool quoted = local.len >= 2 && local.data[0] == '"' &&
                  local.data[local.len - 1] == '"';
    size_t i = quoted ? 1 : 0, end = local.len - i;

    for (; i < end; i++) {
        char c = local.data[i];

        if (quoted && c == '\\' && i + 1 < end)
            c = local.data[++i];
        buf_addbyte(name, c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    buf_addstr(name, "");
}

/* A name that no table of accounts can hold is not asked for: it would only
 * meet whatever a lookup service makes of it. */
static bool
is_possible(struct view name)
{
    if (name.len == 0 || name.len > USER_NAME_MAX)
        return false;
    if (name.data[0] == '-' || name.data[0] == '+')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        if (c <= ' ' || c == 127 || c == '/' || c == ':')
            return false;
    }
    return true;
}

static enum verdict
unknown(struct outcome *o, struct view address)
{
    return outcome_set(o, NEVER, "5.1.1", "no such user: %.*s",
                       (int)address.len, address.data);
}

static enum verdict
find_own(const struct user_rules *rules, struct view name,
         struct view address, struct account *a, struct outcome *o)
{
    if (!is_listed(rules->own_names, name))
        return unknown(o, address);
    account_copy(a, rules->own);
    return outcome_set(o, DONE, "2.0.0", "own");
}

static enum verdict
find_account(const struct user_rules *rules, const char *name,
             struct view address, struct account *a, struct outcome *o)
{
    int r = rules->lookup(name, a);

    if (r < 0)
        return outcome_errno(o, r, "cannot look up the user %s", name);
    if (r == 0)
        return unknown(o, address);
    if (a->uid == 0 || a->uid < rules->minuid) {
        account_free(a);
        return outcome_set(o, NEVER, "5.1.1", "mail for this account is not "
                           "delivered (uid under minuid); use an alias");
    }
    if (a->home[0] != '/') {
        account_free(a);
        return outcome_set(o, LATER, "4.3.5",
                           "the home of %s is not an absolute path", name);
    }
    return outcome_set(o, DONE, "2.0.0", "account %s", name);
}

enum verdict
user_find(const struct user_rules *rules, struct view address,
          struct account *a, struct outcome *o)
{
    size_t at = view_findlast(address, '@');
    struct view local = view_make(address.data, at);
    struct buf name = {0};
    enum verdict v;

    memset(a, 0, sizeof *a);
    /* The manager sent it here, so the two tables disagree: that is a fault
     * of ours, not of the address. */
    if (at == address.len || !is_listed(rules->locals,
                                        view_from(address, at + 1)))
        return outcome_set(o, LATER, "4.3.5", "not in locals: %.*s",
                           (int)address.len, address.data);

    plain_name(&name, local);
    if (!is_possible(buf_view(&name)))
        v = unknown(o, address);
    else if (rules->own)
        v = find_own(rules, buf_view(&name), address, a, o);
    else
        v = find_account(rules, name.data, address, a, o);
    buf_free(&name);
    return v;
}
