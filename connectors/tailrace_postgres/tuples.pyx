# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows of pgoutput and of COPY read by compiled code: the fast form of the converters in `tailrace_postgres.types`.

Whatever is out of the ordinary (a value that the log left out, one that is refused, a message cut short) is left to the
interpreted reader, which knows what to say. Both give the same bytes: a test compares them for every kind.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memchr

from tailrace.loadrows cimport add

cdef enum:
    PLAIN_FLOAT_BYTES = 20  # as in types.py

cdef enum:
    CALL, TEXT, INTEGER, BOOLEAN, FLOAT, TIMESTAMP, TIMESTAMPTZ, SKIP

cdef dict _CODES = {
    "text": TEXT, "integer": INTEGER, "boolean": BOOLEAN, "float": FLOAT, "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMPTZ, "skip": SKIP,
}  # fmt: skip


#: What a byte behind a backslash stands for in COPY's text format.
cdef unsigned char UNESCAPED[256]


cdef void _fill() noexcept:
    cdef int byte
    for byte in range(256):
        UNESCAPED[byte] = byte
    UNESCAPED[ord("b")] = 8
    UNESCAPED[ord("t")] = 9
    UNESCAPED[ord("n")] = 10
    UNESCAPED[ord("v")] = 11
    UNESCAPED[ord("f")] = 12
    UNESCAPED[ord("r")] = 13


_fill()


cdef class Tuples:
    """The rows of one relation.

    Args:
        natives: per column the name of its compiled form, "" for none; "skip": the column is dropped.
        converters: per column the function that is called then.
        heads, key_heads: what stands before each value in the row's and in the key's object; b"" of a dropped column.
        key: indexes of the key's columns.
        tail: what ends the row's object: constant members, and the brace.
    """

    def __cinit__(self, natives, converters, heads, key_heads, key, tail=b"}"):
        cdef Py_ssize_t index
        self.width = len(natives)
        self.codes = <int *>PyMem_Malloc(max(self.width, 1) * sizeof(int))
        self.spans = <Py_ssize_t *>PyMem_Malloc(max(self.width, 1) * 2 * sizeof(Py_ssize_t))
        if self.codes == NULL or self.spans == NULL:
            raise MemoryError
        for index in range(self.width):
            self.codes[index] = _CODES.get(natives[index], CALL)
        self.converters = list(converters)
        self.heads = list(heads)
        self.key_heads = list(key_heads)
        self.key_columns = list(key)
        self.tail = tail
        self.row = b""
        self.out = Out()
        self.key_out = Out()
        self.text = Out()

    def __dealloc__(self):
        PyMem_Free(self.codes)
        PyMem_Free(self.spans)

    cpdef Py_ssize_t read(self, bytes buffer, Py_ssize_t at) except -2:
        """TupleData at `at`: where it ends, with `row` and `key` (None without one) set; -1: not by this reader."""
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(buffer)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(buffer), length, index
        cdef Out out = self.out
        cdef unsigned char kind
        out.n = 0
        if size - at < 2 or (data[at] << 8 | data[at + 1]) != self.width or not self.width:
            return -1
        at += 2
        for index in range(self.width):
            if at >= size:
                return -1
            out.put_bytes(<bytes>self.heads[index])
            self.spans[2 * index] = out.n
            kind = data[at]
            if kind == 0x74:
                if size - at < 5:
                    return -1
                length = (<Py_ssize_t>data[at + 1] << 24) | data[at + 2] << 16 | data[at + 3] << 8 | data[at + 4]
                at += 5
                if length > size - at or not self.value(index, data + at, length):
                    return -1
                at += length
            elif kind == 0x6E:
                if self.codes[index] != SKIP:
                    out.put(<const unsigned char *>"null", 4)
                at += 1
            elif kind == 0x75 and self.codes[index] == SKIP:
                at += 1
            else:
                return -1
            self.spans[2 * index + 1] = out.n
        self.finish()
        return at

    cdef int finish(self) except -1:
        """All values are written: makes `row` and `key`."""
        cdef Py_ssize_t index, column
        cdef Out out = self.out
        out.put_bytes(self.tail)
        self.row = out.taken(0, out.n)
        if not self.key_columns:
            return 0
        self.key_out.n = 0
        for index in range(len(self.key_columns)):
            column = self.key_columns[index]
            self.key_out.put_bytes(<bytes>self.key_heads[index])
            self.key_out.put(out.p + self.spans[2 * column], self.spans[2 * column + 1] - self.spans[2 * column])
        self.key_out.put(<const unsigned char *>"}", 1)
        self.key = self.key_out.taken(0, self.key_out.n)
        return 0

    def read_lines(self, list lines not None, Py_ssize_t at, list rows not None):
        """See `tailrace_postgres.rowplan.Reader`."""
        while at < len(lines) and self.read_line(<bytes?>lines[at]):
            add(rows, self.key, self.row)
            at += 1
        return at

    cdef bint read_line(self, bytes line) except -1:
        """One line of COPY's text format (see copytext.py); False: not by this reader."""
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(line)
        cdef Py_ssize_t end = PyBytes_GET_SIZE(line) - 1, at = 0, stop, index
        cdef const unsigned char *tab
        cdef Out out = self.out
        cdef bint escaped
        out.n = 0
        if end < 0 or not self.width:
            return False
        escaped = memchr(data, 0x5C, end) != NULL
        for index in range(self.width):
            tab = <const unsigned char *>memchr(data + at, 0x09, end - at)
            if (tab == NULL) != (index == self.width - 1):
                return False  # more columns, or less
            stop = end if tab == NULL else tab - data
            out.put_bytes(<bytes>self.heads[index])
            self.spans[2 * index] = out.n
            if not escaped:
                if not self.value(index, data + at, stop - at):
                    return False
            elif stop - at == 2 and data[at] == 0x5C and data[at + 1] == 0x4E:
                if self.codes[index] != SKIP:
                    out.put(<const unsigned char *>"null", 4)
            else:
                self.unescape(data + at, stop - at)
                if not self.value(index, self.text.p, self.text.n):
                    return False
            self.spans[2 * index + 1] = out.n
            at = stop + 1
        self.finish()
        return True

    cdef int unescape(self, const unsigned char *data, Py_ssize_t length) except -1:
        """A column's text without COPY's backslashes, into `text`."""
        cdef Out text = self.text
        cdef Py_ssize_t at = 0
        text.n = 0
        text.need(length)
        while at < length:
            if data[at] == 0x5C and at + 1 < length:
                at += 1
                text.p[text.n] = UNESCAPED[data[at]]
            else:
                text.p[text.n] = data[at]
            text.n += 1
            at += 1
        return 0

    cdef bint value(self, Py_ssize_t index, const unsigned char *data, Py_ssize_t length) except -1:
        """Writes one value; False where the interpreted reader must decide."""
        cdef int code = self.codes[index]
        cdef Out out = self.out
        if code == TEXT:
            try:
                out.put_text(data, length)
            except UnicodeDecodeError:
                return False
            return True
        if code == INTEGER:
            return self.integer(data, length)
        if code == TIMESTAMP or code == TIMESTAMPTZ:
            return self.timestamp(code == TIMESTAMPTZ, data, length)
        if code == BOOLEAN:
            if length != 1 or data[0] != 0x74 and data[0] != 0x66:
                return False
            if data[0] == 0x74:
                out.put(<const unsigned char *>"true", 4)
            else:
                out.put(<const unsigned char *>"false", 5)
            return True
        if code == FLOAT and self.number(data, length):
            return True
        if code == SKIP:
            return True
        try:
            out.put_bytes(<bytes>self.converters[index](PyBytes_FromStringAndSize(<const char *>data, length)))
        except ValueError:
            return False
        return True

    cdef bint integer(self, const unsigned char *data, Py_ssize_t length) except -1:
        cdef Py_ssize_t at = 1 if length and data[0] == 0x2D else 0
        if at == length:
            return False
        while at < length:
            if not 0x30 <= data[at] <= 0x39:
                return False
            at += 1
        self.out.put(data, length)
        return True

    cdef bint number(self, const unsigned char *data, Py_ssize_t length) except -1:
        """A number without exponent: the server prints the shortest text that reads back as the same."""
        cdef Py_ssize_t start = 1 if length and data[0] == 0x2D else 0
        cdef Py_ssize_t at, point = -1, count = length - start
        if not 1 <= count <= PLAIN_FLOAT_BYTES:
            return False
        for at in range(start, length):
            if data[at] == 0x2E and point < 0:
                point = at
            elif not 0x30 <= data[at] <= 0x39:
                return False
        if point == start or data[start] == 0x30 and (point < 0 and count > 1 or point > start + 1):
            return False  # .5, 007, 00.5
        if point >= 0 and (data[length - 1] == 0x2E or data[length - 1] == 0x30):
            return False  # 1. and 1.50
        self.out.put(data, length)
        if point < 0:
            self.out.put(<const unsigned char *>".0", 2)
        return True

    cdef bint timestamp(self, bint zoned, const unsigned char *data, Py_ssize_t length) except -1:
        """``2024-02-29 12:34:56.123456``, with ``+00`` behind where there is a zone; anything else is not for us."""
        cdef Out out = self.out
        cdef Py_ssize_t end = length - 3 if zoned else length
        cdef Py_ssize_t at, blank = -1
        if end < 19:
            return False
        if zoned and not (data[end] == 0x2B and data[end + 1] == 0x30 and data[end + 2] == 0x30):
            return False
        for at in range(end):
            if data[at] == 0x20 and blank < 0:
                blank = at
            elif not (0x2D <= data[at] <= 0x3A):
                return False
        if blank < 0:
            return False
        out.put(<const unsigned char *>'"', 1)
        out.put(data, blank)
        out.put(<const unsigned char *>"T", 1)
        out.put(data + blank + 1, end - blank - 1)
        if zoned:
            out.put(<const unsigned char *>"Z", 1)
        out.put(<const unsigned char *>'"', 1)
        return True
