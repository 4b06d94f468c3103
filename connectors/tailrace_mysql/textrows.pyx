# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The answer to a SELECT, from the socket's bytes to JSON rows: the fast form of `tailrace_mysql.resultset.TextRows`.

A value is written here where its type names a compiled form (`ColumnType.selected`) and it looks as the server prints
it; any other one goes to its converter in Python. Both give the same bytes: a test compares them for every type. Every
length is checked against the packet's end before it is used.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport fabs
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy
from tailrace.loadrows cimport add
from tailrace.out cimport Out, put, put_bytes, put_char

from tailrace_mysql.resultset import malformed

cdef extern from "Python.h":
    char *PyOS_double_to_string(double value, char code, int precision, int flags, int *type) except NULL
    double PyOS_string_to_double(const char *text, char **end, void *overflow) except? -1.0

cdef enum:
    CALL, INTEGER, DOUBLE, FLOAT, PRINTED, MOMENT, INSTANT, TEXT, ASCII, BASE64, BINARY, BIT, ENUM

cdef dict _CODES = {
    "integer": INTEGER, "double": DOUBLE, "float": FLOAT, "printed": PRINTED, "moment": MOMENT, "instant": INSTANT,
    "text": TEXT, "ascii": ASCII, "base64": BASE64, "binary": BINARY, "bit": BIT, "enum": ENUM,
}  # fmt: skip

cdef enum:  # what comes next
    COUNT, COLUMNS, COLUMNS_END, ROWS, OVER

cdef enum:  # first bytes of packets and values, as in resultset.py
    NOTHING = 0xFB
    END = 0xFE
    ERROR = 0xFF

cdef enum:
    CONTINUED = 0xFFFFFF
    END_BYTES = 9
    LONGEST_INTEGER = 40
    LONGEST_DOUBLE = 20  # as in types/numbers.py
    LONGEST_FLOAT = 31
    #: Buffers that grew larger for one row are given back after it.
    KEPT_BYTES = 1 << 20

cdef double LEAST_NORMAL_FLOAT = 2.0**-126

#: ASCII that stands for itself in a JSON string.
cdef unsigned char PLAIN[256]


cdef void _fill() noexcept:
    cdef int byte
    for byte in range(256):
        PLAIN[byte] = 0x20 <= byte < 0x7F and byte != 0x22 and byte != 0x5C


_fill()


cdef struct Column:
    int code
    int size


cdef class TextRows:
    """See `tailrace_mysql.resultset.TextRows`.

    Args:
        columns: converter and native form (or None) of each column.
        row_heads, key_heads: what stands before each value in the row's and in the key's object.
        key: indexes of the key's columns.
        failed: makes the error for a column's index and what was raised.
        tail: what ends the row's object: constant members, and the brace.
    """

    cdef readonly bint ended
    cdef readonly bytes error
    cdef readonly Py_ssize_t seen
    cdef readonly Py_ssize_t size
    cdef readonly list last
    cdef Py_ssize_t width
    cdef Py_ssize_t key_width
    cdef Column *columns
    cdef Py_ssize_t *key
    cdef Py_ssize_t *raw  # where each value of a row begins in its packet, and its length; -1: NULL
    cdef Py_ssize_t *spans  # where each value begins and ends in `out`
    cdef list converters
    cdef list fragments
    cdef list heads
    cdef list key_heads
    cdef object failed
    cdef bytes tail
    cdef Out out
    cdef Out key_out
    cdef Out partial  # of a packet that has not come whole
    cdef Out joined  # the pieces so far of a packet of more than 16 MiB
    cdef int phase
    cdef int sequence
    cdef Py_ssize_t end_below  # an end is shorter
    cdef Py_ssize_t overhead
    cdef uint64_t left  # columns to be described

    def __cinit__(
        self, columns, row_heads, key_heads, key, failed, int sequence, bint deprecate_eof, overhead, bytes tail not None
    ):
        cdef Py_ssize_t index
        self.width = len(columns)
        self.key_width = len(key)
        self.columns = <Column *>PyMem_Malloc(max(self.width, 1) * sizeof(Column))
        self.key = <Py_ssize_t *>PyMem_Malloc(max(self.key_width, 1) * sizeof(Py_ssize_t))
        self.raw = <Py_ssize_t *>PyMem_Malloc(max(self.width, 1) * 2 * sizeof(Py_ssize_t))
        self.spans = <Py_ssize_t *>PyMem_Malloc(max(self.width, 1) * 2 * sizeof(Py_ssize_t))
        if self.columns == NULL or self.key == NULL or self.raw == NULL or self.spans == NULL:
            raise MemoryError
        self.converters = []
        self.fragments = []
        for index, (convert, native) in enumerate(columns):
            name, size, _, fragments = native or ("", 0, 0, None)
            self.columns[index].code = _CODES.get(name, CALL)
            self.columns[index].size = size
            self.converters.append(convert)
            self.fragments.append(fragments)
        for index, place in enumerate(key):
            self.key[index] = place
        self.heads = list(row_heads)
        self.key_heads = list(key_heads)
        self.failed = failed
        self.tail = tail
        self.out = Out()
        self.key_out = Out()
        self.partial = Out()
        self.joined = Out()
        self.overhead = overhead
        self.phase = COUNT
        self.sequence = sequence & 0xFF
        self.end_below = CONTINUED if deprecate_eof else END_BYTES

    def __dealloc__(self):
        PyMem_Free(self.columns)
        PyMem_Free(self.key)
        PyMem_Free(self.raw)
        PyMem_Free(self.spans)

    def feed(self, buffer, Py_ssize_t at, Py_ssize_t end, list rows not None, Py_ssize_t limit):
        """See `tailrace_mysql.resultset.TextRows`."""
        cdef Py_buffer view
        PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
        try:
            if not 0 <= at <= end <= view.len:
                raise IndexError
            return self.take(<const unsigned char *>view.buf, at, end, rows, limit)
        finally:
            PyBuffer_Release(&view)

    # ---- packets

    cdef Py_ssize_t take(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t end, list rows, Py_ssize_t limit
    ) except -1:
        cdef const unsigned char *packet
        cdef const unsigned char *kept = NULL  # the packet of the last row, where `last` is older
        cdef Py_ssize_t length
        cdef bint gathered
        while self.phase != OVER:
            gathered = self.partial.n > 0
            if gathered:
                at = self.gather(data, at, end)
                packet = self.partial.p
                length = self.partial.n
            else:
                packet = data + at
                length = end - at
            if length < 4 or length - 4 < _length(packet):
                if not gathered:
                    put(self.partial, packet, length)
                    at = end
                break
            length = _length(packet)
            if (
                self.size >= limit and self.phase == ROWS and self.joined.n == 0
                and not (length and packet[4] == END and length < self.end_below)
            ):
                break
            if packet[3] != self.sequence and not (packet[3] == 0 and length and packet[4] == ERROR):
                raise malformed("a packet is not the next one")
            self.sequence = (packet[3] + 1) & 0xFF
            if length == CONTINUED:
                put(self.joined, packet + 4, length)
            elif self.joined.n:
                put(self.joined, packet + 4, length)
                kept = NULL
                if self.packet(self.joined.p, self.joined.n, rows):
                    self.keep(self.joined.p)
                self.joined = _emptied(self.joined)
                self.out = _emptied(self.out)
            elif self.packet(packet + 4, length, rows):
                kept = packet + 4
            if not gathered:
                at += 4 + length
                continue
            if kept != NULL:
                self.keep(kept)
                kept = NULL
            self.partial = _emptied(self.partial)
            self.out = _emptied(self.out)
        if kept != NULL:
            self.keep(kept)
        if self.phase == OVER and at < end:
            raise malformed("there is more behind its end")
        return at

    cdef Py_ssize_t gather(self, const unsigned char *data, Py_ssize_t at, Py_ssize_t end) except -1:
        """Adds what is missing of the packet in `partial`, as far as it has come; the place behind it."""
        cdef Out partial = self.partial
        cdef Py_ssize_t more
        if partial.n < 4:
            more = min(4 - partial.n, end - at)
            put(partial, data + at, more)
            at += more
        if partial.n >= 4:
            more = min(4 + _length(partial.p) - partial.n, end - at)
            put(partial, data + at, more)
            at += more
        return at

    cdef bint packet(self, const unsigned char *data, Py_ssize_t size, list rows) except -1:
        """Takes one packet; True: it was a row."""
        if size == 0:
            raise malformed("a packet is empty")
        if self.phase == ROWS:
            if data[0] < NOTHING or data[0] != ERROR and not (data[0] == END and size < self.end_below):
                self.row(data, size, rows)
                return True
            self.phase = OVER
            self.ended = data[0] == END
        elif data[0] == ERROR:
            self.phase = OVER
        elif self.phase == COUNT:
            self.count(data, size)
        elif self.phase == COLUMNS:
            if size < 4 or memcmp(data, b"\x03def", 4) != 0:
                raise malformed("a column is not described")
            self.left -= 1
            if not self.left:
                self.phase = ROWS if self.end_below == CONTINUED else COLUMNS_END
        elif data[0] == END and size < END_BYTES:
            self.phase = ROWS
        else:
            raise malformed("the columns have no end")
        if data[0] == ERROR:
            self.error = PyBytes_FromStringAndSize(<const char *>data, size)
        return False

    cdef int count(self, const unsigned char *data, Py_ssize_t size) except -1:
        cdef Py_ssize_t at = 0
        cdef uint64_t number = 0
        if data[0] == 0 or data[0] == NOTHING:
            raise malformed("it has no rows")
        at = _number(data, 0, size, &number)
        if at != size or number != <uint64_t>self.width:
            raise malformed("it has other columns")
        self.left = number
        self.phase = COLUMNS
        return 0

    cdef int keep(self, const unsigned char *data) except -1:
        """The key's values of the row that was read last, from its packet."""
        cdef Py_ssize_t index, column
        cdef list last = []
        for index in range(self.key_width):
            column = self.key[index]
            last.append(PyBytes_FromStringAndSize(<const char *>data + self.raw[2 * column], self.raw[2 * column + 1]))
        self.last = last
        return 0

    # ---- rows

    cdef int row(self, const unsigned char *data, Py_ssize_t size, list rows) except -1:
        cdef Out out = self.out
        cdef Out key_out = self.key_out
        cdef Py_ssize_t index, at = 0, column
        cdef uint64_t length
        for index in range(self.width):
            if at == size:
                raise malformed("a row lacks values")
            if data[at] == NOTHING:
                self.raw[2 * index + 1] = -1
                at += 1
                continue
            at = _number(data, at, size, &length)
            if at < 0 or length > <uint64_t>(size - at):
                raise malformed("a value is cut short")
            self.raw[2 * index] = at
            self.raw[2 * index + 1] = <Py_ssize_t>length
            at += <Py_ssize_t>length
        if at != size:
            raise malformed("a row has more values than columns")
        for index in range(self.key_width):
            if self.raw[2 * self.key[index] + 1] < 0:
                raise malformed("a key has no value")
        out.n = 0
        index = 0
        try:
            for index in range(self.width):
                put_bytes(out, <bytes>self.heads[index])
                self.spans[2 * index] = out.n
                if self.raw[2 * index + 1] < 0:
                    put(out, <const unsigned char *>"null", 4)
                else:
                    self.value(index, data + self.raw[2 * index], self.raw[2 * index + 1])
                self.spans[2 * index + 1] = out.n
        except (IndexError, ValueError, TypeError) as error:
            raise self.failed(index, error) from None
        put_bytes(out, self.tail)
        made = out.taken(0, out.n)
        self.seen += 1
        self.size += out.n + self.overhead
        if not self.key_width:
            add(rows, None, made)
            return 0
        key_out.n = 0
        for index in range(self.key_width):
            column = self.key[index]
            put_bytes(key_out, <bytes>self.key_heads[index])
            put(key_out, out.p + self.spans[2 * column], self.spans[2 * column + 1] - self.spans[2 * column])
        put_char(key_out, c"}")
        self.size += key_out.n
        add(rows, key_out.taken(0, key_out.n), made)
        return 0

    cdef int value(self, Py_ssize_t index, const unsigned char *data, Py_ssize_t length) except -1:
        """Writes one value."""
        cdef int code = self.columns[index].code
        cdef Out out = self.out
        cdef bint written = False
        if code == TEXT:
            out.put_text(data, length)
            return 0
        if code == INTEGER:
            written = _integer(out, data, length)
        elif code == PRINTED or code == MOMENT or code == INSTANT:
            written = _printed(out, data, length, code)
        elif code == DOUBLE:
            written = _double(out, data, length)
        elif code == FLOAT:
            written = _float(out, data, length)
        elif code == ENUM:
            written = _enum(out, data, length, <list>self.fragments[index])
        elif code == ASCII:
            if _is_ascii(data, length):
                out.put_text(data, length)
                return 0
        elif code == BASE64 or code == BINARY and length >= self.columns[index].size:
            out.put_base64(data, length)
            return 0
        elif code == BIT:
            written = _bits(out, data, length, self.columns[index].size)
        if not written:
            put_bytes(out, <bytes?>self.converters[index](PyBytes_FromStringAndSize(<const char *>data, length)))
        return 0


cdef inline Py_ssize_t _length(const unsigned char *packet) noexcept nogil:
    return packet[0] | packet[1] << 8 | packet[2] << 16


cdef inline Py_ssize_t _number(
    const unsigned char *data, Py_ssize_t at, Py_ssize_t size, uint64_t *number
) noexcept nogil:
    """A length-encoded integer that is not NULL; the place behind it, -1 where it is none. There is a first byte."""
    cdef int width, place
    cdef uint64_t value = 0
    cdef unsigned char first = data[at]
    at += 1
    if first < NOTHING:
        number[0] = first
        return at
    if first == NOTHING or first == ERROR:
        return -1
    width = 2 if first == 0xFC else 3 if first == 0xFD else 8
    if width > size - at:
        return -1
    for place in range(width):
        value |= <uint64_t>data[at + place] << (8 * place)
    number[0] = value
    return at + width


cdef Out _emptied(Out out):
    if out.capacity > KEPT_BYTES:
        return Out()
    out.n = 0
    return out


# ---- values; where one is not as the server prints it, nothing is written, and False returned


cdef bint _integer(Out out, const unsigned char *data, Py_ssize_t length) except -1:
    """Digits, without the zeros of ZEROFILL before them."""
    cdef bint negative = length > 0 and data[0] == c"-"
    cdef Py_ssize_t at, start = 1 if negative else 0
    if start == length or length > LONGEST_INTEGER:
        return False
    for at in range(start, length):
        if not 0x30 <= data[at] <= 0x39:
            return False
    while start < length - 1 and data[start] == 0x30:
        start += 1
    if negative and data[start] != 0x30:
        put_char(out, c"-")
    put(out, data + start, length - start)
    return True


cdef bint _double(Out out, const unsigned char *data, Py_ssize_t length) except -1:
    """See `types.numbers`: what its `_PLAIN` matches."""
    cdef Py_ssize_t start = 1 if length > 0 and data[0] == c"-" else 0
    cdef Py_ssize_t at = start, point
    if length - start > LONGEST_DOUBLE:
        return False
    while at < length and 0x30 <= data[at] <= 0x39:
        at += 1
    point = at
    if point == start or point - start > 15 or data[start] == 0x30 and point - start > 1:
        return False  # no digits, too many, or zeros before them
    if point < length:
        if data[point] != c"." or data[length - 1] == c"." or data[length - 1] == 0x30:
            return False
        for at in range(point + 1, length):
            if not 0x30 <= data[at] <= 0x39:
                return False
        if data[start] == 0x30 and length - point > 4 and memcmp(data + point, b".0000", 5) == 0:
            return False  # Python writes an exponent
    put(out, data, length)
    if point == length:
        put(out, <const unsigned char *>".0", 2)
    return True


cdef bint _float(Out out, const unsigned char *data, Py_ssize_t length) except -1:
    """See `types.numbers.shortest_float`."""
    cdef char text[LONGEST_FLOAT + 1]
    cdef char *shorter
    cdef double value, found
    cdef float narrow, other
    cdef int digits
    cdef Py_ssize_t at
    if length > LONGEST_FLOAT:
        return False
    for at in range(length):
        if not 0x30 <= data[at] <= 0x39 and data[at] != c"." and data[at] != c"-" and data[at] != c"e":
            return False
    memcpy(text, data, length)
    text[length] = 0
    try:
        value = PyOS_string_to_double(text, NULL, NULL)
    except ValueError:
        return False
    narrow = <float>value
    if narrow - narrow != 0:
        return False
    for digits in range(6 if fabs(value) >= LEAST_NORMAL_FLOAT else 1, 9):
        shorter = PyOS_double_to_string(value, c"g", digits, 0, NULL)
        try:
            found = PyOS_string_to_double(shorter, NULL, NULL)
        finally:
            PyMem_Free(shorter)
        other = <float>found
        if other - other != 0:
            return False
        if other == narrow:
            out.put_double(found)
            return True
    return False


cdef bint _printed(Out out, const unsigned char *data, Py_ssize_t length, int code) except -1:
    """What needs no escapes as a string; of a moment with T for the blank, and Z behind where it is UTC."""
    cdef unsigned char *p
    cdef unsigned char blank = c" " if code == PRINTED else c"T"
    cdef Py_ssize_t at
    out.need(length + 3)
    p = out.p + out.n
    p[0] = c'"'
    for at in range(length):
        if not PLAIN[data[at]]:
            return False
        p[1 + at] = blank if data[at] == c" " else data[at]
    length += 1
    if code == INSTANT:
        p[length] = c"Z"
        length += 1
    p[length] = c'"'
    out.n += length + 1
    return True


cdef bint _enum(Out out, const unsigned char *data, Py_ssize_t length, list fragments) except -1:
    cdef Py_ssize_t at, number = 0
    if not 0 < length < 7:
        return False
    for at in range(length):
        if not 0x30 <= data[at] <= 0x39:
            return False
        number = number * 10 + data[at] - 0x30
    if number >= len(fragments):
        return False
    put_bytes(out, <bytes>fragments[number])
    return True


cdef bint _bits(Out out, const unsigned char *data, Py_ssize_t length, int bits) except -1:
    """The bytes of a BIT column, most significant first, as binary digits."""
    cdef uint64_t value = 0
    cdef Py_ssize_t at
    if length > 8:
        return False
    for at in range(length):
        value = value << 8 | data[at]
    while bits < 64 and value >> bits:
        bits += 1  # more than the column has, which no server sends
    out.need(bits + 2)
    put_char(out, c'"')
    for at in range(bits - 1, -1, -1):
        put_char(out, c"1" if value >> at & 1 else c"0")
    put_char(out, c'"')
    return True


cdef bint _is_ascii(const unsigned char *data, Py_ssize_t size) noexcept nogil:
    cdef unsigned char seen = 0
    cdef Py_ssize_t at
    for at in range(size):
        seen |= data[at]
    return seen < 0x80
