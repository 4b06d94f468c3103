# cython: language_level=3, boundscheck=False, wraparound=False
"""Rows of a full load become events: the fast form of the loop in `tailrace.emitter`, an allocation a row."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append
from libc.string cimport memcpy

from tailrace.batch cimport Run

cdef bytes HEAD = b'{"before":null,"after":'
cdef bytes SOURCE = b',"source":'


def append(list rows, bytes tail, Run run):
    """Appends an event for each (key, row object) to the run.

    Args:
        tail: what follows the row in the event, from the value of `source` on.

    Returns:
        Their bytes.
    """
    cdef Py_ssize_t head = PyBytes_GET_SIZE(HEAD), middle = PyBytes_GET_SIZE(SOURCE), end = PyBytes_GET_SIZE(tail)
    cdef Py_ssize_t size, total = 0
    cdef char *at
    cdef list keys = run.keys, values = run.values
    cdef tuple pair
    cdef bytes row, value
    for pair in rows:
        row = pair[1]
        size = PyBytes_GET_SIZE(row)
        value = PyBytes_FromStringAndSize(NULL, head + size + middle + end)
        at = PyBytes_AS_STRING(value)
        memcpy(at, PyBytes_AS_STRING(HEAD), head)
        at += head
        memcpy(at, PyBytes_AS_STRING(row), size)
        at += size
        memcpy(at, PyBytes_AS_STRING(SOURCE), middle)
        at += middle
        memcpy(at, PyBytes_AS_STRING(tail), end)
        total += head + size + middle + end
        key = pair[0]
        if key is not None:
            total += PyBytes_GET_SIZE(<bytes>key)
        PyList_Append(keys, key)
        PyList_Append(values, value)
    run.size += total
    return total
