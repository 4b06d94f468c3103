# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Row images read by compiled code: the fast form of the readers in `tailrace_mysql.types`.

A column is read here where its type names a compiled form (`Reader.native`); any other by its Python reader. Both give
the same bytes: a test compares them for every type. Every length is checked against the event's end before it is used.
"""

import struct

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcmp, memcpy
from tailrace.out cimport Out, put, put_bytes, put_char

cdef enum:
    CALL, INT, UINT, YEAR, DOUBLE, DECIMAL, DATE, TIME, DATETIME, TIMESTAMP, TEXT, ASCII, BASE64, ENUM, BINARY, SKIP

cdef dict _CODES = {
    "int": INT, "uint": UINT, "year": YEAR, "double": DOUBLE, "decimal": DECIMAL, "date": DATE, "time": TIME,
    "datetime": DATETIME, "timestamp": TIMESTAMP, "text": TEXT, "ascii": ASCII, "base64": BASE64, "enum": ENUM,
    "binary": BINARY,
}  # fmt: skip

cdef int *_group_bytes = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
cdef uint64_t *_powers = [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000]


cdef inline uint64_t _big(const unsigned char *data, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int at
    for at in range(size):
        value = value << 8 | data[at]
    return value


cdef class Image:
    """The row images of one table.

    Args:
        columns: name, Python reader, native form (name, a, b, fragments) or None, place in the primary key.
        row_heads: what stands before each value; b"" where the column is dropped.
        failed: makes the error for a column's index and what was raised.
        dropped: indexes of columns whose values are passed over.
        tail: what ends the row's object: constant members, and the brace.
    """

    def __cinit__(self, columns, row_heads, key_heads, key_indices, failed, dropped=frozenset(), tail=b"}"):
        cdef Py_ssize_t index
        self.width = len(columns)
        self.columns = <Column *>PyMem_Malloc(max(self.width, 1) * sizeof(Column))
        self.spans = <Py_ssize_t *>PyMem_Malloc(max(self.width, 1) * 2 * sizeof(Py_ssize_t))
        self.raw = <Py_ssize_t *>PyMem_Malloc(max(self.width, 1) * 2 * sizeof(Py_ssize_t))
        self.old_spans = <Py_ssize_t *>PyMem_Malloc(max(self.width, 1) * 2 * sizeof(Py_ssize_t))
        self.old_raw = <Py_ssize_t *>PyMem_Malloc(max(self.width, 1) * 2 * sizeof(Py_ssize_t))
        if (
            self.columns == NULL or self.spans == NULL or self.raw == NULL or self.old_spans == NULL
            or self.old_raw == NULL
        ):
            raise MemoryError
        self.null_bytes = (self.width + 7) // 8
        self.heads = list(row_heads)
        self.key_heads = list(key_heads)
        self.key_indices = list(key_indices)
        self.failed = failed
        self.readers = []
        self.fragments = []
        for index, (call, native) in enumerate(columns):
            name, a, b, fragments = native or ("", 0, 0, None)
            self.columns[index].code = _CODES.get(name, CALL)
            self.columns[index].a = a
            self.columns[index].b = b
            if index in dropped:
                self.columns[index].skipped = self.columns[index].code
                self.columns[index].code = SKIP
            self.readers.append(call)
            self.fragments.append(fragments)
        self.tail = tail
        self.out = Out()
        self.key_out = Out()

    def __dealloc__(self):
        PyMem_Free(self.columns)
        PyMem_Free(self.spans)
        PyMem_Free(self.raw)
        PyMem_Free(self.old_spans)
        PyMem_Free(self.old_raw)

    def read(self, bytes event not None, Py_ssize_t at):
        """One row image at `at`: its JSON object, its key's (None without one), the position behind it."""
        at = self.row(event, at, PyBytes_GET_SIZE(event))
        key = self.key_out.taken(0, self.key_out.n) if self.key_indices else None
        return self.out.taken(0, self.out.n), key, at

    cdef Py_ssize_t row(self, bytes event, Py_ssize_t at, Py_ssize_t size, Out before=None) except -1:
        """Reads the row image at `at` of what ends at `size` into `out` and `key_out`; the position behind it.

        `before`: the object of the image read last, of the same event: values with the same bytes are taken from it.
        """
        cdef Py_ssize_t index = 0, key
        cdef Out out = self.out
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(event)
        cdef Py_ssize_t nulls = at, length
        cdef Py_ssize_t *old_spans = self.spans
        cdef Py_ssize_t *old_raw = self.raw
        self.spans, self.old_spans = self.old_spans, old_spans
        self.raw, self.old_raw = self.old_raw, old_raw
        out.n = 0
        self.key_out.n = 0
        try:
            if at < 0 or size - at < self.null_bytes:
                raise IndexError
            at += self.null_bytes
            for index in range(self.width):
                put_bytes(out, <bytes>self.heads[index])
                self.spans[2 * index] = out.n
                self.raw[2 * index] = at
                if data[nulls + (index >> 3)] >> (index & 7) & 1:
                    if self.columns[index].code != SKIP:
                        put(out, <const unsigned char *>"null", 4)
                else:
                    # Values say themselves how long they are: what begins with the old one's bytes is the old one.
                    length = old_raw[2 * index + 1] - old_raw[2 * index] if before is not None else 0
                    if 0 < length <= size - at and memcmp(data + at, data + old_raw[2 * index], length) == 0:
                        put(out, before.p + old_spans[2 * index], old_spans[2 * index + 1] - old_spans[2 * index])
                        at += length
                    else:
                        at = self.value(index, event, data, at, size)
                self.spans[2 * index + 1] = out.n
                self.raw[2 * index + 1] = at
        except (IndexError, ValueError, TypeError, struct.error) as error:
            raise self.failed(index, error) from None
        put_bytes(out, self.tail)
        if self.key_indices:
            for index in range(len(self.key_indices)):
                key = self.key_indices[index]
                put_bytes(self.key_out, <bytes>self.key_heads[index])
                put(self.key_out, out.p + self.spans[2 * key], self.spans[2 * key + 1] - self.spans[2 * key])
            put_char(self.key_out, c"}")
        return at

    cdef Py_ssize_t value(
        self, Py_ssize_t index, bytes event, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1:
        """Writes one value; the position behind it."""
        cdef Out out = self.out
        cdef Column column = self.columns[index]
        cdef int code = column.code
        cdef Py_ssize_t left = size - at, length, place
        cdef uint64_t raw
        cdef double number
        if code == INT or code == UINT:
            if left < column.a:
                raise IndexError
            raw = little(data + at, column.a)
            if code == UINT:
                out.put_uint(raw)
            else:
                out.put_int(<int64_t>(raw << (64 - 8 * column.a)) >> (64 - 8 * column.a))
            return at + column.a
        if code == TEXT or code == ASCII or code == BASE64 or code == BINARY:
            if left < column.a:
                raise IndexError
            length = <Py_ssize_t>little(data + at, column.a)
            place = at + column.a
            if length > size - place:
                raise IndexError
            if code == TEXT:
                out.put_text(data + place, length)
            elif code == BASE64:
                out.put_base64(data + place, length)
            elif code == ASCII and _is_ascii(data + place, length):
                out.put_text(data + place, length)
            elif code == BINARY and length == column.b:
                out.put_base64(data + place, length)
            else:
                return self.called(index, event, at)
            return place + length
        if code == DECIMAL:
            return self.decimal(column.a, column.b, data, at, size)
        if code == DATETIME or code == TIMESTAMP:
            return self.moment(code, column.a, data, at, size)
        if code == DOUBLE:
            if left < 8:
                raise IndexError
            raw = little(data + at, 8)
            memcpy(&number, &raw, 8)
            out.put_double(number)
            return at + 8
        if code == ENUM:
            if left < column.a:
                raise IndexError
            raw = little(data + at, column.a)
            fragments = <list>self.fragments[index]
            if raw >= <uint64_t>len(fragments):
                raise IndexError
            put_bytes(out, <bytes>fragments[raw])
            return at + column.a
        if code == DATE:
            if left < 3:
                raise IndexError
            raw = little(data + at, 3)
            put_char(out, c'"')
            self.date(raw >> 9, raw >> 5 & 15, raw & 31)
            put_char(out, c'"')
            return at + 3
        if code == TIME:
            return self.time(column.a, data, at, size)
        if code == YEAR:
            if left < 1:
                raise IndexError
            out.put_uint(1900 + data[at] if data[at] else 0)
            return at + 1
        if code == SKIP:
            return self.skip(index, event, data, at, size)
        return self.called(index, event, at)

    cdef Py_ssize_t skip(
        self, Py_ssize_t index, bytes event, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1:
        """Passes over one value; the position behind it."""
        cdef Column column = self.columns[index]
        cdef int code = column.skipped, whole
        cdef Py_ssize_t length, left = size - at
        if code == INT or code == UINT or code == ENUM:
            length = column.a
        elif code == TEXT or code == ASCII or code == BASE64 or code == BINARY:
            if left < column.a:
                raise IndexError
            length = <Py_ssize_t>little(data + at, column.a)
            if length > left - column.a:
                raise IndexError
            length += column.a
        elif code == DOUBLE:
            length = 8
        elif code == DATE:
            length = 3
        elif code == YEAR:
            length = 1
        elif code == DATETIME or code == TIMESTAMP or code == TIME:
            length = (5 if code == DATETIME else 4 if code == TIMESTAMP else 3) + (column.a + 1) // 2
        elif code == DECIMAL:
            whole = column.a - column.b
            length = _group_bytes[whole % 9] + 4 * (whole // 9) + 4 * (column.b // 9) + _group_bytes[column.b % 9]
        else:
            _, at = self.readers[index](event, at)
            return at
        if length > left:
            raise IndexError
        return at + length

    cdef Py_ssize_t called(self, Py_ssize_t index, bytes event, Py_ssize_t at) except -1:
        fragment, end = self.readers[index](event, at)
        put_bytes(self.out, <bytes>fragment)
        return end

    cdef int date(self, uint64_t year, uint64_t month, uint64_t day) except -1:
        cdef Out out = self.out
        out.put_padded(year, 4)
        put_char(out, c"-")
        out.put_padded(month, 2)
        put_char(out, c"-")
        out.put_padded(day, 2)
        return 0

    cdef int clock(self, uint64_t hour, uint64_t minute, uint64_t second) except -1:
        cdef Out out = self.out
        out.put_padded(hour, 2)
        put_char(out, c":")
        out.put_padded(minute, 2)
        put_char(out, c":")
        out.put_padded(second, 2)
        return 0

    cdef int fraction(self, uint64_t value, int digits) except -1:
        """A fraction that is stored in hundredths, ten-thousandths or millionths."""
        cdef Out out = self.out
        if digits:
            put_char(out, c".")
            out.put_padded(value, (digits + 1) // 2 * 2)
            if digits & 1:
                out.n -= 1
        return 0

    cdef Py_ssize_t moment(
        self, int code, int digits, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1:
        """DATETIME and TIMESTAMP."""
        cdef Out out = self.out
        cdef int whole = 5 if code == DATETIME else 4
        cdef int more = (digits + 1) // 2
        cdef uint64_t raw, part, days, era, of_era, year, of_year, month
        if size - at < whole + more:
            raise IndexError
        raw = _big(data + at, whole)
        part = _big(data + at + whole, more)
        if more and part >= _powers[2 * more]:
            raise ValueError("a fraction of a second has too many digits")
        put_char(out, c'"')
        if code == DATETIME:
            if raw < 0x8000000000ULL:
                raise ValueError("a DATETIME is negative")
            raw -= 0x8000000000ULL
            self.date((raw >> 22) // 13, (raw >> 22) % 13, raw >> 17 & 31)
            put_char(out, c"T")
            self.clock(raw >> 12 & 31, raw >> 6 & 63, raw & 63)
            self.fraction(part, digits)
            put_char(out, c'"')
        else:
            if raw == 0:
                put(out, <const unsigned char *>"0000-00-00T00:00:00", 19)
            else:
                # Days since 1970 to a date of the proleptic Gregorian calendar, by eras of 400 years.
                days = raw // 86400 + 719468
                era = days // 146097
                of_era = days - era * 146097
                year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
                of_year = of_era - (365 * year + year // 4 - year // 100)
                month = (5 * of_year + 2) // 153
                year += era * 400
                self.date(
                    year + (1 if month >= 10 else 0),
                    month + 3 if month < 10 else month - 9,
                    of_year - (153 * month + 2) // 5 + 1,
                )
                put_char(out, c"T")
                self.clock(raw % 86400 // 3600, raw % 3600 // 60, raw % 60)
            self.fraction(part, digits)
            put(out, <const unsigned char *>'Z"', 2)
        return at + whole + more

    cdef Py_ssize_t time(self, int digits, const unsigned char *data, Py_ssize_t at, Py_ssize_t size) except -1:
        cdef Out out = self.out
        cdef int more = (digits + 1) // 2
        cdef int64_t packed
        cdef uint64_t whole, part
        if size - at < 3 + more:
            raise IndexError
        # The sign covers the fraction too: one number in two's complement, moved up by its bias.
        packed = <int64_t>_big(data + at, 3 + more) - (<int64_t>0x800000 << (8 * more))
        put_char(out, c'"')
        if packed < 0:
            put_char(out, c"-")
            packed = -packed
        whole = <uint64_t>packed >> (8 * more)
        part = <uint64_t>packed & ((<uint64_t>1 << (8 * more)) - 1)
        if more and part >= _powers[2 * more]:
            raise ValueError("a fraction of a second has too many digits")
        self.clock(whole >> 12 & 0x3FF, whole >> 6 & 63, whole & 63)
        self.fraction(part, digits)
        put_char(out, c'"')
        return at + 3 + more

    cdef Py_ssize_t decimal(
        self, int precision, int scale, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1:
        """Groups of nine digits in four bytes, the outer groups in as few as they need; the first bit is the sign."""
        cdef Out out = self.out
        cdef int whole = precision - scale
        cdef int total = _group_bytes[whole % 9] + 4 * (whole // 9) + 4 * (scale // 9) + _group_bytes[scale % 9]
        cdef unsigned char raw[40]
        cdef unsigned char mask
        cdef int index, place = 0
        cdef uint64_t group
        cdef bint begun = False
        if size - at < total or total > 40:
            raise IndexError
        mask = 0 if data[at] & 0x80 else 0xFF
        for index in range(total):
            raw[index] = data[at + index] ^ mask
        raw[0] ^= 0x80
        put(out, <const unsigned char *>'"-' if mask else <const unsigned char *>'"', 2 if mask else 1)
        index = whole % 9
        while whole > 0:
            if not index:
                index = 9
            group = _big(raw + place, _group_bytes[index])
            if group >= _powers[index]:
                raise ValueError("a decimal group holds more digits than it may")
            if begun:
                out.put_padded(group, 9)
            elif group:
                out.put_uint(group)
                begun = True
            place += _group_bytes[index]
            whole -= index
            index = 9
        if not begun:
            put_char(out, c"0")
        if scale:
            put_char(out, c".")
            while scale > 0:
                index = min(scale, 9)
                group = _big(raw + place, _group_bytes[index])
                if group >= _powers[index]:
                    raise ValueError("a decimal group holds more digits than it may")
                out.put_padded(group, index)
                place += _group_bytes[index]
                scale -= index
        put_char(out, c'"')
        return at + total


cdef bint _is_ascii(const unsigned char *data, Py_ssize_t size) noexcept:
    cdef Py_ssize_t at
    cdef unsigned char seen = 0
    for at in range(size):
        seen |= data[at]
    return seen < 0x80
