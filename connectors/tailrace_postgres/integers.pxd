# cython: language_level=3
# The protocol's integers, in network byte order.
cpdef long long u16(bytes buffer, Py_ssize_t at) except -1
cpdef long long u32(bytes buffer, Py_ssize_t at) except -1
cpdef long long i32(bytes buffer, Py_ssize_t at) except? -1
cpdef unsigned long long u64(bytes buffer, Py_ssize_t at) except? 0
cpdef long long i64(bytes buffer, Py_ssize_t at) except? -1
