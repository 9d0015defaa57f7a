#include "remote/dns.h"
#include "tests/fuzz/fuzz.h"

/* What libunbound says is the name at the end of the aliases: what we take is
 * a host's, in small letters. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), name[DNS_NAME_MAX], again[DNS_NAME_MAX];
    struct ub_result result = {.qname = text};

    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    if (dns_expanded(&result, name)) {
        CLAIM(*name && strlen(name) < sizeof name);
        for (const char *c = name; *c; c++)
            CLAIM((*c < 'A' || *c > 'Z') && (unsigned char)*c > ' ');
        result.canonname = name;
        CLAIM(dns_expanded(&result, again) && strcmp(name, again) == 0);
    }
    free(text);
    return 0;
}
