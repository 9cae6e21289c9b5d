/* The two ends of the receive benchmark that must cost as little as can be: who sends, and the fastest who reads.
   The sockets are open WebSockets already; Python has done the handshakes. Built by `native.py` on demand. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../send_all.h"

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Send `rounds` pieces to each of `count` sockets; piece r lies at offsets[r] .. offsets[r + 1]. One socket is served
   after the other, evenly spread over the time: `gap_ns` from one send to the next (0: as fast as they are taken). */
int send_rounds(const int *fds, int count, const char *bytes, const int64_t *offsets, int rounds, double gap_ns) {
    int64_t began = now_ns();
    double due = 0;
    for (int round = 0; round < rounds; round++)
        for (int member = 0; member < count; member++, due += gap_ns) {
            if (gap_ns > 0)
                for (int64_t left; (left = began + (int64_t)due - now_ns()) > 0;) {
                    struct timespec pause = {0, left > 60000 ? left - 50000 : 1};
                    if (left > 60000) nanosleep(&pause, NULL);
                }
            if (send_all(fds[member], bytes + offsets[round], offsets[round + 1] - offsets[round])) return -1;
        }
    return 0;
}

typedef struct {
    uint8_t *rest;
    size_t kept, room;
} Tail;

/* Whole frames in `data`; *used is where the first that is not whole begins. Server frames: never masked. */
static int64_t count_frames(const uint8_t *data, size_t size, size_t *used) {
    int64_t frames = 0;
    size_t at = 0;
    while (size - at >= 2) {
        size_t head = 2;
        uint64_t length = data[at + 1] & 0x7f;
        if (length == 126) {
            if (size - at < 4) break;
            length = (uint64_t)data[at + 2] << 8 | data[at + 3];
            head = 4;
        } else if (length == 127) {
            if (size - at < 10) break;
            length = 0;
            for (int byte = 2; byte < 10; byte++) length = length << 8 | data[at + byte];
            head = 10;
        }
        if (size - at - head < length) break;
        at += head + length;
        frames++;
    }
    *used = at;
    return frames;
}

/* Read until `wanted` frames have come in all, or an end or an error (-1); *reads is how often something was there. */
int64_t read_frames(const int *fds, int count, int64_t wanted, int64_t *reads) {
    static uint8_t buffer[1 << 18];
    int64_t frames = 0;
    int poller = epoll_create1(0), most = -1;
    for (int i = 0; i < count; i++) most = fds[i] > most ? fds[i] : most;
    Tail *tails = calloc(most + 1, sizeof(Tail));
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {EPOLLIN, {.fd = fds[i]}};
        epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event);
    }
    struct epoll_event ready[256];
    while (frames < wanted) {
        int many = epoll_wait(poller, ready, 256, 20000);
        if (many <= 0) { frames = -1; break; }
        for (int i = 0; i < many && frames >= 0; i++) {
            int fd = ready[i].data.fd;
            Tail *tail = &tails[fd];
            memcpy(buffer, tail->rest, tail->kept);
            ssize_t got = recv(fd, buffer + tail->kept, sizeof buffer - tail->kept, MSG_DONTWAIT);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (got <= 0) { frames = -1; break; }
            ++*reads;
            size_t size = tail->kept + got, used;
            frames += count_frames(buffer, size, &used);
            tail->kept = size - used;
            if (tail->kept > tail->room) tail->rest = realloc(tail->rest, tail->room = tail->kept);
            memcpy(tail->rest, buffer + used, tail->kept);
        }
    }
    close(poller);
    for (int i = 0; i <= most; i++) free(tails[i].rest);
    free(tails);
    return frames;
}
