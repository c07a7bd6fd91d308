/* Preloaded into the server: faults of the machine that a test switches on by making a file in FAULTS_DIR.
   "read-only": no write reaches a file of the database. "clock": the clock on the wall is off by so many seconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int find(const char *name, char *content, size_t size) {
    const char *folder = getenv("FAULTS_DIR");
    char path[4096];
    if (!folder) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    size_t read = fread(content, 1, size - 1, file);
    content[read] = 0;
    fclose(file);
    return 1;
}

static int is_refused(int fd) {
    char link[64], path[4096], content[8];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strstr(path, "zajil.db") && find("read-only", content, sizeof content);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    if (is_refused(fd)) { errno = EROFS; return -1; }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    char content[32];
    if (clock == CLOCK_REALTIME && find("clock", content, sizeof content)) now->tv_sec += atol(content);
    return done;
}
