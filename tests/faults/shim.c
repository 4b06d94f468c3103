/* Before libc in a process: makes a folder's disk full, lets its fsync fail, and moves the clock, as a shared file says.
 *
 * FAULTS_FILE: 16 bytes, read at each call. Byte 0: the disk is full; byte 1: fsync fails; bytes 8 to 15: seconds that
 * the clock is ahead, signed, in the machine's order. FAULTS_FOLDER: whose files are concerned. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned char none[16];
static volatile unsigned char *said = none;
static char folder[PATH_MAX];

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAULTS_FILE"), *path = getenv("FAULTS_FOLDER");
    int fd = name && path ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || !realpath(path, folder))
        return;
    void *shared = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED)
        said = shared;
    close(fd);
}

static int concerned(int fd)
{
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t prefix = strlen(folder);
    return length > (ssize_t)prefix && memcmp(path, folder, prefix) == 0 && path[prefix] == '/';
}

/* What is allocated already can be written again. */
static int full(int fd, off_t end)
{
    struct stat now;
    if (!said[0] || !concerned(fd) || fstat(fd, &now) != 0 || !S_ISREG(now.st_mode) || end <= now.st_size)
        return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (said[0] && full(fd, lseek(fd, 0, SEEK_CUR) + (off_t)size))
        return -1;
    return syscall(SYS_write, fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
    if (said[0] && full(fd, at + (off_t)size))
        return -1;
    return syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return pwrite64(fd, data, size, at);
}

static int failing(int fd)
{
    if (!said[1] || !concerned(fd))
        return 0;
    errno = EIO;
    return 1;
}

int fsync(int fd)
{
    return failing(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return failing(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static int64_t ahead(void)
{
    int64_t seconds;
    memcpy(&seconds, (const void *)(said + 8), sizeof seconds);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int result = (int)syscall(SYS_gettimeofday, now, zone);
    if (result == 0 && now)
        now->tv_sec += ahead();
    return result;
}

time_t time(time_t *result)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}
