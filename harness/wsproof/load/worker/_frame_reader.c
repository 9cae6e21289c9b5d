/* The compiled reader of a worker's connections: recvmsg with the kernel's time, frame boundaries, a look-up of each
   frame, and rows of numbers. It is optional: `compiled_poller.py` uses it where it could be built, and without it
   `socket_transport.py` and `connection.py` do the same in Python.

   A connection is *plain* while the next byte starts a frame that `wsproof.wire.scan` would take, and its member is in.
   Only known frames of plain connections, and the start of one at the end, are handled here. Python gets all bytes from
   the first other one on (`take`), and answers whether the connection is plain now.

   Linux only, little-endian, one thread. The limited API of Python 3.11: one build serves all later versions. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <structmember.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rows are little-endian"
#endif

#define READ_BYTES (64 * 1024)       /* as in socket_transport.py */
#define LARGE_READ_BYTES (32 * 1024) /* as in receive_queue.py */
#define MOST_KEPT (64 * 1024)        /* longest start of a frame that waits here; Python assembles longer ones */
#define INTERFACE 1                  /* as in compiled_poller.py: raise both with every change */
#define MOST_KNOWN 65536             /* known frames, as in recorder.py */
#define PLACES (2 * MOST_KNOWN)      /* of the hash table; a power of two */
#define EVENTS 256
#define STAMP 35                     /* SO_TIMESTAMPNS, SCM_TIMESTAMPNS */

typedef struct {
    int64_t *numbers;
    size_t count, room;
} Rows;

typedef struct {
    PyObject *frame; /* bytes */
    const char *bytes;
    size_t size;
    int64_t number;
} Known;

typedef struct {
    int64_t member, at_ns; /* at_ns: the stamp of the last read */
    char *kept;            /* the start of a frame whose end has not come yet */
    size_t kept_bytes, kept_room;
    uint32_t next; /* place among the known frames of the one that probably comes next: learned after the last one */
    char is_watched, is_plain;
} Connection;

typedef struct {
    PyObject_HEAD
    int epoll;
    PyObject *take, *end, *fill, *fire;
    Connection *connections; /* by file descriptor */
    size_t connections_room;
    Known *known; /* in the order in which they were learned */
    uint32_t known_count, *places; /* hash table, open addressing: index of a known frame + 1; 0 is free */
    Rows receipts, intervals;
    long long idle_ns, read_ns, woke_ns, due_ns, offset_ns;
    char buffer[MOST_KEPT + READ_BYTES];
    int64_t found[(MOST_KEPT + READ_BYTES) / 2];
} Reader;

static int64_t ns_of(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return ns_of(t);
}

static int no_memory(void) {
    PyErr_NoMemory();
    return -1;
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

static PyObject *taken(Rows *rows) {
    PyObject *packed = PyBytes_FromStringAndSize((char *)rows->numbers, (Py_ssize_t)(rows->count * sizeof(int64_t)));
    if (packed != NULL) rows->count = 0;
    return packed;
}

/* Record the messages of one read, which `found` has. Only a message that ends with the read has an exact time. */
static int record(Reader *self, const Connection *connection, size_t count, int ends_with_frame, int64_t at_ns) {
    int64_t *row = extend(&self->receipts, 3 * count);
    if (row == NULL && count) return no_memory();
    for (size_t i = 0; i < count; i++, row += 3)
        row[0] = connection->member, row[1] = self->found[i], row[2] = at_ns;
    size_t uncertain = count - (count && ends_with_frame);
    if (uncertain == 0) return 0;
    if ((row = extend(&self->intervals, 4)) == NULL) return no_memory();
    row[0] = connection->at_ns, row[1] = at_ns, row[2] = (int64_t)uncertain, row[3] = self->woke_ns;
    return 0;
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

/* The place in the hash table of these bytes, or the free one where they belong. */
static uint32_t *place_of(Reader *self, const char *bytes, size_t size) {
    uint64_t hash = size, word = 0;
    size_t left = size;
    for (const char *at = bytes; left; at += sizeof word) {
        size_t some = left < sizeof word ? left : sizeof word;
        if (some < sizeof word) word = 0;
        memcpy(&word, at, some);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
        left -= some;
    }
    for (size_t at = hash % PLACES;; at = (at + 1) % PLACES) {
        if (self->places[at] == 0) return &self->places[at];
        Known *known = &self->known[self->places[at] - 1];
        if (known->size == size && memcmp(known->bytes, bytes, size) == 0) return &self->places[at];
    }
}

/* The known frame with these bytes; NULL if there is none. Members of a room get the same frames in the same order. */
static Known *known_frame(Reader *self, Connection *connection, const char *bytes, size_t size) {
    Known *known = &self->known[connection->next];
    if (connection->next >= self->known_count || known->size != size || memcmp(known->bytes, bytes, size) != 0) {
        uint32_t place = *place_of(self, bytes, size);
        if (place == 0) return NULL;
        known = &self->known[place - 1];
    }
    connection->next = (uint32_t)(known - self->known) + 1;
    return known;
}

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

/* Look up the known frames at the start of `data`. Returns how many they are. *used: their bytes. *is_other: whether
   Python must read what follows them. */
static size_t look_up(Reader *self, Connection *connection, const char *data, size_t size, size_t *used, int *is_other) {
    size_t count = 0, at = 0;
    for (*is_other = 0; at < size;) {
        int64_t frame = frame_size((const uint8_t *)data + at, size - at);
        if (frame == 0 || frame > (int64_t)(size - at)) {
            *is_other = size - at > MOST_KEPT;
            break;
        }
        Known *known = frame < 0 ? NULL : known_frame(self, connection, data + at, (size_t)frame);
        if ((*is_other = known == NULL)) break;
        self->found[count++] = known->number;
        at += (size_t)frame;
    }
    *used = at;
    return count;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static Connection *connection_of(Reader *self, int fd) {
    int is_watched = fd >= 0 && (size_t)fd < self->connections_room && self->connections[fd].is_watched;
    return is_watched ? &self->connections[fd] : NULL;
}

/* Keep the start of a frame, at most MOST_KEPT bytes, until its end comes. */
static int keep(Connection *connection, const char *bytes, size_t size) {
    if (size > MOST_KEPT) return no_memory();
    if (size > connection->kept_room) {
        char *kept = realloc(connection->kept, size);
        if (kept == NULL) return no_memory();
        connection->kept = kept;
        connection->kept_room = size;
    }
    if (size) memcpy(connection->kept, bytes, size);
    connection->kept_bytes = size;
    return 0;
}

/* Let Python read bytes that were read here. It answers with the stamp of its last read, and the start of a frame or
   None. is_full: the read filled the buffer, so data that came before its stamp may be left behind. */
static int give(Reader *self, int fd, const char *data, size_t size, int64_t wall_ns, int64_t now, int is_full) {
    Connection *connection = &self->connections[fd];
    long long at_ns = connection->at_ns;
    const char *rest;
    Py_ssize_t rest_bytes;
    connection->kept_bytes = 0;
    PyObject *answer = PyObject_CallFunction(self->take, "iy#LLLi", fd, data, (Py_ssize_t)size, (long long)wall_ns,
                                             (long long)now, at_ns, is_full);
    int failed = answer == NULL || !PyArg_ParseTuple(answer, "Lz#", &at_ns, &rest, &rest_bytes);
    if (!failed && (connection = connection_of(self, fd)) != NULL) { /* else Python has ended it meanwhile */
        connection->at_ns = at_ns;
        connection->is_plain = rest != NULL;
        failed = rest != NULL && keep(connection, rest, (size_t)rest_bytes);
    }
    Py_XDECREF(answer);
    return failed ? -1 : 0;
}

/* Handle a read of `got` bytes, which lie in the buffer behind what was kept. */
static int handle(Reader *self, int fd, Connection *connection, size_t got, int64_t wall_ns, int64_t now) {
    size_t size = connection->kept_bytes + got, used = 0;
    int64_t at_ns = wall_ns ? wall_ns - self->offset_ns : now;
    int is_other = 1, is_full = got == READ_BYTES;
    if (got >= LARGE_READ_BYTES) { /* Python notes how full the receive buffer was */
        PyObject *done = PyObject_CallFunction(self->fill, "inL", fd, (Py_ssize_t)got, (long long)at_ns);
        if (done == NULL) return -1;
        Py_DECREF(done);
    }
    if (connection->is_plain && wall_ns && at_ns <= now) {
        if (at_ns < connection->at_ns) at_ns = connection->at_ns; /* the wall clock was set back */
        size_t count = look_up(self, connection, self->buffer, size, &used, &is_other);
        if (record(self, connection, count, used == size, at_ns)) return -1;
    }
    if (is_other) return give(self, fd, self->buffer + used, size - used, wall_ns, now, is_full);
    if (!is_full) connection->at_ns = at_ns;
    return keep(connection, self->buffer + used, size - used);
}

/* Tell Python that a connection has ended, or failed with `error`. */
static int end(Reader *self, int fd, int error) {
    PyObject *done = PyObject_CallFunction(self->end, "ii", fd, error);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Read a socket once. */
static int read_once(Reader *self, int fd, Connection *connection) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec place = {self->buffer + connection->kept_bytes, READ_BYTES};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct timespec stamp = {0};
    if (connection->kept_bytes) memcpy(self->buffer, connection->kept, connection->kept_bytes);
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    int64_t now = now_ns();
    if (now - self->read_ns > self->idle_ns) self->woke_ns = now;
    self->read_ns = now;
    if (got <= 0) return end(self, fd, got < 0 ? errno : 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == STAMP)
        memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
    if (handle(self, fd, connection, (size_t)got, ns_of(stamp), now)) return -1;
    if (now < self->due_ns) return 0;
    PyObject *due_ns = PyObject_CallNoArgs(self->fire);
    self->due_ns = due_ns == NULL ? -1 : PyLong_AsLongLong(due_ns);
    Py_XDECREF(due_ns);
    return PyErr_Occurred() ? -1 : 0;
}

/* --- methods --------------------------------------------------------------------------------------------------- */

static PyObject *reader_poll(Reader *self, PyObject *arguments) {
    struct epoll_event ready[EVENTS];
    if (!PyArg_ParseTuple(arguments, "LL", &self->due_ns, &self->offset_ns)) return NULL;
    int many = epoll_wait(self->epoll, ready, EVENTS, 0);
    if (many < 0 && errno != EINTR) return PyErr_SetFromErrno(PyExc_OSError);
    for (int i = 0; i < many; i++) {
        Connection *connection = connection_of(self, ready[i].data.fd);
        if (connection == NULL) continue; /* removed by a callback */
        if (ready[i].events & (EPOLLERR | EPOLLHUP) ? end(self, ready[i].data.fd, 0)
                                                    : read_once(self, ready[i].data.fd, connection))
            return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *reader_watch(Reader *self, PyObject *arguments) {
    int fd;
    long long member, at_ns;
    if (!PyArg_ParseTuple(arguments, "iLL", &fd, &member, &at_ns)) return NULL;
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
    self->connections[fd] = (Connection){.member = member, .at_ns = at_ns, .is_watched = 1};
    Py_RETURN_NONE;
}

static PyObject *reader_unwatch(Reader *self, PyObject *argument) {
    Connection *connection = connection_of(self, (int)PyLong_AsLong(argument));
    if (PyErr_Occurred()) return NULL;
    if (connection != NULL) {
        free(connection->kept);
        *connection = (Connection){0};
    }
    Py_RETURN_NONE;
}

static PyObject *reader_take_back(Reader *self, PyObject *argument) {
    Connection *connection = connection_of(self, (int)PyLong_AsLong(argument));
    if (PyErr_Occurred()) return NULL;
    if (connection == NULL || !connection->is_plain) Py_RETURN_NONE;
    connection->is_plain = 0;
    size_t size = connection->kept_bytes;
    connection->kept_bytes = 0;
    return Py_BuildValue("Ly#", (long long)connection->at_ns, size ? connection->kept : "", (Py_ssize_t)size);
}

static PyObject *reader_learn(Reader *self, PyObject *arguments) {
    PyObject *frame;
    long long number;
    if (!PyArg_ParseTuple(arguments, "SL", &frame, &number)) return NULL;
    const char *bytes = PyBytes_AsString(frame);
    size_t size = (size_t)PyBytes_Size(frame);
    uint32_t *place = place_of(self, bytes, size);
    if (*place == 0 && self->known_count < MOST_KNOWN) {
        self->known[self->known_count++] = (Known){Py_NewRef(frame), bytes, size, number};
        *place = self->known_count;
    }
    if (*place) self->known[*place - 1].number = number;
    Py_RETURN_NONE;
}

static PyObject *reader_forget(Reader *self, PyObject *unused) {
    (void)unused;
    while (self->known_count) Py_DECREF(self->known[--self->known_count].frame);
    memset(self->places, 0, PLACES * sizeof *self->places);
    Py_RETURN_NONE;
}

static PyObject *reader_receipts(Reader *self, PyObject *unused) { (void)unused; return taken(&self->receipts); }
static PyObject *reader_intervals(Reader *self, PyObject *unused) { (void)unused; return taken(&self->intervals); }

static PyObject *reader_close(Reader *self, PyObject *unused) {
    (void)unused;
    for (size_t fd = 0; fd < self->connections_room; fd++) free(self->connections[fd].kept);
    self->connections_room = 0;
    Py_CLEAR(self->take);
    Py_CLEAR(self->end);
    Py_CLEAR(self->fill);
    Py_CLEAR(self->fire);
    Py_RETURN_NONE;
}

/* --- the type -------------------------------------------------------------------------------------------------- */

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"epoll", "take", "end", "fill", "fire", "idle_ns", NULL};
    Reader *self = (Reader *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL) return NULL;
    self->known = calloc(MOST_KNOWN, sizeof *self->known); /* the kernel gives pages when they are written */
    self->places = calloc(PLACES, sizeof *self->places);
    if (self->known == NULL || self->places == NULL) PyErr_NoMemory();
    else if (PyArg_ParseTupleAndKeywords(arguments, keywords, "iOOOOL", names, &self->epoll, &self->take, &self->end,
                                         &self->fill, &self->fire, &self->idle_ns)) {
        Py_INCREF(self->take), Py_INCREF(self->end), Py_INCREF(self->fill), Py_INCREF(self->fire);
        return (PyObject *)self;
    }
    self->take = self->end = self->fill = self->fire = NULL;
    Py_DECREF(self);
    return NULL;
}

static void reader_dealloc(Reader *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    Py_DECREF(reader_close(self, NULL));
    if (self->places != NULL) Py_DECREF(reader_forget(self, NULL));
    free(self->connections), free(self->known), free(self->places);
    free(self->receipts.numbers), free(self->intervals.numbers);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

#define METHOD(name, flags, text) {#name, (PyCFunction)reader_##name, flags, text}
static PyMethodDef methods[] = {
    METHOD(poll, METH_VARARGS, "poll(due_ns, offset_ns): read every socket that is ready, once."),
    METHOD(watch, METH_VARARGS, "watch(fd, member, at_ns): begin with a socket, last read at `at_ns`. It is not plain."),
    METHOD(unwatch, METH_O, "unwatch(fd): read a socket no more."),
    METHOD(take_back, METH_O, "take_back(fd): make a connection not plain. Returns (at_ns, rest), or None."),
    METHOD(learn, METH_VARARGS, "learn(frame, number): record this frame as this message from now on."),
    METHOD(forget, METH_NOARGS, "Forget all frames."),
    METHOD(receipts, METH_NOARGS, "Take the rows (member, message, at_ns) so far."),
    METHOD(intervals, METH_NOARGS, "Take the rows (after_ns, at_ns, messages, woke_ns) so far."),
    METHOD(close, METH_NOARGS, "Watch nothing more, and call nothing back."),
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
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {"wsproof.load.worker._frame_reader.FrameReader", sizeof(Reader), 0, Py_TPFLAGS_DEFAULT, slots};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_frame_reader", .m_size = -1};

PyMODINIT_FUNC PyInit__frame_reader(void) {
    PyObject *made = PyModule_Create(&module), *type = PyType_FromSpec(&spec);
    if (made == NULL || type == NULL || PyModule_AddObjectRef(made, "FrameReader", type) ||
        PyModule_AddIntConstant(made, "MOST_KEPT", MOST_KEPT) ||
        PyModule_AddIntConstant(made, "INTERFACE", INTERFACE)) {
        Py_XDECREF(made);
        made = NULL;
    }
    Py_XDECREF(type);
    return made;
}
