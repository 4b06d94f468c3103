# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A growing buffer of JSON, for the compiled readers of row images.

Text comes out as orjson writes it, numbers as Python does: what is compiled and what is interpreted give the same bytes.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport rint
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, strlen

cdef extern from "Python.h":
    int Py_DTSF_ADD_DOT_0
    char *PyOS_double_to_string(double value, char code, int precision, int flags, int *type) except NULL
    void PyMem_FreeString "PyMem_Free"(void *)

cdef const char *HEX = "0123456789abcdef"
cdef const char *BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#: For each byte: 0 stands for itself, 1 begins or continues a longer character, 2 is written as \u00XX, else the
#: letter behind the backslash.
cdef unsigned char KIND[256]


cdef void _classify() noexcept:
    cdef int byte
    for byte in range(256):
        KIND[byte] = 1 if byte >= 0x80 else (2 if byte < 0x20 else 0)
    KIND[ord('"')] = ord('"')
    KIND[ord("\\")] = ord("\\")
    KIND[8] = ord("b")
    KIND[9] = ord("t")
    KIND[10] = ord("n")
    KIND[12] = ord("f")
    KIND[13] = ord("r")


_classify()

cdef enum:
    DECIMALS = 9
cdef double[DECIMALS + 1] POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

cdef uint64_t ONES = 0x0101010101010101ULL
cdef uint64_t HIGHS = 0x8080808080808080ULL


cdef inline bint _plain8(const unsigned char *data) noexcept nogil:
    """Whether eight bytes stand for themselves: ASCII, no control, no quote, no backslash."""
    cdef uint64_t word, quote, backslash
    memcpy(&word, data, 8)
    quote = word ^ (ONES * 0x22)
    backslash = word ^ (ONES * 0x5C)
    return not (
        (word | (word - ONES * 0x20) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash)) & HIGHS
    )


cdef inline int _sequence(const unsigned char *data, Py_ssize_t left) noexcept nogil:
    """Bytes of the character beyond ASCII that begins here; 0 where it is no valid UTF-8 (RFC 3629)."""
    cdef unsigned char first = data[0]
    if 0xC2 <= first <= 0xDF:
        return 2 if left >= 2 and data[1] & 0xC0 == 0x80 else 0
    if first & 0xF0 == 0xE0:
        if left < 3 or data[1] & 0xC0 != 0x80 or data[2] & 0xC0 != 0x80:
            return 0
        if first == 0xE0 and data[1] < 0xA0 or first == 0xED and data[1] > 0x9F:
            return 0
        return 3
    if 0xF0 <= first <= 0xF4:
        if left < 4 or data[1] & 0xC0 != 0x80 or data[2] & 0xC0 != 0x80 or data[3] & 0xC0 != 0x80:
            return 0
        if first == 0xF0 and data[1] < 0x90 or first == 0xF4 and data[1] > 0x8F:
            return 0
        return 4
    return 0


cdef class Out:
    """Grows as needed; `n` bytes of `p` are filled."""

    def __cinit__(self):
        self.capacity = 1024
        self.n = 0
        self.p = <unsigned char *>PyMem_Malloc(self.capacity)
        if self.p == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.p)

    cdef int need(self, Py_ssize_t more) except -1:
        """Makes room for `more` bytes."""
        cdef Py_ssize_t wanted = self.n + more
        cdef unsigned char *grown
        if wanted > self.capacity:
            wanted += wanted >> 1
            grown = <unsigned char *>PyMem_Realloc(self.p, wanted)
            if grown == NULL:
                raise MemoryError
            self.p = grown
            self.capacity = wanted
        return 0

    cdef int put(self, const unsigned char *data, Py_ssize_t size) except -1:
        return put(self, data, size)

    cdef int put_bytes(self, bytes data) except -1:
        return put_bytes(self, data)

    cdef int put_int(self, long long value) except -1:
        if value < 0:
            put_char(self, 0x2D)
            return self.put_uint(<unsigned long long>0 - <unsigned long long>value)
        return self.put_uint(<unsigned long long>value)

    cdef int put_uint(self, unsigned long long value) except -1:
        cdef unsigned char text[20]
        cdef int at = 20
        while True:
            at -= 1
            text[at] = <unsigned char>(0x30 + value % 10)
            value //= 10
            if not value:
                return self.put(text + at, 20 - at)

    cdef int put_padded(self, unsigned long long value, int width) except -1:
        """At least `width` digits, with zeros before."""
        cdef unsigned char text[40]
        cdef int at = 40
        while value or 40 - at < width:
            at -= 1
            text[at] = <unsigned char>(0x30 + value % 10)
            value //= 10
        return self.put(text + at, 40 - at)

    cdef int put_double(self, double value) except -1:
        """The shortest text that reads back as the same number.

        Raises:
            ValueError: it is no number.
        """
        cdef char *text
        if value - value != 0:
            raise ValueError("a floating-point value is no number")
        if self._put_short(value):
            return 0
        text = PyOS_double_to_string(value, b"r", 0, Py_DTSF_ADD_DOT_0, NULL)
        try:
            self.put(<const unsigned char *>text, strlen(text))
        finally:
            PyMem_FreeString(text)
        return 0

    cdef bint _put_short(self, double value) except -1:
        """Writes a number of few decimals; False where it is none, and nothing is written.

        Of decimals with at most fifteen digits no two read as the same number, so that one that is found is the shortest
        but for its last zeros. The quotient of two whole numbers that are exact is rounded as reading the text would be.
        """
        cdef int decimals = DECIMALS
        cdef double whole, size = -value if value < 0 else value
        cdef unsigned long long number, power
        if not 0.001 <= size <= 1e12:  # beyond, 0 with its sign, and exponents
            return False
        while decimals and size * POWERS[decimals] > 1e15:
            decimals -= 1
        whole = rint(size * POWERS[decimals])
        if whole / POWERS[decimals] != size:
            return False
        number = <unsigned long long>whole
        while decimals and number % 10 == 0:
            number //= 10
            decimals -= 1
        if value < 0:
            put_char(self, 0x2D)
        power = <unsigned long long>POWERS[decimals]
        self.put_uint(number // power)
        put_char(self, 0x2E)
        if decimals:
            self.put_padded(number % power, decimals)
        else:
            put_char(self, 0x30)
        return True

    cdef int put_text(self, const unsigned char *data, Py_ssize_t size) except -1:
        """UTF-8 as a JSON string.

        Raises:
            UnicodeDecodeError: it is no valid UTF-8.
        """
        cdef Py_ssize_t at = 0, start
        cdef unsigned char kind
        cdef unsigned char *p
        cdef int length
        self.need(6 * size + 2)
        p = self.p + self.n
        p[0] = 0x22
        p += 1
        while at < size:
            start = at
            while at + 8 <= size and _plain8(data + at):
                at += 8
            while at < size and KIND[data[at]] == 0:
                at += 1
            memcpy(p, data + start, at - start)
            p += at - start
            if at == size:
                break
            kind = KIND[data[at]]
            if kind == 1:
                length = _sequence(data + at, size - at)
                if length == 0:
                    PyUnicode_DecodeUTF8(<const char *>data, size, NULL)  # raises what Python would
                    raise ValueError("text is no valid UTF-8")
                memcpy(p, data + at, length)
                p += length
                at += length
                continue
            p[0] = 0x5C
            if kind == 2:
                p[1] = 0x75
                p[2] = 0x30
                p[3] = 0x30
                p[4] = HEX[data[at] >> 4]
                p[5] = HEX[data[at] & 15]
                p += 6
            else:
                p[1] = kind
                p += 2
            at += 1
        p[0] = 0x22
        self.n = p + 1 - self.p
        return 0

    cdef int put_base64(self, const unsigned char *data, Py_ssize_t size) except -1:
        """As a JSON string in base64 (RFC 4648, with padding)."""
        cdef Py_ssize_t at = 0
        cdef unsigned char *p
        cdef unsigned int word
        self.need((size + 2) // 3 * 4 + 2)
        p = self.p + self.n
        p[0] = 0x22
        p += 1
        while at + 3 <= size:
            word = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            p[0] = BASE64[word >> 18]
            p[1] = BASE64[word >> 12 & 63]
            p[2] = BASE64[word >> 6 & 63]
            p[3] = BASE64[word & 63]
            p += 4
            at += 3
        if at < size:
            word = data[at] << 16
            if at + 1 < size:
                word |= data[at + 1] << 8
            p[0] = BASE64[word >> 18]
            p[1] = BASE64[word >> 12 & 63]
            p[2] = BASE64[word >> 6 & 63] if at + 1 < size else 0x3D
            p[3] = 0x3D
            p += 4
        p[0] = 0x22
        self.n = p + 1 - self.p
        return 0

    cdef bytes taken(self, Py_ssize_t start, Py_ssize_t end):
        return PyBytes_FromStringAndSize(<char *>self.p + start, end - start)
