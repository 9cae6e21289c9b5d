/* Send all of it, however long the other side takes to make room; -1 where it is gone. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static int send_all(int fd, const void *data, size_t size) {
    const char *bytes = data;
    while (size) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR) return -1;
            struct pollfd wanted = {fd, POLLOUT, 0};
            poll(&wanted, 1, 1000);
            continue;
        }
        bytes += sent;
        size -= sent;
    }
    return 0;
}
