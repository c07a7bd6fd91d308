/* Preloaded into the server, makes every fsync and fdatasync take SLOW_FSYNC_MS longer: whoever does not wait for the
   disk before answering is found out by not getting slower. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_a_little(void) {
    const char *text = getenv("SLOW_FSYNC_MS");
    long ms = text ? atol(text) : 0;
    struct timespec left = {ms / 1000, (ms % 1000) * 1000000L};
    while (ms > 0 && nanosleep(&left, &left) != 0) {
    }
}

int fsync(int fd) {
    wait_a_little();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    wait_a_little();
    return (int)syscall(SYS_fdatasync, fd);
}
