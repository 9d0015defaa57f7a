#include "queue/hostname.h"

#include <netdb.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "base/mem.h"

enum { HOSTNAME_MAX = 255, LABEL_MAX = 63 };

char *
hostname_full(void)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *found = NULL;
    struct utsname host;
    char *name = NULL;

    if (uname(&host) < 0 || !*host.nodename)
        return mem_string("localhost");
    if (!strchr(host.nodename, '.') &&
        getaddrinfo(host.nodename, NULL, &hints, &found) == 0 &&
        found->ai_canonname && strchr(found->ai_canonname, '.') &&
        strncasecmp(found->ai_canonname, "localhost", 9) != 0 &&
        hostname_valid(found->ai_canonname))
        name = mem_string(found->ai_canonname);
    if (found)
        freeaddrinfo(found);
    return name ? name : mem_string(host.nodename);
}

static bool
is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static bool
is_label(const char *s, size_t len)
{
    if (len == 0 || len > LABEL_MAX || !is_alphanumeric(s[0]) ||
        !is_alphanumeric(s[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alphanumeric(s[i]) && s[i] != '-')
            return false;
    return true;
}

bool
hostname_valid(const char *name)
{
    size_t len;

    if (strlen(name) > HOSTNAME_MAX)
        return false;
    for (;;) {
        len = strcspn(name, ".");
        if (!is_label(name, len))
            return false;
        if (!name[len])
            return true;
        name += len + 1;
    }
}
