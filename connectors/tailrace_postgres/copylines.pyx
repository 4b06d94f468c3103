# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""JSON rows as lines of COPY's text format, from bytes to bytes: the fast form of `tailrace_postgres.sink_rows`.

A row that is not as the source's decoder writes it (another column, a value of another kind, a zero byte in a text) is left
to the writer in Python, which knows what to do or to say. Both give the same line: a test compares them for every kind.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy
from tailrace.out cimport Out
from tailrace.row cimport Row

cdef enum:
    LEFT_OUT, TEXT, INTEGER, FLOAT, BOOLEAN, BYTES

cdef dict _CODES = {
    "": LEFT_OUT, "text": TEXT, "integer": INTEGER, "float": FLOAT, "boolean": BOOLEAN, "bytes": BYTES,
}  # fmt: skip

cdef uint64_t ONES = 0x0101010101010101ULL
cdef uint64_t HIGHS = 0x8080808080808080ULL
cdef const char *HEX = "0123456789abcdef"
#: What a byte within a JSON string is: 0 stands for itself in COPY too, 1 is a quote, 2 a backslash, 3 must not be there.
cdef unsigned char KIND[256]
#: The value of a base64 digit; 64: none.
cdef unsigned char DIGIT[256]


cdef void _classify() noexcept:
    cdef int byte
    cdef const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for byte in range(256):
        KIND[byte] = 3 if byte < 0x20 else 0
        DIGIT[byte] = 64
    KIND[0x22] = 1
    KIND[0x5C] = 2
    for byte in range(64):
        DIGIT[<unsigned char>digits[byte]] = byte


_classify()


cdef class CopyLines:
    """Rows whose members stand in one order.

    Args:
        heads: what stands before each value in the row's object.
        natives: per value the name of its compiled form, "" where the line does not have it.
    """

    cdef Py_ssize_t width
    cdef int *codes
    cdef list heads
    cdef Out out

    def __cinit__(self, heads, natives):
        cdef Py_ssize_t index
        self.width = len(heads)
        self.codes = <int *>PyMem_Malloc(max(self.width, 1) * sizeof(int))
        if self.codes == NULL:
            raise MemoryError
        for index in range(self.width):
            self.codes[index] = _CODES[natives[index]]
        self.heads = list(heads)
        self.out = Out()

    def __dealloc__(self):
        PyMem_Free(self.codes)

    def write(self, list rows):
        """The lines of these rows, and those rows that are left to the writer in Python."""
        cdef Out out = self.out
        cdef Row row
        cdef Py_ssize_t start
        cdef list others = []
        out.n = 0
        for item in rows:
            row = <Row?>item
            start = out.n
            if row.json is None or not self.line(row.json):
                out.n = start
                others.append(row)
        lines = out.taken(0, out.n)
        if out.capacity > 1 << 16:
            self.out = Out()  # there may be thousands of tables, each with a buffer like this
        return lines, others

    cdef bint line(self, bytes json) except -1:
        """Appends a row's line; False where it is not for us."""
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(json)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(json), at = 0, index, length
        cdef Out out = self.out
        cdef bytes head
        cdef bint first = True
        # A byte becomes at most two, and each value gets a tab, or a newline, or is \N.
        out.need(2 * size + 4 * self.width + 8)
        for index in range(self.width):
            head = <bytes>self.heads[index]
            length = PyBytes_GET_SIZE(head)
            if size - at <= length or memcmp(data + at, PyBytes_AS_STRING(head), length) != 0:
                return False
            at += length
            if self.codes[index] == LEFT_OUT:
                length = out.n
                at = self.left_out(data, at, size)
                out.n = length
            else:
                if not first:
                    out.p[out.n] = c"\t"
                    out.n += 1
                first = False
                at = self.value(self.codes[index], data, at, size)
            if at < 0:
                return False
        if size - at != 1 or data[at] != c"}":
            return False
        out.p[out.n] = c"\n"
        out.n += 1
        return True

    cdef Py_ssize_t left_out(self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
        """Where a value ends that the line does not have."""
        if data[at] == c'"':
            return self.text(data, at, size)
        while at < size and data[at] != c"," and data[at] != c"}":
            at += 1
        return at

    cdef Py_ssize_t value(self, int code, const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
        """Writes the value that begins at `at`; where it ends, -1 where it is not for us. There is room for it."""
        cdef Out out = self.out
        cdef unsigned char byte = data[at]
        if byte == c"n":
            if size - at < 5 or memcmp(data + at, b"null", 4) != 0:
                return -1
            out.p[out.n] = c"\\"
            out.p[out.n + 1] = c"N"
            out.n += 2
            return at + 4
        if code == TEXT:
            return self.text(data, at, size) if byte == c'"' else -1
        if code == INTEGER:
            return self.number(data, at, size, False)
        if code == FLOAT:
            # NaN and Infinity are strings.
            return self.text(data, at, size) if byte == c'"' else self.number(data, at, size, True)
        if code == BOOLEAN:
            if size - at > 4 and memcmp(data + at, b"true", 4) == 0:
                out.p[out.n] = c"t"
                out.n += 1
                return at + 4
            if size - at > 5 and memcmp(data + at, b"false", 5) == 0:
                out.p[out.n] = c"f"
                out.n += 1
                return at + 5
            return -1
        return self.binary(data, at, size)

    cdef Py_ssize_t number(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size, bint fraction
    ) noexcept:
        """A number as it stands: an integer of at most 18 digits, or what has a point or an exponent."""
        cdef Out out = self.out
        cdef Py_ssize_t start = at, digits
        cdef bint seen = False
        if data[at] == c"-":
            at += 1
        digits = at
        while at < size and 0x30 <= data[at] <= 0x39:
            at += 1
        if at == digits or data[digits] == c"0" and at - digits > 1 or at - digits > 18:
            return -1
        if fraction:
            while at < size and (
                0x30 <= data[at] <= 0x39 or data[at] == c"." or data[at] == c"e" or data[at] == c"+" or data[at] == c"-"
            ):
                seen = seen or data[at] == c"." or data[at] == c"e"
                at += 1
            if not seen:
                return -1
        elif data[start] == c"-" and data[digits] == c"0":
            return -1
        if at >= size or data[at] != c"," and data[at] != c"}":
            return -1
        memcpy(out.p + out.n, data + start, at - start)
        out.n += at - start
        return at

    cdef Py_ssize_t text(self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
        """A string's content, as COPY escapes it."""
        cdef unsigned char *p = self.out.p + self.out.n
        cdef Py_ssize_t start
        cdef unsigned char byte
        at += 1
        while True:
            start = at
            while at + 8 <= size and _plain8(data + at):
                at += 8
            while at < size and KIND[data[at]] == 0:
                at += 1
            memcpy(p, data + start, at - start)
            p += at - start
            if at >= size or KIND[data[at]] == 3:
                return -1
            if KIND[data[at]] == 1:
                self.out.n = p - self.out.p
                return at + 1
            if size - at < 2:
                return -1
            byte = data[at + 1]
            at += 2
            if byte == c"u":
                # Control characters alone are written so; a zero byte cannot be in a text of PostgreSQL's.
                if size - at < 4 or data[at] != c"0" or data[at + 1] != c"0":
                    return -1
                if data[at + 2] != c"0" and data[at + 2] != c"1":
                    return -1
                byte = _nibble(data[at + 3])
                if byte > 15:
                    return -1
                byte |= (data[at + 2] - 0x30) << 4
                at += 4
                if byte == 0:
                    return -1
            elif byte == c"n":
                byte = 0x0A
            elif byte == c"t":
                byte = 0x09
            elif byte == c"r":
                byte = 0x0D
            elif byte == c"b":
                byte = 0x08
            elif byte == c"f":
                byte = 0x0C
            elif byte != c'"' and byte != c"\\" and byte != c"/":
                return -1
            if byte == c"\\" or byte == 0x0A or byte == 0x09 or byte == 0x0D:
                p[0] = c"\\"
                p[1] = c"n" if byte == 0x0A else c"t" if byte == 0x09 else c"r" if byte == 0x0D else c"\\"
                p += 2
            else:
                p[0] = byte
                p += 1

    cdef Py_ssize_t binary(self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
        """Base64 (RFC 4648, padded) as bytea's hexadecimal form, with the backslash that COPY wants."""
        cdef unsigned char *p = self.out.p + self.out.n
        cdef Py_ssize_t end
        cdef unsigned int word
        cdef int count, left
        if data[at] != c'"':
            return -1
        at += 1
        end = at
        while end < size and data[end] != c'"':
            end += 1
        if end >= size or (end - at) % 4:
            return -1
        memcpy(p, b"\\\\x", 3)
        p += 3
        while at < end:
            count = 3
            if at + 4 == end and data[end - 1] == c"=":
                count = 1 if data[end - 2] == c"=" else 2
            word = 0
            for left in range(4):
                word <<= 6
                if left <= count:
                    if DIGIT[data[at + left]] > 63:
                        return -1
                    word |= DIGIT[data[at + left]]
            for left in range(count):
                p[0] = HEX[word >> (20 - 8 * left) & 15]
                p[1] = HEX[word >> (16 - 8 * left) & 15]
                p += 2
            at += 4
        self.out.n = p - self.out.p
        return end + 1


cdef inline bint _plain8(const unsigned char *data) noexcept:
    """Whether eight bytes stand for themselves: no control, no quote, no backslash."""
    cdef uint64_t word, quote, backslash
    memcpy(&word, data, 8)
    quote = word ^ (ONES * 0x22)
    backslash = word ^ (ONES * 0x5C)
    return not (
        (((word - ONES * 0x20) & ~word) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash)) & HIGHS
    )


cdef inline unsigned char _nibble(unsigned char digit) noexcept:
    if 0x30 <= digit <= 0x39:
        return digit - 0x30
    if 0x61 <= digit <= 0x66:
        return digit - 0x57
    return 16
