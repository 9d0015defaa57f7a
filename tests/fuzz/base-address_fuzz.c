#include "base/addr.h"
#include "base/addrlist.h"
#include "tests/fuzz/fuzz.h"

/* A kept address is clean and is kept as it is when it is read again. */
static void
kept_again(const struct buf *kept)
{
    struct buf path = {0}, again = {0};
    struct view local, domain, v;
    const char *why;

    CLAIM(!addr_unclean(buf_view(kept)));
    addr_split(buf_view(kept), &local, &domain);
    addr_domain(domain, &why);
    buf_print(&path, "<%.*s>", (int)kept->len, kept->data);
    v = buf_view(&path);
    CLAIM(addrlist_path(&v, &again, &why) == 0 && v.len == 0);
    CLAIM(view_equal(buf_view(&again), buf_view(kept)));
    buf_clear(&again);
    buf_clear(&path);
    addr_unquote(&path, local);
    addr_quote(&again, buf_view(&path));
    CLAIM(view_equal(buf_view(&again), local));
    buf_free(&path);
    buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size), v = all;
    struct addrlist_item item;
    struct addrlist list;
    struct buf kept = {0};
    const char *why;
    int r;

    addrlist_open(&list, all);
    while ((r = addrlist_next(&list, &item, &kept)) > 0) {
        CLAIM(item.start <= item.end && item.end <= size);
        if (!item.null)
            kept_again(&kept);
    }
    CLAIM(r == 0 || list.why);
    buf_clear(&kept);
    if (addrlist_path(&v, &kept, &why) == 0 && kept.len)
        kept_again(&kept);
    addr_domain(all, &why);
    buf_free(&kept);
    free((void *)all.data);
    return 0;
}
