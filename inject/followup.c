#include "inject/followup.h"

#include "base/addrlist.h"
#include "inject/fields.h"
#include "inject/rcpts.h"

static void
collect(struct rcpts *all, struct view section, const struct qualify *names)
{
    struct header_field f;
    struct buf kept = {0};
    const char *why;

    while (header_next(&section, &f)) {
        struct addrlist_item item;
        struct addrlist l;

        if (!(field_of(f.name) == FIELD_TO || field_of(f.name) == FIELD_CC))
            continue;
        addrlist_open(&l, f.body);
        while (addrlist_next(&l, &item, &kept) == 1)
            if (!item.null && qualify_address(names, &kept, &why) == 0)
                rcpts_add(all, buf_view(&kept));
    }
    buf_free(&kept);
}

static bool
meet(const struct rcpts *all, const struct conf_list *lists)
{
    for (size_t i = 0; i < lists->count; i++)
        for (size_t k = 0; k < all->count; k++)
            if (view_equalcase(rcpts_get(all, k), view_of(lists->items[i])))
                return true;
    return false;
}

void
followup_print(struct buf *b, struct view section, const struct qualify *names,
               const struct conf_list *lists)
{
    struct rcpts all = {0};

    if (!(fields_in(section).plain & FIELD_FOLLOWUP))
        collect(&all, section, names);
    if (meet(&all, lists)) {
        for (size_t i = 0; i < all.count; i++) {
            buf_addstr(b, i == 0 ? "Mail-Followup-To: " : ",\n\t");
            buf_addview(b, rcpts_get(&all, i));
        }
        buf_addbyte(b, '\n');
    }
    rcpts_free(&all);
}
