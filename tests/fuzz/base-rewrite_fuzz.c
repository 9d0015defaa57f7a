#include "base/addr.h"
#include "base/envelope.h"
#include "base/rewrite.h"
#include "tests/fuzz/fuzz_list.h"

/* canonical, masquerade, addresses: lines of any bytes, each list up to
 * "=next".  What an address becomes is clean and fits. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size), in = all, line;
    struct conf_list canonical = fuzz_list(&in), masquerade = fuzz_list(&in);
    struct rewrite r = {0};
    struct buf why = {0}, kept = {0};

    if (rewrite_load(&r, &canonical, &masquerade, &why) < 0)
        CLAIM(why.len > 0 && r.count == 0);
    while (view_line(&in, &line)) {
        buf_clear(&kept);
        buf_addview(&kept, line);
        if (line.len > ADDRESS_MAX || addr_unclean(line))
            continue;
        rewrite_sender(&r, &kept);
        CLAIM(!addr_unclean(buf_view(&kept)) && kept.len <= ADDRESS_MAX);
        rewrite_rcpt(&r, &kept);
        CLAIM(!addr_unclean(buf_view(&kept)) && kept.len <= ADDRESS_MAX);
    }
    rewrite_free(&r);
    conf_listfree(&canonical);
    conf_listfree(&masquerade);
    buf_free(&why);
    buf_free(&kept);
    free((void *)all.data);
    return 0;
}
