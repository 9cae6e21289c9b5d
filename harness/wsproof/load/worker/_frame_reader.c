/* The compiled reader of a worker's connections: recvmsg with the kernel's time, frame boundaries, a look-up of each
   frame, and rows of numbers. It is optional: `compiled_poller.py` uses it where it could be built, and without it
   `socket_transport.py` and `connection.py` do the same in Python.

   A connection is *plain* while the next byte starts a frame that `wsproof.wire.scan` would take, and its member is in.
   Only ordinary frames of plain connections are handled here, as soon as they are whole. The owner parses a new frame
   (`number_new`). From the first other byte on, it gets all bytes (`take`), and answers whether the connection is plain.

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
#define INTERFACE 2                  /* as in compiled_poller.py: raise both with every change */
#define MOST_KNOWN 65536             /* known frames, as in recorder.py */
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
    PyObject *start;       /* bytes of a frame whose end has not come yet; NULL if the connection is not plain */
    size_t next;           /* place among the known frames of the one that probably comes next */
    char is_watched;
} Connection;

typedef struct {
    PyObject_HEAD
    int epoll;
    PyObject *owner;         /* has the callbacks: see CompiledPoller */
    Connection *connections; /* by file descriptor */
    size_t connections_room;
    Known *known; /* in the order in which they were learned */
    size_t known_count;
    PyObject *places; /* dict: the place of each known frame */
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

/* 0, or -1 if a call of Python failed. */
static int succeeded(PyObject *result) {
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* --- rows ------------------------------------------------------------------------------------------------------ */

/* Room for `more` numbers behind the last one; NULL without memory. */
static int64_t *extend(Rows *rows, size_t more) {
    if (rows->count + more > rows->room) {
        size_t room = (rows->count + more) * 2;
        int64_t *numbers = realloc(rows->numbers, room * sizeof *numbers);
        if (numbers == NULL) return (int64_t *)PyErr_NoMemory();
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
    if (count == 0) return 0;
    int64_t *row = extend(&self->receipts, 3 * count);
    if (row == NULL) return -1;
    for (size_t i = 0; i < count; i++, row += 3)
        row[0] = connection->member, row[1] = self->found[i], row[2] = at_ns;
    int64_t uncertain = (int64_t)count - (ends_with_frame != 0);
    if (uncertain == 0) return 0;
    if ((row = extend(&self->intervals, 4)) == NULL) return -1;
    row[0] = connection->at_ns, row[1] = at_ns, row[2] = uncertain, row[3] = self->woke_ns;
    return 0;
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

/* Put the number of a frame into *number. Returns 1, or 0 if the owner must take the frame, or -1 after a failure.
   Members of a room get the same frames in the same order, so a guess of the frame is nearly always right. */
static int number_of(Reader *self, Connection *connection, const char *bytes, size_t size, int64_t *number) {
    size_t place = connection->next;
    if (place >= self->known_count || self->known[place].size != size ||
        memcmp(self->known[place].bytes, bytes, size) != 0) {
        PyObject *frame = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
        PyObject *found = frame == NULL ? NULL : PyDict_GetItemWithError(self->places, frame);
        if (found == NULL && !PyErr_Occurred()) {
            PyObject *answer = PyObject_CallMethod(self->owner, "number_new", "LO", (long long)connection->member, frame);
            *number = answer == NULL ? -1 : PyLong_AsLongLong(answer);
            connection->next = self->known_count; /* the owner has let this reader `learn` the frame */
            Py_XDECREF(answer), Py_DECREF(frame);
            return PyErr_Occurred() ? -1 : *number >= 0;
        }
        Py_XDECREF(frame);
        if (found == NULL) return -1;
        place = PyLong_AsSize_t(found);
    }
    connection->next = place + 1;
    *number = self->known[place].number;
    return 1;
}

/* Number the frames at the start of `data`, in `found`. Returns how many they are, or -1 after a failure.
   *used: their bytes. *is_other: whether the owner must read what follows them. */
static Py_ssize_t number_all(Reader *self, Connection *connection, const char *data, size_t size, size_t *used,
                             int *is_other) {
    Py_ssize_t count = 0;
    for (*is_other = 0, *used = 0; *used < size;) {
        int64_t frame = frame_size((const uint8_t *)data + *used, size - *used);
        if (frame == 0 || frame > (int64_t)(size - *used)) {
            *is_other = size - *used > MOST_KEPT;
            break;
        }
        int is_numbered = frame < 0 ? 0 : number_of(self, connection, data + *used, (size_t)frame, &self->found[count]);
        if (is_numbered < 0) return -1;
        if ((*is_other = !is_numbered)) break;
        count++;
        *used += (size_t)frame;
    }
    return count;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static Connection *connection_of(Reader *self, int fd) {
    int is_watched = fd >= 0 && (size_t)fd < self->connections_room && self->connections[fd].is_watched;
    return is_watched ? &self->connections[fd] : NULL;
}

/* Keep the start of a frame until its end comes: a new reference to bytes, or NULL if the connection is not plain. */
static void keep(Connection *connection, PyObject *start) {
    PyObject *last = connection->start;
    connection->start = start;
    Py_XDECREF(last);
}

/* Let the owner read bytes that were read here. It answers with the stamp of its last read, and the start of a frame
   or None. is_full: the read filled the buffer, so data that came before its stamp may be left behind. */
static int give(Reader *self, int fd, const char *data, size_t size, int64_t wall_ns, int64_t now, int is_full) {
    Connection *connection = &self->connections[fd];
    long long at_ns;
    PyObject *start;
    keep(connection, NULL);
    PyObject *answer = PyObject_CallMethod(self->owner, "take", "iy#LLLi", fd, data, (Py_ssize_t)size,
                                           (long long)wall_ns, (long long)now, (long long)connection->at_ns, is_full);
    if (answer == NULL || !PyArg_ParseTuple(answer, "LO", &at_ns, &start)) return succeeded(NULL);
    if ((connection = connection_of(self, fd)) != NULL) { /* else the owner has ended it meanwhile */
        connection->at_ns = at_ns;
        keep(connection, start == Py_None ? NULL : Py_NewRef(start));
    }
    Py_DECREF(answer);
    return 0;
}

/* Handle a read: `size` bytes in the buffer, of which the last `got` are new. */
static int handle(Reader *self, int fd, size_t size, size_t got, int64_t wall_ns, int64_t now) {
    Connection *connection = &self->connections[fd];
    size_t used = 0;
    int64_t at_ns = wall_ns ? wall_ns - self->offset_ns : now;
    int is_other = 1, is_full = got == READ_BYTES;
    if (got >= LARGE_READ_BYTES && /* the owner notes how full the receive buffer was */
        succeeded(PyObject_CallMethod(self->owner, "fill", "inL", fd, (Py_ssize_t)got, (long long)at_ns)))
        return -1;
    if (connection->start != NULL && wall_ns && at_ns <= now) {
        if (at_ns < connection->at_ns) at_ns = connection->at_ns; /* the wall clock was set back */
        Py_ssize_t count = number_all(self, connection, self->buffer, size, &used, &is_other);
        if (count < 0 || record(self, connection, (size_t)count, used == size, at_ns)) return -1;
    }
    if (is_other) return give(self, fd, self->buffer + used, size - used, wall_ns, now, is_full);
    if (!is_full) connection->at_ns = at_ns;
    if (used == size && PyBytes_Size(connection->start) == 0) return 0;
    PyObject *start = PyBytes_FromStringAndSize(self->buffer + used, (Py_ssize_t)(size - used));
    if (start != NULL) keep(connection, start);
    return start == NULL ? -1 : 0;
}

/* Read a socket once. */
static int read_once(Reader *self, int fd, const Connection *connection) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct timespec stamp = {0};
    size_t waiting = connection->start == NULL ? 0 : (size_t)PyBytes_Size(connection->start);
    if (waiting) memcpy(self->buffer, PyBytes_AsString(connection->start), waiting);
    struct iovec place = {self->buffer + waiting, READ_BYTES};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    int error = got < 0 ? errno : 0;
    int64_t now = now_ns();
    if (now - self->read_ns > self->idle_ns) self->woke_ns = now;
    self->read_ns = now;
    if (got <= 0) return succeeded(PyObject_CallMethod(self->owner, "end", "ii", fd, error));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == STAMP)
        memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
    if (handle(self, fd, waiting + (size_t)got, (size_t)got, ns_of(stamp), now)) return -1;
    if (now < self->due_ns) return 0;
    PyObject *due_ns = PyObject_CallMethod(self->owner, "fire", NULL);
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
        int fd = ready[i].data.fd, has_ended = (ready[i].events & (EPOLLERR | EPOLLHUP)) != 0;
        Connection *connection = connection_of(self, fd);
        if (connection == NULL) continue; /* removed by a callback */
        if (has_ended ? succeeded(PyObject_CallMethod(self->owner, "end", "ii", fd, 0)) : read_once(self, fd, connection))
            return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *reader_watch(Reader *self, PyObject *arguments) {
    int fd;
    long long member, at_ns;
    if (!PyArg_ParseTuple(arguments, "iLL", &fd, &member, &at_ns)) return NULL;
    if (fd < 0 || connection_of(self, fd) != NULL)
        return PyErr_Format(PyExc_ValueError, "expected a descriptor that is not watched yet, got %d", fd);
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
        keep(connection, NULL);
        connection->is_watched = 0;
    }
    Py_RETURN_NONE;
}

static PyObject *reader_take_back(Reader *self, PyObject *argument) {
    Connection *connection = connection_of(self, (int)PyLong_AsLong(argument));
    if (PyErr_Occurred()) return NULL;
    if (connection == NULL || connection->start == NULL) Py_RETURN_NONE;
    PyObject *start = connection->start;
    connection->start = NULL;
    return Py_BuildValue("LN", (long long)connection->at_ns, start);
}

static PyObject *reader_learn(Reader *self, PyObject *arguments) {
    PyObject *frame;
    long long number;
    if (!PyArg_ParseTuple(arguments, "SL", &frame, &number)) return NULL;
    PyObject *found = PyDict_GetItemWithError(self->places, frame);
    if (found != NULL) {
        self->known[PyLong_AsSize_t(found)].number = number;
    } else if (self->known_count < MOST_KNOWN && !PyErr_Occurred()) {
        PyObject *place = PyLong_FromSize_t(self->known_count);
        int failed = place == NULL || PyDict_SetItem(self->places, frame, place);
        Py_XDECREF(place);
        if (failed) return NULL;
        self->known[self->known_count++] =
            (Known){frame, PyBytes_AsString(frame), (size_t)PyBytes_Size(frame), number}; /* `places` owns the frame */
    }
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *reader_forget(Reader *self, PyObject *unused) {
    (void)unused;
    PyDict_Clear(self->places);
    self->known_count = 0;
    Py_RETURN_NONE;
}

static PyObject *reader_receipts(Reader *self, PyObject *unused) { (void)unused; return taken(&self->receipts); }
static PyObject *reader_intervals(Reader *self, PyObject *unused) { (void)unused; return taken(&self->intervals); }

static PyObject *reader_close(Reader *self, PyObject *unused) {
    (void)unused;
    for (size_t fd = 0; fd < self->connections_room; fd++) keep(&self->connections[fd], NULL);
    self->connections_room = 0;
    Py_CLEAR(self->owner);
    Py_RETURN_NONE;
}

/* --- the type -------------------------------------------------------------------------------------------------- */

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    int epoll;
    PyObject *owner;
    long long idle_ns;
    (void)keywords;
    if (!PyArg_ParseTuple(arguments, "iOL", &epoll, &owner, &idle_ns)) return NULL;
    Reader *self = (Reader *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL) return NULL;
    self->epoll = epoll, self->owner = Py_NewRef(owner), self->idle_ns = idle_ns;
    self->known = calloc(MOST_KNOWN, sizeof *self->known); /* the kernel gives pages when they are written */
    self->places = PyDict_New();
    if (self->known != NULL && self->places != NULL) return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static void reader_dealloc(Reader *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    Py_DECREF(reader_close(self, NULL));
    Py_CLEAR(self->places);
    free(self->connections), free(self->known), free(self->receipts.numbers), free(self->intervals.numbers);
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
