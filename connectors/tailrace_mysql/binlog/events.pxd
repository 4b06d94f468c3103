# cython: language_level=3
# Types for the compiled form of events.py.
cimport cython

from tailrace_mysql.binlog.integers cimport number


@cython.locals(first=int, at=Py_ssize_t)
cpdef tuple packed_integer(bytes event, Py_ssize_t at)
cpdef gtid(bytes event)
cpdef mariadb_gtid(bytes event)
cpdef query(bytes event)
