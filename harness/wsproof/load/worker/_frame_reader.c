/* The compiled reader of a worker's connections: epoll, recvmsg with the kernel's time, frame boundaries, a look-up of
   each frame, and rows of numbers. It is optional: `compiled_poller.py` uses it where it could be built, and without it
   `socket_transport.py` and `connection.py` do the same in Python.

   A connection is *plain* while the next byte starts a frame that `wsproof.wire.scan` would take, and its member is in.
   Only reads of plain connections that consist of known frames, and of the start of one at the end, are handled here.
   Python gets all other bytes (`take`), and answers whether the connection is plain now.

   Linux only, little-endian, one thread. The limited API of Python 3.11: one build serves all later versions. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <structmember.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rows are little-endian"
#endif

#define READ_BYTES (64 * 1024)      /* as in socket_transport.py */
#define LARGE_READ_BYTES (32 * 1024) /* as in receive_queue.py */
#define MOST_KEPT (64 * 1024)       /* longest start of a frame that waits here; Python assembles longer ones */
#define MOST_FRAMES ((READ_BYTES + MOST_KEPT) / 2)
#define EVENTS 256
#define STAMP 35 /* SO_TIMESTAMPNS, SCM_TIMESTAMPNS */

typedef struct {
    int64_t *numbers;
    size_t count, room;
} Rows;

typedef struct {
    uint8_t *bytes; /* NULL: no frame here */
    size_t size;
    uint64_t hash;
    int64_t number;
} Known;

typedef struct {
    int64_t member, at_ns; /* at_ns: the stamp of the last read */
    uint8_t *kept;         /* the start of a frame whose end has not come yet */
    size_t kept_bytes, kept_room;
    uint32_t serial;
    char is_watched, is_plain;
} Connection;

typedef struct {
    PyObject_HEAD
    int epoll;
    PyObject *owner, *clock, *take, *end;
    Connection *connections; /* by file descriptor */
    size_t connections_room;
    uint32_t serial;
    Known *known; /* open addressing; the room is a power of two */
    size_t known_room, known_count;
    Rows receipts, intervals, queues;
    long long idle_ns, read_ns, woke_ns, due_ns, offset_ns;
    uint8_t buffer[MOST_KEPT + READ_BYTES];
    int64_t found[MOST_FRAMES];
} Reader;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- rows ------------------------------------------------------------------------------------------------------ */

/* Room for `more` numbers behind the last one; NULL without memory. */
static int64_t *extend(Rows *rows, size_t more) {
    if (rows->count + more > rows->room) {
        size_t room = (rows->count + more) * 2;
        int64_t *numbers = realloc(rows->numbers, room * sizeof *numbers);
        if (numbers == NULL) return NULL;
        rows->numbers = numbers;
        rows->room = room;
    }
    rows->count += more;
    return rows->numbers + rows->count - more;
}

static int no_memory(void) {
    PyErr_NoMemory();
    return -1;
}

static PyObject *taken(Rows *rows) {
    PyObject *packed = PyBytes_FromStringAndSize((char *)rows->numbers, (Py_ssize_t)(rows->count * sizeof(int64_t)));
    if (packed != NULL) rows->count = 0;
    return packed;
}

/* --- known frames ---------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const uint8_t *bytes, size_t size) {
    uint64_t hash = size, word;
    for (; size >= 8; bytes += 8, size -= 8) {
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, bytes, size);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

/* The entry of a frame, or the free one where it belongs. */
static Known *entry_of(Known *known, size_t room, const uint8_t *bytes, size_t size, uint64_t hash) {
    size_t at = hash & (room - 1);
    while (known[at].bytes != NULL &&
           (known[at].hash != hash || known[at].size != size || memcmp(known[at].bytes, bytes, size) != 0))
        at = (at + 1) & (room - 1);
    return &known[at];
}

static int grow_known(Reader *self) {
    size_t room = self->known_room ? self->known_room * 2 : 1024;
    Known *known = calloc(room, sizeof *known);
    if (known == NULL) return -1;
    for (size_t at = 0; at < self->known_room; at++) {
        Known *old = &self->known[at];
        if (old->bytes != NULL) *entry_of(known, room, old->bytes, old->size, old->hash) = *old;
    }
    free(self->known);
    self->known = known;
    self->known_room = room;
    return 0;
}

static void forget_known(Reader *self) {
    for (size_t at = 0; at < self->known_room; at++) {
        free(self->known[at].bytes);
        self->known[at].bytes = NULL;
    }
    self->known_count = 0;
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

/* The size of the ordinary frame at the start of `data`; 0: bytes are missing to tell; -1: not an ordinary frame. */
static int64_t frame_size(const uint8_t *data, size_t size) {
    if (data[0] != 0x81 && data[0] != 0x82) return -1;
    if (size < 2) return 0;
    if (data[1] < 126) return 2 + data[1];
    if (data[1] != 126) return -1; /* masked, or longer than what is kept here */
    if (size < 4) return 0;
    int64_t length = data[2] << 8 | data[3];
    return length < 126 ? -1 : 4 + length;
}

/* Look up all frames of `data`. Returns how many they are, or -1 if Python must read the data. *used: their bytes. */
static Py_ssize_t look_up(Reader *self, const uint8_t *data, size_t size, size_t *used) {
    Py_ssize_t count = 0;
    size_t at = 0;
    while (at < size) {
        int64_t frame = frame_size(data + at, size - at);
        if (frame < 0) return -1;
        if (frame == 0 || (size_t)frame > size - at) {
            if (size - at > MOST_KEPT) return -1;
            break;
        }
        if (self->known_room == 0) return -1;
        uint64_t hash = hash_of(data + at, frame);
        Known *known = entry_of(self->known, self->known_room, data + at, frame, hash);
        if (known->bytes == NULL) return -1;
        self->found[count++] = known->number;
        at += frame;
    }
    *used = at;
    return count;
}

static int keep(Connection *connection, const uint8_t *bytes, size_t size) {
    if (size > connection->kept_room) {
        uint8_t *kept = realloc(connection->kept, size);
        if (kept == NULL) return -1;
        connection->kept = kept;
        connection->kept_room = size;
    }
    if (size) memcpy(connection->kept, bytes, size);
    connection->kept_bytes = size;
    return 0;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static Connection *connection_of(Reader *self, int fd) {
    int is_watched = fd >= 0 && (size_t)fd < self->connections_room && self->connections[fd].is_watched;
    return is_watched ? &self->connections[fd] : NULL;
}

/* The attribute's number, which the owner changes now and then. */
static int number_attribute(PyObject *owner, const char *name, long long *number) {
    PyObject *value = PyObject_GetAttrString(owner, name);
    if (value == NULL) return -1;
    *number = PyLong_AsLongLong(value);
    Py_DECREF(value);
    return *number == -1 && PyErr_Occurred() ? -1 : 0;
}

static int refresh(Reader *self) {
    return number_attribute(self->owner, "due_ns", &self->due_ns) ||
           number_attribute(self->clock, "offset_ns", &self->offset_ns);
}

/* Continue with a connection as Python left it: not plain (None), or with its last stamp and the start of a frame. */
static int resume(Reader *self, int fd, uint32_t serial, PyObject *answer) {
    Connection *connection = connection_of(self, fd);
    long long at_ns;
    const char *rest;
    Py_ssize_t size;
    if (connection == NULL || connection->serial != serial) return 0; /* Python has removed it meanwhile */
    connection->is_plain = 0;
    if (answer == Py_None) return 0;
    if (!PyArg_ParseTuple(answer, "Ly#", &at_ns, &rest, &size)) return -1;
    if (size > MOST_KEPT) {
        PyErr_SetString(PyExc_ValueError, "the start of a frame is longer than what is kept here");
        return -1;
    }
    if (keep(connection, (const uint8_t *)rest, size)) return no_memory();
    connection->at_ns = at_ns;
    connection->is_plain = 1;
    return 0;
}

/* Let Python read bytes that were read here. error: errno of a failed read, else 0. */
static int give(Reader *self, int fd, Connection *connection, const uint8_t *data, size_t size, int64_t wall_ns,
                int64_t now, int error) {
    uint32_t serial = connection->serial;
    connection->kept_bytes = 0;
    PyObject *answer = PyObject_CallFunction(self->take, "iy#LLLi", fd, (const char *)data, (Py_ssize_t)size,
                                             (long long)wall_ns, (long long)now, (long long)connection->at_ns, error);
    if (answer == NULL) return -1;
    int failed = resume(self, fd, serial, answer);
    Py_DECREF(answer);
    return failed ? -1 : refresh(self);
}

/* Note how full the receive buffer was. */
static int note_queue(Reader *self, int fd, size_t read_bytes, int64_t at_ns) {
    int left = 0;
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (ioctl(fd, FIONREAD, &left) || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size)) return 0;
    int64_t *row = extend(&self->queues, 3);
    if (row == NULL) return -1;
    row[0] = at_ns, row[1] = (int64_t)read_bytes + left, row[2] = info.tcpi_rcv_ssthresh;
    return 0;
}

/* Record the messages of one read. */
static int record(Reader *self, Connection *connection, Py_ssize_t count, int ends_with_frame, int64_t at_ns) {
    int64_t *row = extend(&self->receipts, 3 * (size_t)count);
    if (row == NULL && count) return -1;
    for (Py_ssize_t i = 0; i < count; i++, row += 3)
        row[0] = connection->member, row[1] = self->found[i], row[2] = at_ns;
    int64_t uncertain = count - (count && ends_with_frame);
    if (uncertain > 0) {
        if ((row = extend(&self->intervals, 4)) == NULL) return -1;
        row[0] = connection->at_ns, row[1] = at_ns, row[2] = uncertain, row[3] = self->woke_ns;
    }
    return 0;
}

/* Handle a read of `got` bytes, which lie in the buffer behind what was kept. */
static int handle(Reader *self, int fd, Connection *connection, size_t got, int64_t wall_ns, int64_t now) {
    size_t size = connection->kept_bytes + got, used = 0;
    int64_t at_ns = wall_ns ? wall_ns - self->offset_ns : 0;
    Py_ssize_t count = -1;
    if (connection->is_plain && wall_ns && at_ns <= now) count = look_up(self, self->buffer, size, &used);
    if (count < 0) return give(self, fd, connection, self->buffer, size, wall_ns, now, 0);
    if (at_ns < connection->at_ns) at_ns = connection->at_ns; /* the wall clock was set back */
    if (got >= LARGE_READ_BYTES && note_queue(self, fd, got, at_ns)) return no_memory();
    if (record(self, connection, count, used == size, at_ns)) return no_memory();
    if (keep(connection, self->buffer + used, size - used)) return no_memory();
    if (got < READ_BYTES) connection->at_ns = at_ns; /* a full read may leave data behind that came before its stamp */
    return 0;
}

/* Read a socket once. */
static int read_once(Reader *self, int fd, Connection *connection) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    memcpy(self->buffer, connection->kept, connection->kept_bytes);
    struct iovec place = {self->buffer + connection->kept_bytes, READ_BYTES};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    int error = got < 0 ? errno : 0;
    if (error == EAGAIN || error == EINTR) return 0;
    int64_t now = now_ns(), wall_ns = 0;
    if (now - self->read_ns > self->idle_ns) self->woke_ns = now;
    self->read_ns = now;
    if (got <= 0) { /* the end. Python reads the start of a frame first, which now stays incomplete. */
        uint32_t serial = connection->serial;
        if (connection->kept_bytes &&
            give(self, fd, connection, self->buffer, connection->kept_bytes, 0, now, 0)) return -1;
        connection = connection_of(self, fd);
        if (connection == NULL || connection->serial != serial) return 0;
        return give(self, fd, connection, self->buffer, 0, 0, now, error);
    }
    struct cmsghdr *stamp = CMSG_FIRSTHDR(&message);
    if (stamp != NULL && stamp->cmsg_level == SOL_SOCKET && stamp->cmsg_type == STAMP) {
        struct timespec at;
        memcpy(&at, CMSG_DATA(stamp), sizeof at);
        wall_ns = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
    }
    if (handle(self, fd, connection, (size_t)got, wall_ns, now)) return -1;
    if (now < self->due_ns) return 0;
    PyObject *done = PyObject_CallMethod(self->owner, "fire", NULL);
    if (done == NULL) return -1;
    Py_DECREF(done);
    return refresh(self);
}

/* --- methods --------------------------------------------------------------------------------------------------- */

static PyObject *reader_poll(Reader *self, PyObject *unused) {
    (void)unused;
    struct epoll_event ready[EVENTS];
    int many = epoll_wait(self->epoll, ready, EVENTS, 0);
    if (many < 0 && errno != EINTR) return PyErr_SetFromErrno(PyExc_OSError);
    if (refresh(self)) return NULL;
    for (int i = 0; i < many; i++) {
        int fd = (int)(uint32_t)ready[i].data.u64;
        Connection *connection = connection_of(self, fd);
        if (connection == NULL || connection->serial != ready[i].data.u64 >> 32) continue; /* removed by a callback */
        if (ready[i].events & (EPOLLERR | EPOLLHUP)) {
            PyObject *done = PyObject_CallFunction(self->end, "i", fd);
            if (done == NULL) return NULL;
            Py_DECREF(done);
            if (refresh(self)) return NULL;
        } else if (read_once(self, fd, connection)) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *reader_read(Reader *self, PyObject *argument) {
    int fd = (int)PyLong_AsLong(argument);
    Connection *connection = connection_of(self, fd);
    if (PyErr_Occurred() || refresh(self)) return NULL;
    if (connection != NULL && read_once(self, fd, connection)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *reader_watch(Reader *self, PyObject *arguments) {
    int fd;
    long long member;
    if (!PyArg_ParseTuple(arguments, "iL", &fd, &member)) return NULL;
    if (fd < 0 || connection_of(self, fd) != NULL) {
        PyErr_SetString(PyExc_ValueError, "no descriptor, or watched already");
        return NULL;
    }
    if ((size_t)fd >= self->connections_room) {
        size_t room = ((size_t)fd + 1) * 2;
        Connection *grown = realloc(self->connections, room * sizeof *grown);
        if (grown == NULL) return PyErr_NoMemory();
        memset(grown + self->connections_room, 0, (room - self->connections_room) * sizeof *grown);
        self->connections = grown;
        self->connections_room = room;
    }
    struct epoll_event event = {EPOLLIN, {.u64 = (uint64_t)++self->serial << 32 | (uint32_t)fd}};
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event)) return PyErr_SetFromErrno(PyExc_OSError);
    self->connections[fd] = (Connection){.member = member, .serial = self->serial, .is_watched = 1};
    Py_RETURN_NONE;
}

static PyObject *reader_unwatch(Reader *self, PyObject *argument) {
    int fd = (int)PyLong_AsLong(argument);
    Connection *connection = connection_of(self, fd);
    if (PyErr_Occurred()) return NULL;
    if (connection == NULL) Py_RETURN_NONE;
    free(connection->kept);
    *connection = (Connection){0};
    if (epoll_ctl(self->epoll, EPOLL_CTL_DEL, fd, NULL)) return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *reader_stop_reading(Reader *self, PyObject *argument) {
    int fd = (int)PyLong_AsLong(argument);
    Connection *connection = connection_of(self, fd);
    if (PyErr_Occurred()) return NULL;
    if (connection != NULL) {
        struct epoll_event event = {0, {.u64 = (uint64_t)connection->serial << 32 | (uint32_t)fd}};
        if (epoll_ctl(self->epoll, EPOLL_CTL_MOD, fd, &event)) return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

static PyObject *reader_take_back(Reader *self, PyObject *argument) {
    int fd = (int)PyLong_AsLong(argument);
    Connection *connection = connection_of(self, fd);
    if (PyErr_Occurred()) return NULL;
    if (connection == NULL || !connection->is_plain) Py_RETURN_NONE;
    connection->is_plain = 0;
    PyObject *state = Py_BuildValue("Ly#", (long long)connection->at_ns, connection->kept ? (char *)connection->kept : "",
                                    (Py_ssize_t)connection->kept_bytes);
    if (state != NULL) connection->kept_bytes = 0;
    return state;
}

static PyObject *reader_learn(Reader *self, PyObject *arguments) {
    const char *bytes;
    Py_ssize_t size;
    long long number;
    if (!PyArg_ParseTuple(arguments, "y#L", &bytes, &size, &number)) return NULL;
    if (2 * (self->known_count + 1) > self->known_room && grow_known(self)) return PyErr_NoMemory();
    uint64_t hash = hash_of((const uint8_t *)bytes, size);
    Known *entry = entry_of(self->known, self->known_room, (const uint8_t *)bytes, size, hash);
    if (entry->bytes == NULL) {
        uint8_t *copy = malloc(size ? size : 1);
        if (copy == NULL) return PyErr_NoMemory();
        memcpy(copy, bytes, size);
        *entry = (Known){copy, size, hash, number};
        self->known_count++;
    }
    entry->number = number;
    Py_RETURN_NONE;
}

static PyObject *reader_forget(Reader *self, PyObject *unused) {
    (void)unused;
    forget_known(self);
    Py_RETURN_NONE;
}

static PyObject *reader_fileno(Reader *self, PyObject *unused) {
    (void)unused;
    return PyLong_FromLong(self->epoll);
}

static PyObject *reader_receipts(Reader *self, PyObject *unused) { (void)unused; return taken(&self->receipts); }
static PyObject *reader_intervals(Reader *self, PyObject *unused) { (void)unused; return taken(&self->intervals); }
static PyObject *reader_queues(Reader *self, PyObject *unused) { (void)unused; return taken(&self->queues); }

static PyObject *reader_close(Reader *self, PyObject *unused) {
    (void)unused;
    if (self->epoll >= 0) close(self->epoll);
    self->epoll = -1;
    for (size_t fd = 0; fd < self->connections_room; fd++) free(self->connections[fd].kept);
    free(self->connections);
    self->connections = NULL;
    self->connections_room = 0;
    Py_RETURN_NONE;
}

/* --- the type -------------------------------------------------------------------------------------------------- */

static int reader_init(Reader *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"owner", "clock", "take", "end", "idle_ns", NULL};
    PyObject *owner, *clock, *take, *end;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOOOL", names, &owner, &clock, &take, &end, &self->idle_ns))
        return -1;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    self->owner = Py_NewRef(owner);
    self->clock = Py_NewRef(clock);
    self->take = Py_NewRef(take);
    self->end = Py_NewRef(end);
    return 0;
}

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)arguments, (void)keywords;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Reader *self = (Reader *)allocate(type, 0);
    if (self != NULL) self->epoll = -1;
    return (PyObject *)self;
}

static int reader_traverse(Reader *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->owner);
    Py_VISIT(self->clock);
    Py_VISIT(self->take);
    Py_VISIT(self->end);
    return 0;
}

static int reader_clear(Reader *self) {
    Py_CLEAR(self->owner);
    Py_CLEAR(self->clock);
    Py_CLEAR(self->take);
    Py_CLEAR(self->end);
    return 0;
}

static void reader_dealloc(Reader *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    reader_clear(self);
    Py_XDECREF(reader_close(self, NULL));
    forget_known(self);
    free(self->known);
    free(self->receipts.numbers);
    free(self->intervals.numbers);
    free(self->queues.numbers);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

#define METHOD(name, flags, text) {#name, (PyCFunction)reader_##name, flags, text}
static PyMethodDef methods[] = {
    METHOD(poll, METH_NOARGS, "Read every socket that is ready, once."),
    METHOD(read, METH_O, "Read one socket, once."),
    METHOD(watch, METH_VARARGS, "watch(fd, member): begin to read a socket. It is not plain."),
    METHOD(unwatch, METH_O, "unwatch(fd): read and watch a socket no more."),
    METHOD(stop_reading, METH_O, "stop_reading(fd): watch a socket for errors and its end only."),
    METHOD(take_back, METH_O, "take_back(fd): make a connection not plain. Returns (at_ns, rest), or None."),
    METHOD(learn, METH_VARARGS, "learn(frame, number): record this frame as this message from now on."),
    METHOD(forget, METH_NOARGS, "Forget all frames."),
    METHOD(fileno, METH_NOARGS, "The descriptor of the epoll instance, which is readable when a socket is."),
    METHOD(receipts, METH_NOARGS, "Take the rows (member, message, at_ns) so far."),
    METHOD(intervals, METH_NOARGS, "Take the rows (after_ns, at_ns, messages, woke_ns) so far."),
    METHOD(queues, METH_NOARGS, "Take the rows (at_ns, queued_bytes, window_bytes) so far."),
    METHOD(close, METH_NOARGS, "Watch nothing more."),
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"read_ns", T_LONGLONG, offsetof(Reader, read_ns), READONLY, "Time of the last read, in ns."},
    {"woke_ns", T_LONGLONG, offsetof(Reader, woke_ns), READONLY, "Time of the first read after a pause, in ns."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Reads plain connections, and lets Python read the others."},
    {Py_tp_new, reader_new},
    {Py_tp_init, reader_init},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_clear, reader_clear},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    "wsproof.load.worker._frame_reader.FrameReader", sizeof(Reader), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots,
};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_frame_reader", "The compiled reader of a worker's connections.", -1, NULL, NULL, NULL, NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__frame_reader(void) {
    PyObject *made = PyModule_Create(&module), *type = PyType_FromSpec(&spec);
    if (made == NULL || type == NULL || PyModule_AddObjectRef(made, "FrameReader", type) ||
        PyModule_AddIntConstant(made, "MOST_KEPT", MOST_KEPT)) {
        Py_XDECREF(made);
        made = NULL;
    }
    Py_XDECREF(type);
    return made;
}
