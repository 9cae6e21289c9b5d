/* The least that opening WebSockets can cost: connect, the request, a look at the status line of the answer.
   It neither makes a key of its own for each connection nor audits the answer's proof and headers. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char REQUEST[] =
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
static const char ACCEPTED[] = "HTTP/1.1 101 ";

static int ask(int port) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) == sizeof REQUEST - 1 ? fd : -1;
}

static int is_accepted(int fd) {
    char answer[4096];
    size_t kept = 0;
    for (;;) {
        ssize_t got = recv(fd, answer + kept, sizeof answer - 1 - kept, 0);
        if (got <= 0) return 0;
        answer[kept += got] = 0;
        if (strstr(answer, "\r\n\r\n")) return strncmp(answer, ACCEPTED, sizeof ACCEPTED - 1) == 0;
    }
}

/* Open `count` connections and leave them open, `at_once` of them on their way; how many were accepted. */
int open_all(int port, int count, int at_once) {
    int fds[at_once], accepted = 0;
    for (int i = 0; i < count + at_once; i++) {
        int *asked = &fds[i % at_once];
        if (i >= at_once) {
            if (!is_accepted(*asked)) break;
            accepted++;
        }
        if (i < count && (*asked = ask(port)) < 0) break;
    }
    return accepted;
}
