"""The binlog's bytes become events: no sockets, no SQL, plain Python that a compiler can take later.

`decoder.Decoder.feed` takes what a socket delivered and drives a `tailrace.emitter.Emitter`.

Protocol: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication.html and
https://mariadb.com/kb/en/replication-protocol/
"""
