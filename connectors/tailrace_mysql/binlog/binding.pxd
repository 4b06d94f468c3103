# cython: language_level=3
# Types for the compiled form of binding.py.
from tailrace.emitter cimport EventTable


cdef class Version:
    cdef public EventTable table
    cdef public bint announced


cdef class Binding:
    cdef public Version version
    cdef public EventTable table
    cdef public Py_ssize_t width
    cdef public Py_ssize_t end
    cdef public tuple columns
    cdef public object image
    cdef public object read
    cdef public object shape
    cdef public bint rowwise


cdef class Mapped:
    cdef public bytes described
    cdef public long long generation
    cdef public Binding binding
