/* An echo and a chat room that cost as little as can be, so that whoever measures them is the slower one.
   The sockets are open WebSockets already; Python has done the handshakes. Built on demand by `benchmarks.compiled`. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../send_all.h"

enum { TEXT = 0x81, CLOSE = 0x88, ROOM = 1 << 16 };

typedef struct {
    uint8_t bytes[ROOM];
    size_t kept;
} Inbox;

/* A text frame: words in front, then the payload. */
static size_t frame_of(uint8_t *frame, const char *words, const uint8_t *payload, size_t size) {
    size_t before = strlen(words), length = before + size, head = 2;
    frame[0] = TEXT;
    if (length < 126) {
        frame[1] = (uint8_t)length;
    } else {
        frame[1] = 126, frame[2] = (uint8_t)(length >> 8), frame[3] = (uint8_t)length;
        head = 4;
    }
    memcpy(frame + head, words, before);
    memcpy(frame + head + before, payload, size);
    return head + length;
}

typedef struct {
    const int *fds;
    const char *const *names; /* NULL: an echo */
    int count;
} Members;

static void answer(const Members *members, int speaker, const uint8_t *payload, size_t size) {
    static uint8_t frame[ROOM + 256];
    char words[128];
    if (members->names == NULL) {
        send_all(members->fds[speaker], frame, frame_of(frame, "Message received: ", payload, size));
        return;
    }
    send_all(members->fds[speaker], frame, frame_of(frame, "You: ", payload, size));
    snprintf(words, sizeof words, "Client #%s says: ", members->names[speaker]);
    size_t length = frame_of(frame, words, payload, size);
    for (int i = 0; i < members->count; i++)
        if (members->fds[i] >= 0) send_all(members->fds[i], frame, length);
}

/* Take what is whole out of an inbox; 0 when the member has said goodbye, -1 for what no client of ours sends. */
static int take(const Members *members, int member, Inbox *inbox) {
    size_t at = 0;
    while (inbox->kept - at >= 6) {
        uint8_t *frame = inbox->bytes + at;
        size_t head = 2, length = frame[1] & 0x7f;
        if (!(frame[1] & 0x80) || length == 127) return -1;
        if (length == 126) {
            length = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        }
        if (inbox->kept - at < head + 4 + length) break;
        uint8_t *mask = frame + head, *payload = mask + 4;
        for (size_t i = 0; i < length; i++) payload[i] ^= mask[i & 3];
        if (frame[0] == CLOSE) return 0;
        if (frame[0] == TEXT) answer(members, member, payload, length);
        at += head + 4 + length;
    }
    memmove(inbox->bytes, inbox->bytes + at, inbox->kept -= at);
    return 1;
}

/* Serve until all members are gone. `names`: what the room calls each; NULL for an echo. 0, or -1 when one broke the
   protocol. The descriptors of those who are gone become -1 in `fds`; Python closes them. */
int serve(int *fds, const char *const *names, int count) {
    Members members = {fds, names, count};
    Inbox *inboxes = calloc(count, sizeof(Inbox));
    int poller = epoll_create1(0), here = count, result = 0;
    struct epoll_event ready[256];
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {EPOLLIN, {.u32 = (uint32_t)i}};
        epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event);
    }
    while (here && result == 0) {
        int many = epoll_wait(poller, ready, 256, 1000);
        for (int n = 0; n < many; n++) {
            int member = (int)ready[n].data.u32;
            Inbox *inbox = &inboxes[member];
            if (fds[member] < 0) continue;
            ssize_t got = recv(fds[member], inbox->bytes + inbox->kept, ROOM - inbox->kept, MSG_DONTWAIT);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            int stays = 0;
            if (got > 0) {
                inbox->kept += got;
                stays = take(&members, member, inbox);
                if (stays == 0) send_all(fds[member], "\x88\x02\x03\xe8", 4);
            }
            if (stays < 0) result = -1;
            if (stays <= 0) {
                epoll_ctl(poller, EPOLL_CTL_DEL, fds[member], NULL);
                shutdown(fds[member], SHUT_WR);
                fds[member] = -1;
                here--;
            }
        }
    }
    close(poller);
    free(inboxes);
    return result;
}
