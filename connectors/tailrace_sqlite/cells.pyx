# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Keys and values of a frame, into its bytes and back, by compiled code: the fast form of `tailrace_sqlite.frames`.

Both forms give the same bytes and the same cells: a test compares them.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memcpy


cdef inline Py_ssize_t _length(object cell) except -2:
    """-1 where there is none."""
    if cell is None:
        return -1
    if not PyBytes_CheckExact(cell):
        raise TypeError("a key or value is neither bytes nor None")
    return PyBytes_GET_SIZE(cell)


cdef inline void _put(unsigned char *at, Py_ssize_t length) noexcept:
    cdef uint32_t number = <uint32_t><int32_t>length
    at[0] = number & 255
    at[1] = number >> 8 & 255
    at[2] = number >> 16 & 255
    at[3] = number >> 24


cdef inline Py_ssize_t _get(const unsigned char *at) noexcept:
    return <int32_t>(<uint32_t>at[0] | <uint32_t>at[1] << 8 | <uint32_t>at[2] << 16 | <uint32_t>at[3] << 24)


def fit(list keys not None, list values not None, Py_ssize_t start, Py_ssize_t room):
    """See `frames._fit`."""
    cdef Py_ssize_t index = start, end = PyList_GET_SIZE(values), size = 0, event
    if PyList_GET_SIZE(keys) != end:
        raise ValueError("a run has not as many keys as values")
    while index < end:
        event = max(_length(<object>PyList_GET_ITEM(keys, index)), 0)
        event += max(_length(<object>PyList_GET_ITEM(values, index)), 0)
        if size + event > room:
            break
        size += event
        index += 1
    return index, size


cdef Py_ssize_t _copy_cells(
    list cells, Py_ssize_t start, Py_ssize_t stop, unsigned char *lengths, unsigned char *data, Py_ssize_t room
) except -1:
    """Writes the cells and their lengths; returns the bytes of the cells."""
    cdef Py_ssize_t index, length, done = 0
    if not 0 <= start <= stop <= PyList_GET_SIZE(cells):
        raise ValueError("a piece reaches beyond its run")
    for index in range(start, stop):
        length = _length(<object>PyList_GET_ITEM(cells, index))
        _put(lengths + 4 * (index - start), length)
        if length > 0:
            if length > room - done:
                raise ValueError("a piece is larger than was said")
            memcpy(data + done, PyBytes_AS_STRING(<object>PyList_GET_ITEM(cells, index)), length)
            done += length
    return done


def pack(bytes head not None, list pieces not None, Py_ssize_t events, Py_ssize_t size):
    """See `frames._pack`."""
    cdef Py_ssize_t lengths_at = PyBytes_GET_SIZE(head), at = lengths_at + 8 * events, end = at + size, filled = 0
    cdef bytes body = PyBytes_FromStringAndSize(NULL, end)
    cdef unsigned char *p = <unsigned char *>PyBytes_AS_STRING(body)
    cdef Py_ssize_t start, stop, column
    memcpy(p, PyBytes_AS_STRING(head), lengths_at)
    for column in range(2):
        for piece in pieces:
            _, keys, values, start, stop = piece
            filled += stop - start
            if filled > 2 * events:
                raise ValueError("there are more events than was said")
            at += _copy_cells(values if column else keys, start, stop, p + lengths_at, p + at, end - at)
            lengths_at += 4 * (stop - start)
    if at != end or filled != 2 * events:
        raise ValueError("a frame is not what was said")
    return body


def column(bytes body not None, Py_ssize_t lengths_at, Py_ssize_t count, Py_ssize_t start, Py_ssize_t skip):
    """See `frames._column`."""
    cdef const unsigned char *p = <const unsigned char *>PyBytes_AS_STRING(body)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(body), at = start, index, length
    cdef list cells
    cdef object cell
    if start > size:
        raise ValueError("a frame of the embedded stream has a wrong length")
    if lengths_at < 0 or count < 0 or start < 0 or lengths_at > size or count > (size - lengths_at) // 4:
        raise ValueError("a frame of the embedded stream is cut short")
    skip = min(skip, count)
    cells = PyList_New(count - skip)
    for index in range(count):
        length = _get(p + lengths_at + 4 * index)
        cell = None
        if length >= 0:
            if length > size - at:
                raise ValueError("a frame of the embedded stream has a wrong length")
            if index >= skip:
                cell = PyBytes_FromStringAndSize(<const char *>p + at, length)
            at += length
        if index >= skip:
            Py_INCREF(cell)
            PyList_SET_ITEM(cells, index - skip, cell)
    return cells, at
