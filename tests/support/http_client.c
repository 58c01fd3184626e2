#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HEAD_BYTES_MAX 65536
#define PATIENCE_S 20

int http_client_open(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const struct sockaddr_in name = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0)
        return -1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
        connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

void http_client_close(int fd)
{
    (void)close(fd);
}

void http_client_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(fd);
}

bool http_client_send(int fd, struct bytes data)
{
    while (data.len > 0) {
        ssize_t sent = send(fd, data.data, data.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data.data += sent;
        data.len -= (size_t)sent;
    }
    return true;
}

bool http_client_send_text(int fd, const char *text)
{
    return http_client_send(fd, bytes_of_text(text));
}

static size_t content_length(const char *head)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *at = strstr(head, name);
    size_t length = 0;
    if (at != NULL && sscanf(at + sizeof(name) - 1, "%zu", &length) != 1)
        length = 0;
    return length;
}

static char *allocate(size_t size)
{
    char *p = calloc(1, size);
    if (p == NULL)
        abort();
    return p;
}

/* Byte by byte, so that nothing of the next answer is read. */
static bool receive_head(int fd, char *head)
{
    size_t len = 0;
    while (len < HEAD_BYTES_MAX && recv(fd, head + len, 1, 0) == 1) {
        len++;
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static bool receive_all(int fd, char *to, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(fd, to, len, 0);
        if (got <= 0)
            return false;
        to += got;
        len -= (size_t)got;
    }
    return true;
}

struct http_client_answer http_client_receive(int fd, bool without_body)
{
    struct http_client_answer answer = {.head = allocate(HEAD_BYTES_MAX + 1)};
    int status = 0;
    if (!receive_head(fd, answer.head) || sscanf(answer.head, "HTTP/1.1 %3d ", &status) != 1)
        return answer;
    answer.body_len = without_body ? 0 : content_length(answer.head);
    answer.body = allocate(answer.body_len + 1);
    if (receive_all(fd, answer.body, answer.body_len))
        answer.status = status;
    return answer;
}

void http_client_answer_done(struct http_client_answer *answer)
{
    free(answer->head);
    free(answer->body);
    *answer = (struct http_client_answer){0};
}

int http_client_status(int fd)
{
    struct http_client_answer answer = http_client_receive(fd, false);
    int status = answer.status;
    http_client_answer_done(&answer);
    return status;
}

bool http_client_is_ended(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

bool http_client_is_silent(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}
