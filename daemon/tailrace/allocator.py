"""What glibc's allocator does with large blocks (mallopt(3)).

Left to itself it learns from the first large block that is freed to keep such blocks, up to 32 MiB, for the next one.
Of a row of 20 MB a worker makes several blocks of different sizes, in several threads: what is kept fits none of them.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: From so many bytes on a block goes back to the system when it is freed. Batches of ordinary rows are smaller: for
#: those the system would be asked in vain.
_LARGE_BYTES = 4 << 20
#: So much that is free at the heap's end is kept.
_KEPT_BYTES = 16 << 20


def give_large_blocks_back() -> None:
    """For this process, from now on; nothing where the C library is another one."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
