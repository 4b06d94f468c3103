# cython: language_level=3
# Types for the compiled form of sequence.py.
cpdef str binlog_mark(long long file_number, long long offset)
cpdef str lsn_mark(unsigned long long lsn)
cpdef str transaction_prefix(long long epoch, str mark)
