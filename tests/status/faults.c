/* Preloaded into the server, makes the machine as broken as the file named by FAULTS_FILE says:
   "slow 700" (milliseconds a sync takes longer), "full" (no space for the database), "free 80" (mebibytes left on the disk),
   "clock 3600" (seconds the wall clock is ahead), "memory 20" (thousandths of the memory that can still be had). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long fault(const char *name) {
    static __thread char text[64];
    static __thread long read_at = -1;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    long now_ds = now.tv_sec * 10 + now.tv_nsec / 100000000L;
    if (now_ds != read_at) {
        const char *path = getenv("FAULTS_FILE");
        int saved = errno, fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
        long count = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof text - 1);
        if (fd >= 0) syscall(SYS_close, fd);
        text[count > 0 ? count : 0] = 0;
        read_at = now_ds;
        errno = saved;
    }
    size_t length = strlen(name);
    return strncmp(text, name, length) ? 0 : text[length] ? atol(text + length) : 1;
}

static void pause_ms(long ms) {
    struct timespec left = {ms / 1000, (ms % 1000) * 1000000L};
    while (ms > 0 && nanosleep(&left, &left) != 0) {
    }
}

int fsync(int fd) {
    pause_ms(fault("slow"));
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    pause_ms(fault("slow"));
    return (int)syscall(SYS_fdatasync, fd);
}

static int open_memory(void) {
    char text[96];
    int ends[2], length = snprintf(text, sizeof text, "MemTotal: 1000000 kB\nMemAvailable: %ld kB\n", fault("memory") * 1000);
    if (pipe(ends) != 0) return -1;
    if (write(ends[1], text, (size_t)length) < 0) length = 0;
    close(ends[1]);
    return ends[0];
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (strcmp(path, "/proc/meminfo") == 0 && fault("memory")) return open_memory();
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
    if (fault("full")) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

int statvfs64(const char *path, struct statvfs64 *disk) {
    int (*original)(const char *, struct statvfs64 *) = (int (*)(const char *, struct statvfs64 *))dlsym(RTLD_NEXT, "statvfs64");
    int result = original(path, disk);
    long mebibytes = fault("free");
    if (result == 0 && mebibytes > 0) disk->f_bavail = disk->f_bfree = (fsblkcnt64_t)mebibytes * (1048576 / disk->f_frsize);
    return result;
}

int statvfs(const char *path, struct statvfs *disk) { return statvfs64(path, (struct statvfs64 *)disk); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += fault("clock");
    return result;
}
