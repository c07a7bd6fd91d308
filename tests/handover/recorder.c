/* Preloaded into a server: keeps a journal of what it does to the files of its SQLite database, for crashing_disk.py to play back.
   RECORD_FILES is how their names begin, RECORD_JOURNAL where the journal goes: heads of 16 bytes (what, length of the name, size of the data,
   offset), each followed by name and data. Others may append to it too; whoever saw an answer first does so after what led to it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct __attribute__((packed)) head {
    uint8_t what;
    uint8_t spare;
    uint16_t name_length;
    uint32_t size;
    uint64_t offset;
};

/* One change and its entry are one step, or the journal would not have the order in which the disk was told. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static const char *is_recorded(const char *path) {
    const char *prefix = getenv("RECORD_FILES"), *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    if (!prefix || strncmp(name, prefix, strlen(prefix))) return NULL;
    return length > 4 && !strcmp(name + length - 4, "-shm") ? NULL : name;
}

static const char *find_name(int fd, char path[PATH_MAX]) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return is_recorded(path);
}

static void note(char what, const char *name, uint64_t offset, const void *data, size_t size) {
    static int journal = -1;
    if (journal < 0) journal = (int)syscall(SYS_openat, AT_FDCWD, getenv("RECORD_JOURNAL"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct head head = {(uint8_t)what, 0, (uint16_t)strlen(name), (uint32_t)size, offset};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)name, head.name_length}, {(void *)data, size}};
    if (writev(journal, parts, 3) != (ssize_t)(sizeof head + head.name_length + size)) abort();
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
    char path[PATH_MAX];
    const char *name = find_name(fd, path);
    if (!name) return syscall(SYS_pwrite64, fd, bytes, count, offset);
    pthread_mutex_lock(&turn);
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, count, offset);
    if (done > 0) note('w', name, (uint64_t)offset, bytes, (size_t)done);
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

int ftruncate64(int fd, off_t size) {
    char path[PATH_MAX];
    const char *name = find_name(fd, path);
    if (!name) return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&turn);
    int result = (int)syscall(SYS_ftruncate, fd, size);
    if (result == 0) note('t', name, (uint64_t)size, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int sync_file(int fd, long call) {
    char path[PATH_MAX];
    const char *name = find_name(fd, path);
    if (!name) return (int)syscall(call, fd);
    pthread_mutex_lock(&turn);
    int result = (int)syscall(call, fd);
    if (result == 0) note('s', name, 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }

int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int unlink(const char *path) {
    const char *name = is_recorded(path);
    if (!name) return (int)syscall(SYS_unlink, path);
    pthread_mutex_lock(&turn);
    int result = (int)syscall(SYS_unlink, path);
    if (result == 0) note('d', name, 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}
