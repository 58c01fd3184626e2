#include "libs/loop/listen.h"

#include "libs/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_BYTES_MAX 256
#define BACKLOG 1024 /* the kernel cuts it to net.core.somaxconn */

struct address {
    char host[HOST_BYTES_MAX]; /* "": every address of this machine */
    const char *port;
};

static bool split(const char *text, struct address *out, struct err *err)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0')
        return err_set(err, ERR_FATAL, "listen on \"%s\": not of the form host:port", text);
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(out->host))
        return err_set(err, ERR_FATAL, "listen: the host name is too long");
    memcpy(out->host, text, len);
    out->host[len] = '\0';
    out->port = colon + 1;
    return true;
}

static bool set_options(int fd)
{
    const int on = 1;
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           /* Linux hands this down to accepted sockets, which saves a system call for each. */
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

/* -1 with errno set: not this address. */
static int open_one(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype, info->ai_protocol);
    if (fd < 0)
        return -1;
    if (set_options(fd) && bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int kept = errno;
    (void)close(fd);
    errno = kept;
    return -1;
}

static int port_of(int fd)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return 0;
    const void *any = &name;
    if (name.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)any)->sin6_port);
    return ntohs(((const struct sockaddr_in *)any)->sin_port);
}

bool listen_open(const char *address, int *out_fd, int *out_port, struct err *err)
{
    struct address parts;
    if (!split(address, &parts, err))
        return false;

    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(parts.host[0] == '\0' ? NULL : parts.host, parts.port, &hints, &found);
    if (code != 0)
        return err_set(err, ERR_FATAL, "listen on %s: %s", address, gai_strerror(code));

    int fd = -1;
    for (const struct addrinfo *info = found; info != NULL && fd < 0; info = info->ai_next)
        fd = open_one(info);
    int reason = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return err_set(err, ERR_FATAL, "listen on %s: %s", address, strerror(reason));
    *out_fd = fd;
    *out_port = port_of(fd);
    return true;
}

int listen_accept(int fd)
{
    int connection = accept(fd, NULL, NULL);
    if (connection < 0)
        return -1;
    if (fcntl(connection, F_SETFL, O_RDWR | O_NONBLOCK) == 0 &&
        fcntl(connection, F_SETFD, FD_CLOEXEC) == 0)
        return connection;
    (void)close(connection);
    errno = EIO;
    return -1;
}
