# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""pgoutput's rows read by compiled code: the fast form of the converters in `tailrace_postgres.types`.

Whatever is out of the ordinary (a value that the log left out, one that is refused, a message cut short) is left to the
interpreted reader, which knows what to say. Both give the same bytes: a test compares them for every kind.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc

cdef enum:
    PLAIN_FLOAT_BYTES = 20  # as in types.py

cdef enum:
    CALL, TEXT, INTEGER, BOOLEAN, FLOAT, TIMESTAMP, TIMESTAMPTZ

cdef dict _CODES = {
    "text": TEXT, "integer": INTEGER, "boolean": BOOLEAN, "float": FLOAT, "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMPTZ,
}  # fmt: skip


cdef class Tuples:
    """The rows of one relation.

    Args:
        natives: per column the name of its compiled form, "" for none.
        converters: per column the function that is called then.
        heads, key_heads: what stands before each value in the row's and in the key's object.
        key: indexes of the key's columns.
    """

    def __cinit__(self, natives, converters, heads, key_heads, key):
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
        self.row = b""
        self.out = Out()
        self.key_out = Out()

    def __dealloc__(self):
        PyMem_Free(self.codes)
        PyMem_Free(self.spans)

    cpdef Py_ssize_t read(self, bytes buffer, Py_ssize_t at) except -2:
        """TupleData at `at`: where it ends, with `row` and `key` (None without one) set; -1: not by this reader."""
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(buffer)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(buffer), length, index, key
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
                if length > size - at or not self.value(index, buffer, data + at, at, length):
                    return -1
                at += length
            elif kind == 0x6E:
                out.put(<const unsigned char *>"null", 4)
                at += 1
            else:
                return -1
            self.spans[2 * index + 1] = out.n
        out.put(<const unsigned char *>"}", 1)
        self.row = out.taken(0, out.n)
        if not self.key_columns:
            return at
        self.key_out.n = 0
        for index in range(len(self.key_columns)):
            key = self.key_columns[index]
            self.key_out.put_bytes(<bytes>self.key_heads[index])
            self.key_out.put(out.p + self.spans[2 * key], self.spans[2 * key + 1] - self.spans[2 * key])
        self.key_out.put(<const unsigned char *>"}", 1)
        self.key = self.key_out.taken(0, self.key_out.n)
        return at

    cdef bint value(
        self, Py_ssize_t index, bytes buffer, const unsigned char *data, Py_ssize_t at, Py_ssize_t length
    ) except -1:
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
        try:
            out.put_bytes(<bytes>self.converters[index](buffer[at : at + length]))
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
