# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Small transactions, from bytes to events in one go.

Most transactions of an application change one table in one row event, and lie in one piece in what the socket
delivered. Such a one is read here by pointer, without an object for each of its parts. Whatever is otherwise is left to
the decoder, from the same byte on and with nothing changed: it also says what is wrong with damaged bytes. A test gives
the same log to both.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from tailrace.batch cimport Run
from tailrace.emitter cimport Emitter, EventTable
from tailrace.out cimport Out, put, put_bytes, put_char
from tailrace_mysql.binlog.binding cimport Binding, Mapped
from tailrace_mysql.binlog.decoder cimport Decoder
from tailrace_mysql.binlog.image cimport Image, little
from tailrace_mysql.binlog.log_file cimport LogFile, unwrapped

from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.events import server_text

cdef int QUERY = types.QUERY
cdef int XID = types.XID
cdef int TABLE_MAP = types.TABLE_MAP
cdef int GTID = types.GTID
cdef int ANONYMOUS_GTID = types.ANONYMOUS_GTID
cdef int MARIADB_GTID = types.MARIADB_GTID
cdef int WRITE_ROWS = types.WRITE_ROWS
cdef int WRITE_ROWS_V1 = types.WRITE_ROWS_V1
cdef int UPDATE_ROWS = types.UPDATE_ROWS
cdef int UPDATE_ROWS_V1 = types.UPDATE_ROWS_V1
cdef int DELETE_ROWS = types.DELETE_ROWS
cdef int DELETE_ROWS_V1 = types.DELETE_ROWS_V1

cdef enum:
    HEADER = 19
    ARTIFICIAL = 0x20
    #: Flags of MariaDB's GTID: a statement of its own, XA.
    STANDALONE_OR_XA = 1 | 64 | 128
    GROUP_COMMIT = 2
    #: Of its second byte of flags: a phase of ALTER.
    ALTER = 2 | 4 | 8

# CRC-32 (IEEE 802.3, reflected), eight bytes at a time: _crc[n][b] is the remainder of b behind n zero bytes.
cdef uint32_t _crc[8][256]


cdef void _make_crc() noexcept:
    cdef uint32_t value
    cdef int byte, _, place
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320U if value & 1 else 0)
        _crc[0][byte] = value
    for place in range(1, 8):
        for byte in range(256):
            value = _crc[place - 1][byte]
            _crc[place][byte] = value >> 8 ^ _crc[0][value & 255]


_make_crc()


cdef uint32_t crc32(const unsigned char *data, Py_ssize_t size) noexcept nogil:
    cdef uint32_t value = 0xFFFFFFFFU, low, high
    while size >= 8:
        low = value ^ <uint32_t>little(data, 4)
        high = <uint32_t>little(data + 4, 4)
        value = (
            _crc[7][low & 255] ^ _crc[6][low >> 8 & 255] ^ _crc[5][low >> 16 & 255] ^ _crc[4][low >> 24]
            ^ _crc[3][high & 255] ^ _crc[2][high >> 8 & 255] ^ _crc[1][high >> 16 & 255] ^ _crc[0][high >> 24]
        )
        data += 8
        size -= 8
    while size > 0:
        value = value >> 8 ^ _crc[0][(value ^ data[0]) & 255]
        data += 1
        size -= 1
    return ~value


cdef inline bint all_set(const unsigned char *bits, int count) noexcept nogil:
    cdef int index
    for index in range(count // 8):
        if bits[index] != 0xFF:
            return False
    return count % 8 == 0 or (~bits[count // 8] & ((1 << count % 8) - 1)) == 0


cdef int put_hex(Out out, uint64_t value, int digits) except -1:
    cdef int shift = 4 * digits
    cdef const unsigned char *text = <const unsigned char *>"0123456789abcdef"
    while shift:
        shift -= 4
        put_char(out, text[value >> shift & 15])
    return 0


cdef class Whole:
    """Takes whole transactions for a decoder."""

    cdef Decoder decoder
    cdef const unsigned char *data  # what the socket delivered, up to `size`
    cdef Py_ssize_t size
    cdef Py_ssize_t at  # of the next packet
    cdef long long next  # its event's place in the file
    cdef int tail  # bytes of a checksum
    # The event in hand, where it begins and ends (without its checksum), and where it is in the file.
    cdef int kind
    cdef Py_ssize_t event
    cdef Py_ssize_t end
    cdef long long pos
    # What names the transaction.
    cdef unsigned char server[16]
    cdef str source
    cdef bytes source_text
    cdef uint64_t number
    cdef uint64_t ts_ms
    cdef uint64_t mark
    # What its events have in common, and the one in hand.
    cdef Out source_head
    cdef Out prefix
    cdef Out now
    cdef Out line
    cdef Out before
    cdef Out key
    cdef Out seq
    cdef list keys
    cdef list values

    def __init__(self, Decoder decoder):
        self.decoder = decoder
        self.source_head, self.prefix, self.now = Out(), Out(), Out()
        self.line, self.before, self.key, self.seq = Out(), Out(), Out(), Out()
        self.keys, self.values = [], []

    def take(self, bytes chunk, Py_ssize_t at):
        """Reads the transaction whose first packet begins at `at`; the place behind it, 0 where it is none of these."""
        cdef Decoder decoder = self.decoder
        cdef Emitter emitter = decoder._emitter
        cdef LogFile log = decoder._log
        if decoder._mark or log.far or decoder._pieces or emitter._pending or emitter._skip_to or emitter.traced:
            return 0
        self.data = <const unsigned char *>PyBytes_AS_STRING(chunk)
        self.size = PyBytes_GET_SIZE(chunk)
        self.at = at
        self.next = log.next
        self.tail = 4 if log._checksum else 0
        try:
            return self.at if self.transaction(chunk) else 0
        except Exception:
            return 0  # the decoder meets it too, and knows more of it
        finally:
            self.keys, self.values = [], []

    cdef bint step(self) noexcept:
        """To the next event; False where there is none that is whole and sound."""
        cdef const unsigned char *packet = self.data + self.at
        cdef Py_ssize_t left = self.size - self.at, length
        cdef const unsigned char *event
        cdef long long low, place
        if left < 4:
            return False
        length = <Py_ssize_t>little(packet, 3)
        if length == 0xFFFFFF or length > left - 4 or length < 1 + HEADER + self.tail or packet[4]:
            return False
        event = packet + 5
        if <Py_ssize_t>little(event + 9, 4) != length - 1 or event[17] & ARTIFICIAL:
            return False
        # The header has 32 bits of the place behind the event; the server may have left events out before it.
        low = little(event + 13, 4)
        place = unwrapped(low, self.next + length - 1)
        if not low or place < self.next + length - 1:
            return False
        self.next = place
        self.pos = place - (length - 1)
        if self.tail and crc32(event, length - 5) != little(event + length - 5, 4):
            return False
        self.kind = event[4]
        self.event = self.at + 5
        self.end = self.event + length - 1 - self.tail
        self.at += 4 + length
        return True

    cdef bint transaction(self, bytes chunk) except -1:
        cdef Decoder decoder = self.decoder
        cdef LogFile log = decoder._log
        cdef uint64_t server_id, thread = 0, table_id
        cdef Mapped mapped
        cdef Binding binding
        cdef const unsigned char *event
        cdef Py_ssize_t body
        if not self.step() or not self.gtid():
            return False
        self.mark = self.pos
        server_id = little(self.data + self.event + 5, 4)
        if not self.step():
            return False
        if not decoder._mariadb:
            event = self.data + self.event
            if self.kind != QUERY or self.end - self.event < HEADER + 14:
                return False
            body = 33 + <Py_ssize_t>little(event + 30, 2) + event[27]
            if self.end - self.event - body != 5 or memcmp(event + body, "BEGIN", 5):
                return False
            thread = little(event + HEADER, 4)
            if not self.step():
                return False
        event = self.data + self.event
        body = HEADER + log.table_id_size
        if self.kind != TABLE_MAP or self.end - self.event < body:
            return False
        table_id = little(event + HEADER, log.table_id_size)
        mapped = decoder._find(table_id)
        if mapped is None or mapped.generation != decoder._tables.generation:
            return False
        if (
            PyBytes_GET_SIZE(mapped.described) != self.end - self.event - body
            or memcmp(PyBytes_AS_STRING(mapped.described), event + body, self.end - self.event - body)
        ):
            return False
        binding = mapped.binding
        if binding is None or binding.image is None or not binding.version.announced:
            return False
        if not self.step():
            return False
        if not self.rows(chunk, binding, table_id, server_id, thread):
            return False
        if not self.step() or self.kind != XID:
            return False
        self.finish(binding.table)
        return True

    cdef bint gtid(self) except -1:
        """The event that begins it."""
        cdef const unsigned char *event = self.data + self.event
        cdef Py_ssize_t size = self.end - self.event, at
        cdef uint64_t micros
        self.ts_ms = 0
        if self.decoder._mariadb:
            if self.kind != MARIADB_GTID or size < 32 or event[31] & STANDALONE_OR_XA:
                return False
            at = 40 if event[31] & GROUP_COMMIT else 32
            if at < size and event[at] & ALTER:
                return False
            self.number = little(event + HEADER, 8)
            if self.number >> 63:
                return False
            # Domain and server stand apart; together they are the source.
            if self.source is None or memcmp(self.server, event + 27, 4) or memcmp(&self.server[4], event + 5, 4):
                memcpy(self.server, event + 27, 4)
                memcpy(&self.server[4], event + 5, 4)
                self.source = f"{little(event + 27, 4)}-{little(event + 5, 4)}"
                self.source_text = self.source.encode() + b"-"
            return True
        if (self.kind != GTID and self.kind != ANONYMOUS_GTID) or size < 44:
            return False
        self.number = little(event + 36, 8)
        if self.number >> 63:
            return False
        if size >= 68:
            micros = little(event + 61, 7)
            if micros >> 55:
                if size < 75:
                    return False
                micros = little(event + 68, 7)
            self.ts_ms = micros // 1000
        if self.source is None or memcmp(self.server, event + 20, 16):
            memcpy(self.server, event + 20, 16)
            self.source = server_text(PyBytes_FromStringAndSize(<const char *>event + 20, 16))
            self.source_text = self.source.encode() + b":"
        return True

    cdef int head(self, EventTable table, LogFile log, uint64_t server_id, uint64_t thread) except -1:
        """What all its events have in common."""
        cdef Out out = self.source_head
        cdef timespec now
        out.n = self.prefix.n = self.now.n = 0
        put(out, <const unsigned char *>',"source":', 10)
        put_bytes(out, table.source_head)
        out.put_uint(self.ts_ms)
        put(out, <const unsigned char *>',"snapshot":"false","file":', 27)
        put_bytes(out, log.json)
        if self.number or self.decoder._mariadb:
            put(out, <const unsigned char *>',"gtid":"', 9)
            put_bytes(out, self.source_text)
            out.put_uint(self.number)
            put(out, <const unsigned char *>'","server_id":', 14)
        else:
            put(out, <const unsigned char *>',"gtid":null,"server_id":', 25)
        out.put_uint(server_id)
        put(out, <const unsigned char *>',"thread":', 10)
        if self.decoder._mariadb:
            put(out, <const unsigned char *>"null", 4)
        else:
            out.put_uint(thread)
        put(out, <const unsigned char *>',"query":null,', 14)
        put_hex(self.prefix, self.decoder._emitter.epoch, 4)
        put_char(self.prefix, c"-")
        put_hex(self.prefix, log.number, 8)
        put_hex(self.prefix, self.mark, 12)
        put_char(self.prefix, c"-")
        clock_gettime(CLOCK_REALTIME, &now)
        self.now.put_uint(<uint64_t>now.tv_sec * 1000 + now.tv_nsec // 1000000)
        return 0

    cdef bint rows(self, bytes chunk, Binding binding, uint64_t table_id, uint64_t server_id, uint64_t thread) except -1:
        """The row event in hand."""
        cdef LogFile log = self.decoder._log
        cdef const unsigned char *data = self.data
        cdef Py_ssize_t at = self.event + HEADER + log.table_id_size + 2, width
        cdef Image image = binding.image
        cdef int images = 1, count
        cdef unsigned char op
        cdef uint64_t row = 0
        if self.kind == UPDATE_ROWS or self.kind == UPDATE_ROWS_V1:
            op, images = c"u", 2
        elif self.kind == WRITE_ROWS or self.kind == WRITE_ROWS_V1:
            op = c"c"
        elif self.kind == DELETE_ROWS or self.kind == DELETE_ROWS_V1:
            op = c"d"
        else:
            return False
        if self.kind >= WRITE_ROWS:  # version 2 has extra data, its length included in itself
            if self.end - at < 2:
                return False
            at += <Py_ssize_t>little(data + at, 2)
        if self.end - at < 1 or little(data + self.event + HEADER, log.table_id_size) != table_id:
            return False
        count = data[at]
        width = (count + 7) // 8
        at += 1
        if count > 250 or count != binding.width or self.end - at < images * width or not image.key_indices:
            return False
        if not all_set(data + at, count) or (images == 2 and not all_set(data + at + width, count)):
            return False
        at += images * width
        if at >= self.end:
            return False
        if not self.ts_ms:
            self.ts_ms = little(data + self.event, 4) * 1000
        self.head(binding.table, log, server_id, thread)
        while at < self.end:
            at = self.row(image, op, chunk, at, self.end)
            if at < 0 or at > self.end:
                return False
            row += 1
            key = image.key_out.taken(0, image.key_out.n)
            self.keys.append(key)
            self.values.append(self.render(binding.table, image, op, self.pos, row, 1 << 24 | row, at == self.end))
            if op == c"d":  # the tombstone
                self.keys.append(key)
                self.values.append(None)
        return True

    cdef Py_ssize_t row(self, Image image, unsigned char op, bytes event, Py_ssize_t at, Py_ssize_t end) except -2:
        """The images of one row; the place behind them, -1 where its key changes."""
        at = image.row(event, at, end)
        if op != c"u":
            return at
        self.before.n = self.key.n = 0
        put(self.before, image.out.p, image.out.n)
        put(self.key, image.key_out.p, image.key_out.n)
        at = image.row(event, at, end, self.before)
        if self.key.n != image.key_out.n or memcmp(self.key.p, image.key_out.p, self.key.n):
            return -1
        return at

    cdef bytes render(
        self, EventTable table, Image image, unsigned char op, uint64_t pos, uint64_t row, uint64_t ordinal, bint last
    ):
        """The event of the row in hand, as the emitter builds it."""
        cdef Out out = self.line
        out.n = 0
        put(out, <const unsigned char *>'{"before":', 10)
        if op == c"c":
            put(out, <const unsigned char *>"null", 4)
        elif op == c"u":
            put(out, self.before.p, self.before.n)
        else:
            put(out, image.out.p, image.out.n)
        put(out, <const unsigned char *>',"after":', 9)
        if op == c"d":
            put(out, <const unsigned char *>"null", 4)
        else:
            put(out, image.out.p, image.out.n)
        put(out, self.source_head.p, self.source_head.n)
        put(out, <const unsigned char *>'"pos":', 6)
        out.put_uint(pos)
        put(out, <const unsigned char *>',"row":', 7)
        out.put_uint(row - 1)
        put(out, <const unsigned char *>',"tailrace_seq":"', 17)
        self.seq.n = 0
        put(self.seq, self.prefix.p, self.prefix.n)
        put_hex(self.seq, ordinal << 2 | 1, 16)
        put(out, self.seq.p, self.seq.n)
        put_bytes(out, table.schema_tail)
        if last:
            put(out, <const unsigned char *>'[],"tx_end":true},"op":"', 24)
        else:
            put(out, <const unsigned char *>'[],"tx_end":false},"op":"', 25)
        put_char(out, op)
        put(out, <const unsigned char *>'","ts_ms":', 10)
        put(out, self.now.p, self.now.n)
        put(out, <const unsigned char *>',"transaction":null}', 20)
        return out.taken(0, out.n)

    # ---- the row events of other transactions

    def row_event(self, bytes event, Py_ssize_t at, Binding binding, str op, long long ordinal, long long pos):
        """The rows of an event whose images begin at `at`; where those begin that are left to the decoder, and how many
        came before.

        Left are what may be the transaction's last event, and what follows a changed key.

        Args:
            ordinal: of the event in its transaction, in its place above the row's number.
            pos: of the event in the file.
        """
        cdef Emitter emitter = self.decoder._emitter
        cdef Image image = binding.image
        cdef EventTable table = binding.table
        cdef Py_ssize_t end = PyBytes_GET_SIZE(event), start
        cdef uint64_t row = 0
        cdef unsigned char kind = ord(op)
        cdef Run run
        cdef bytes key
        if image is None or not image.key_indices or emitter.traced or emitter._skip_to:
            return at, 0
        self.source_head.n = self.prefix.n = self.now.n = self.seq.n = 0
        put_bytes(self.source_head, emitter._head_for(table))
        put_bytes(self.prefix, emitter._prefix)
        put_bytes(self.now, emitter._now)
        while at < end:
            start = at
            at = self.row(image, kind, event, at, end)
            if at < 0 or at >= end:
                if self.seq.n:
                    emitter._delivered = self.seq.taken(0, self.seq.n)
                return start, row
            row += 1
            if emitter._pending:
                emitter._flush_pending(False)
            run = emitter._run(table.topic)
            key = image.key_out.taken(0, image.key_out.n)
            emitter._append(run, key, self.render(table, image, kind, pos, row, ordinal | row, False))
            if kind == c"d":
                emitter._tombstone(run, key)
        return end, row

    cdef int finish(self, EventTable table) except -1:
        """Everything was well: now the decoder and the emitter get to know of it."""
        cdef Decoder decoder = self.decoder
        cdef Emitter emitter = decoder._emitter
        cdef LogFile log = decoder._log
        cdef Run run = emitter._run(table.topic)
        cdef Py_ssize_t index
        for index in range(len(self.keys)):
            if self.values[index] is None:
                emitter._tombstone(run, <bytes>self.keys[index])
            else:
                emitter._append(run, <bytes>self.keys[index], <bytes>self.values[index])
        emitter._delivered = self.seq.taken(0, self.seq.n)
        emitter._ts_ms = self.ts_ms
        if self.number or decoder._mariadb:
            decoder._gtids.add(self.source, self.number)
        log.pos = self.pos
        log.next = self.next
        decoder._tell_commit()
        return 0
