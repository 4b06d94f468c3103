# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows as SQL literals, by compiled code: the fast form of `TablePlan`'s tuples.

What looks out of the ordinary (a value of another type, more digits, NaN) is left to the Python function, which renders
it or knows what to say. Both give the same bytes: a test compares them.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_CheckExact, PyDict_GetItem
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.tuple cimport PyTuple_GET_ITEM
from cpython.unicode cimport PyUnicode_CheckExact
from libc.string cimport memchr, memcpy

from tailrace.out cimport Out

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    bint PyFloat_CheckExact(object value)
    double PyFloat_AS_DOUBLE(object value)

cdef Py_ssize_t KEPT_BYTES = 4 << 20

cdef enum:
    CALL, INTEGER, BOOLEAN, TEXT, UTC, BASE64, DECIMAL, FLOAT

cdef dict _CODES = {
    "integer": INTEGER, "boolean": BOOLEAN, "text": TEXT, "utc": UTC, "base64": BASE64, "decimal": DECIMAL,
    "float": FLOAT,
}  # fmt: skip


cdef class Tuples:
    """Renders rows of these columns.

    Args:
        names: columns, in the statement's order.
        natives: per column the name of its compiled form, "" for none, and a number that belongs to it: digits after the
            point that a decimal may have; whether a float may be a negative zero.
        literal: the Python function of a column's name and value.
    """

    cdef tuple names
    cdef object literal
    cdef Py_ssize_t width
    cdef int *codes
    cdef int *numbers
    cdef Out out

    def __cinit__(self, names, natives, literal):
        cdef Py_ssize_t index
        self.names = tuple(names)
        self.width = len(self.names)
        self.literal = literal
        self.out = Out()
        self.codes = <int *>PyMem_Malloc(max(self.width, 1) * sizeof(int))
        self.numbers = <int *>PyMem_Malloc(max(self.width, 1) * sizeof(int))
        if self.codes == NULL or self.numbers == NULL:
            raise MemoryError
        if len(natives) != self.width:
            raise ValueError("not as many forms as columns")
        for index in range(self.width):
            self.codes[index] = _CODES.get(natives[index][0], CALL)
            self.numbers[index] = natives[index][1]

    def __dealloc__(self):
        PyMem_Free(self.codes)
        PyMem_Free(self.numbers)

    def fill(self, list rows not None, Py_ssize_t start, Py_ssize_t room):
        """See `sink_statements.InterpretedTuples.fill`."""
        cdef Out out = self.out
        cdef Py_ssize_t index = start, end = PyList_GET_SIZE(rows), before
        out.n = 0
        while index < end:
            before = out.n
            values = (<object>PyList_GET_ITEM(rows, index)).values
            if not PyDict_CheckExact(values):
                raise TypeError("a row's values are no dict")
            self._row(<dict>values, before > 0)
            if out.n > room and before:
                out.n = before
                break
            index += 1
        text = out.taken(0, out.n)
        if out.capacity > KEPT_BYTES:
            self.out = Out()  # one large row is no reason to keep so much
        return text, index

    cdef int _row(self, dict values, bint comma) except -1:
        cdef Out out = self.out
        cdef Py_ssize_t index
        cdef void *found
        out.need(2)
        if comma:
            out.p[out.n] = c","
            out.n += 1
        out.p[out.n] = c"("
        out.n += 1
        for index in range(self.width):
            name = <object>PyTuple_GET_ITEM(self.names, index)
            found = <void *>PyDict_GetItem(values, name)
            if found == NULL:
                raise KeyError(name)
            value = <object>found
            if index:
                out.need(1)
                out.p[out.n] = c","
                out.n += 1
            if value is None:
                out.put(<const unsigned char *>b"NULL", 4)
            elif not self._native(self.codes[index], self.numbers[index], value):
                text = (<str?>self.literal(name, value)).encode()
                out.put_bytes(<bytes>text)
        out.need(1)
        out.p[out.n] = c")"
        out.n += 1
        return 0

    cdef bint _native(self, int code, int number, object value) except -1:
        """False where the value was not rendered, and nothing was written."""
        cdef Out out = self.out
        cdef int overflow = 0
        cdef long long integer
        cdef const char *text
        cdef Py_ssize_t size = 0
        if code == INTEGER:
            if not PyLong_CheckExact(value):
                return False
            integer = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow:
                return False
            out.put_int(integer)
            return True
        if code == BOOLEAN:
            if value is not True and value is not False:
                return False
            out.put(<const unsigned char *>(b"1" if value is True else b"0"), 1)
            return True
        if code == FLOAT:
            return PyFloat_CheckExact(value) and self._float(PyFloat_AS_DOUBLE(value), number)
        if code == CALL or not PyUnicode_CheckExact(value):
            return False
        text = PyUnicode_AsUTF8AndSize(value, &size)
        if code == DECIMAL:
            if not _is_decimal(text, size, number):
                return False
            out.put(<const unsigned char *>text, size)
        elif code == BASE64:
            out.put(<const unsigned char *>b"FROM_BASE64(", 12)
            self._quoted(text, size)
            out.put(<const unsigned char *>b")", 1)
        else:
            if code == UTC and size and text[size - 1] == c"Z":
                size -= 1
            self._quoted(text, size)
        return True

    cdef bint _float(self, double value, bint negative_zero) except -1:
        cdef Out out = self.out
        cdef Py_ssize_t before = out.n
        if value - value != 0 or (value == 0 and not negative_zero):
            return False
        out.put_double(value)
        if memchr(out.p + before, c"e", out.n - before) == NULL:
            out.put(<const unsigned char *>b"e0", 2)
        return True

    cdef int _quoted(self, const char *text, Py_ssize_t size) except -1:
        """In quotes; a quote is doubled, and nothing else means anything (NO_BACKSLASH_ESCAPES)."""
        cdef Out out = self.out
        cdef const char *at = text
        cdef const char *end = text + size
        cdef const char *quote
        out.need(2 * size + 2)
        out.p[out.n] = c"'"
        out.n += 1
        while True:
            quote = <const char *>memchr(at, c"'", end - at)
            if quote == NULL:
                break
            memcpy(out.p + out.n, at, quote + 1 - at)
            out.n += quote + 1 - at
            out.p[out.n] = c"'"
            out.n += 1
            at = quote + 1
        memcpy(out.p + out.n, at, end - at)
        out.n += end - at
        out.p[out.n] = c"'"
        out.n += 1
        return 0


cdef bint _is_decimal(const char *text, Py_ssize_t size, int scale) noexcept:
    """Digits, with at most so many after a point."""
    cdef Py_ssize_t at = 0, start
    if size and text[0] == c"-":
        at = 1
    start = at
    while at < size and c"0" <= text[at] <= c"9":
        at += 1
    if at == start:
        return False
    if at == size:
        return True
    if text[at] != c".":
        return False
    at += 1
    start = at
    while at < size and c"0" <= text[at] <= c"9":
        at += 1
    return at == size and 0 < at - start <= scale
