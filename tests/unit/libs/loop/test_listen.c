#include "libs/loop/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void any_free_port_is_found_and_told(void **state)
{
    (void)state;
    static const char *const addresses[] = {"127.0.0.1:0", ":0", "localhost:0"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        int fd = -1;
        int port = 0;
        struct err err = {0};
        assert_true(listen_open(addresses[i], &fd, &port, &err));
        assert_in_range(port, 1, 65535);
        assert_int_equal(close(fd), 0);
    }
}

static void unusable_addresses_are_told(void **state)
{
    (void)state;
    char long_host[400];
    memset(long_host, 'h', sizeof(long_host));
    memcpy(long_host + sizeof(long_host) - 4, ":80", 4);
    const char *addresses[] = {"",       "8080", "127.0.0.1:", "127.0.0.1:http", "192.0.2.1:0",
                               long_host};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        int fd = -1;
        int port = -1;
        struct err err = {0};
        assert_false(listen_open(addresses[i], &fd, &port, &err));
        assert_int_equal(err.kind, ERR_FATAL);
        assert_int_equal(fd, -1);
        assert_memory_equal(err.text, "listen", 6);
    }
}

static void taken_port_is_refused(void **state)
{
    (void)state;
    int fd = -1;
    int other = -1;
    int port = 0;
    struct err err = {0};
    char address[32];
    assert_true(listen_open("127.0.0.1:0", &fd, &port, &err));
    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    assert_false(listen_open(address, &other, &port, &err));
    assert_non_null(strstr(err.text, "in use"));
    assert_int_equal(close(fd), 0);
}

static void accepted_connections_do_not_block(void **state)
{
    (void)state;
    int fd = -1;
    int port = 0;
    struct err err = {0};
    assert_true(listen_open("127.0.0.1:0", &fd, &port, &err));
    assert_int_equal(listen_accept(fd), -1);
    assert_int_equal(errno, EAGAIN);

    int client = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in name = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(client, (const struct sockaddr *)&name, sizeof(name)), 0);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    int connection = listen_accept(fd);
    assert_true(connection >= 0);
    assert_true((fcntl(connection, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(connection, F_GETFD) & FD_CLOEXEC) != 0);
    int no_delay = 0;
    socklen_t len = sizeof(no_delay);
    assert_int_equal(getsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len), 0);
    assert_true(no_delay != 0);
    (void)close(connection);
    (void)close(client);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_free_port_is_found_and_told),
        cmocka_unit_test(unusable_addresses_are_told),
        cmocka_unit_test(taken_port_is_refused),
        cmocka_unit_test(accepted_connections_do_not_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
