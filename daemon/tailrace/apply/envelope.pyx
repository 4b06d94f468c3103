# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Events read from their bytes, without an object for what nobody asks for: the fast form of `tailrace.apply.changes`.

It knows the envelope as `tailrace.emitter` writes it, of a whole row with a key. Whatever looks otherwise (a control event,
columns that the log left out, a schema version that is not known yet, JSON in another form) is left to the reader in
Python. The end of the value is read backwards: no string of JSON can look like it, because a quote within one has a
backslash before it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

from tailrace.apply.change cimport Change

cdef uint64_t ONES = 0x0101010101010101ULL
cdef uint64_t HIGHS = 0x8080808080808080ULL
cdef enum:
    SEQ = 42

cdef str CREATE = "c", UPDATE = "u", DELETE = "d", READ = "r"
cdef list NOTHING = []


cdef struct Tail:
    # Where the sequence begins, the operation, and numbers.
    Py_ssize_t seq
    unsigned char op
    bint tx_end
    long long schema_id
    long long ts_ms


def take(list keys, list values, offsets, Py_ssize_t index, partition, dict versions, list changes):
    """Reads events from `index` on and appends them to `changes`; returns the index of the first one that is not for it.

    Args:
        offsets: of the records.
        versions: the topic's schema versions by their id.
    """
    cdef Py_ssize_t count = len(values)
    cdef Change change
    while index < count:
        value = values[index]
        if value is None:  # a tombstone: the delete before it said all
            index += 1
            continue
        key = keys[index]
        if key is None:
            break
        change = _read(<bytes>value, versions)
        if change is None:
            break
        change.key = <bytes>key
        change.partition = partition
        change.offset = offsets[index]
        changes.append(change)
        index += 1
    return index


cdef Change _read(bytes value, dict versions):
    cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(value)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value), at, after
    cdef Tail tail
    cdef Change change
    if not _tail(data, size, &tail):
        return None
    at = _expect(data, 0, size, b'{"before":', 10)
    if at >= 0:
        at = _skip(data, at, size)
    if at >= 0:
        at = _expect(data, at, size, b',"after":', 9)
    if at < 0:
        return None
    after = at
    at = _skip(data, at, size)
    if at < 0 or _expect(data, at, tail.seq, b',"source":{', 11) < 0:
        return None
    if (data[after] == c"{") == (tail.op == c"d"):
        return None
    schema = versions.get(tail.schema_id)
    if schema is None:
        return None
    change = Change.__new__(Change)
    change.op = (
        UPDATE if tail.op == c"u" else CREATE if tail.op == c"c" else DELETE if tail.op == c"d" else READ
    )
    change.seq = PyUnicode_DecodeASCII(<const char *>data + tail.seq, SEQ, NULL)
    change.schema = schema
    if tail.op != c"d":
        change.after = PyBytes_FromStringAndSize(<const char *>data + after, at - after)
    change.unchanged = NOTHING
    change.tx_end = tail.tx_end
    change.ts_ms = tail.ts_ms
    change.size = size
    change.also_at = ()
    return change


cdef bint _tail(const unsigned char *data, Py_ssize_t size, Tail *tail) noexcept:
    """What the value ends with; False where it does not end so."""
    cdef Py_ssize_t at = _expect_before(data, size, b',"transaction":null}', 20)
    at = _number_before(data, at, &tail.ts_ms)
    at = _expect_before(data, at, b'","ts_ms":', 10)
    if at < 1:
        return False
    at -= 1
    tail.op = data[at]
    if tail.op != c"c" and tail.op != c"u" and tail.op != c"d" and tail.op != c"r":
        return False
    at = _expect_before(data, at, b'},"op":"', 8)
    if at < 4:
        return False
    tail.tx_end = data[at - 4] == c"t"
    at = _expect_before(data, at, b"true", 4) if tail.tx_end else _expect_before(data, at, b"false", 5)
    at = _expect_before(data, at, b',"unchanged":[],"tx_end":', 25)
    at = _number_before(data, at, &tail.schema_id)
    at = _expect_before(data, at, b'","schema_id":', 14)
    if at < SEQ:
        return False
    tail.seq = at - SEQ
    for at in range(tail.seq, tail.seq + SEQ):
        if not (0x30 <= data[at] <= 0x39 or 0x61 <= data[at] <= 0x66 or data[at] == c"-"):
            return False
    return _expect_before(data, tail.seq, b',"tailrace_seq":"', 17) >= 0


cdef inline Py_ssize_t _expect(
    const unsigned char *data, Py_ssize_t at, Py_ssize_t size, const char *text, Py_ssize_t length
) noexcept:
    """Where this text ends, if it begins at `at`; else -1."""
    return at + length if size - at > length and memcmp(data + at, text, length) == 0 else -1


cdef inline Py_ssize_t _expect_before(
    const unsigned char *data, Py_ssize_t at, const char *text, Py_ssize_t length
) noexcept:
    """Where this text begins, if it ends at `at`; else -1."""
    return at - length if at >= length and memcmp(data + at - length, text, length) == 0 else -1


cdef inline Py_ssize_t _number_before(const unsigned char *data, Py_ssize_t at, long long *number) noexcept:
    """Where the digits begin that end at `at`; -1 where there are none, or too many."""
    cdef long long place = 1
    cdef Py_ssize_t end = at
    number[0] = 0
    while at > 0 and 0x30 <= data[at - 1] <= 0x39:
        at -= 1
        if end - at > 18:
            return -1
        number[0] += (data[at] - 0x30) * place
        place *= 10
    return at if at < end else -1


cdef Py_ssize_t _skip(const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
    """Where null or an object ends that begins at `at`; -1 where there is none, or no end."""
    cdef Py_ssize_t depth = 0
    cdef unsigned char byte
    if at < size and data[at] == c"n":
        return _expect(data, at, size, b"null", 4)
    if at >= size or data[at] != c"{":
        return -1
    while at < size:
        byte = data[at]
        at += 1
        if byte == c'"':
            at = _string_end(data, at, size)
            if at < 0:
                return -1
        elif byte == c"{" or byte == c"[":
            depth += 1
        elif byte == c"}" or byte == c"]":
            depth -= 1
            if depth == 0:
                return at
    return -1


cdef inline Py_ssize_t _string_end(const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
    """Behind the quote that ends a string; -1 where none does."""
    cdef uint64_t word, quote, backslash
    while True:
        while at + 8 <= size:
            memcpy(&word, data + at, 8)
            quote = word ^ (ONES * 0x22)
            backslash = word ^ (ONES * 0x5C)
            if (((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash)) & HIGHS:
                break
            at += 8
        while at < size and data[at] != c'"' and data[at] != c"\\":
            at += 1
        if at >= size:
            return -1
        if data[at] == c'"':
            return at + 1
        at += 2
