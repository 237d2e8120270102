/* Fails one chosen step of a process and of all that it starts: preloaded, it stands before libc's calls that change
 * files. Steps are counted in a small shared file, below one folder only, so that pipes and terminals are none. What
 * stdio writes is seen when it is opened and closed. A flush is counted and not carried out: what a killed process wrote
 * stays in the kernel. */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NONE, KILLALL, KILLSELF, TORN, EIO_ONCE, ENOSPC_STICKY };
enum { PIDS = 4000 };

/* What tests/crash/sweep.py maps too. */
struct shared {
    uint32_t is_armed, mode, at, counted, owner, is_full, pids;
    int32_t pid[PIDS];
    char step[64]; /* the call that was failed */
};

static struct shared *shared;
static const char *root;
static size_t root_length;

static void enlist(void) {
    if (shared == NULL || !shared->is_armed) return;
    uint32_t place = __atomic_fetch_add(&shared->pids, 1, __ATOMIC_SEQ_CST);
    if (place < PIDS) shared->pid[place] = getpid();
}

__attribute__((constructor)) static void load(void) {
    const char *path = getenv("FAILPOINT_FILE");
    root = getenv("FAILPOINT_ROOT");
    if (path == NULL || root == NULL) return;
    root_length = strlen(root);
    int (*really_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int file = really_open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *place = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (place == MAP_FAILED) return;
    shared = place;
    pthread_atfork(NULL, NULL, enlist);
    enlist();
}

static int is_below(const char *path) {
    return strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static int is_active(void) { return shared != NULL && shared->is_armed && (uint32_t)getpid() != shared->owner; }

static int is_descriptor_below(int file) {
    char name[32], path[PATH_MAX];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static int is_path_below(int folder, const char *path) {
    char here[PATH_MAX];
    if (path[0] == '/') return is_below(path);
    if (folder != AT_FDCWD) return is_descriptor_below(folder);
    return getcwd(here, sizeof here) != NULL && is_below(here);
}

static int is_file_below(int file) {
    struct stat found;
    return is_active() && fstat(file, &found) == 0 && S_ISREG(found.st_mode) && is_descriptor_below(file);
}

static void end_all(void) {
    uint32_t count = shared->pids < PIDS ? shared->pids : PIDS;
    for (uint32_t place = 0; place < count; place++)
        if (shared->pid[place] != getpid()) kill(shared->pid[place], SIGKILL);
    kill(getpid(), SIGKILL);
    pause();
}

/* What is to happen at a step: 0 nothing, -1 it fails with errno set, 1 half of a write, then -1 or the end of all. */
static int step(const char *name, int is_allocating, int is_write) {
    uint32_t place = __atomic_add_fetch(&shared->counted, 1, __ATOMIC_SEQ_CST);
    if (shared->is_full) {
        if (!is_allocating) return 0;
        errno = ENOSPC;
        return -1;
    }
    if (place != shared->at) return 0;
    strncpy(shared->step, name, sizeof shared->step - 1);
    switch (shared->mode) {
    case TORN:
        if (is_write) return 1;
        /* fall through */
    case KILLALL:
        end_all();
        return 0;
    case KILLSELF:
        kill(getpid(), SIGKILL);
        pause();
        return 0;
    case EIO_ONCE:
        errno = EIO;
        return -1;
    case ENOSPC_STICKY:
        shared->is_full = 1;
        if (!is_allocating) return 0;
        errno = ENOSPC;
        return is_write ? 1 : -1;
    }
    return 0;
}

static ssize_t after_half(ssize_t taken) {
    if (shared->mode == TORN) end_all();
    return taken;
}

#define REAL(type, name, ...)                                      \
    static type (*really)(__VA_ARGS__);                            \
    if (really == NULL) really = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (!is_file_below(file)) return really(file, bytes, size);
    switch (step("write", 1, size > 1)) {
    case -1: return -1;
    case 1: return after_half(really(file, bytes, size / 2));
    }
    return really(file, bytes, size);
}

#define PWRITE(name, offset_type)                                                        \
    ssize_t name(int file, const void *bytes, size_t size, offset_type offset) {         \
        REAL(ssize_t, name, int, const void *, size_t, offset_type);                     \
        if (!is_file_below(file)) return really(file, bytes, size, offset);              \
        switch (step(#name, 1, size > 1)) {                                              \
        case -1: return -1;                                                              \
        case 1: return after_half(really(file, bytes, size / 2, offset));                \
        }                                                                                \
        return really(file, bytes, size, offset);                                        \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    if (!is_file_below(file)) return really(file, parts, count);
    switch (step("writev", 1, count > 1)) {
    case -1: return -1;
    case 1: return after_half(really(file, parts, count / 2));
    }
    return really(file, parts, count);
}

#define SENDFILE(name, offset_type)                                                            \
    ssize_t name(int to, int from, offset_type *offset, size_t size) {                         \
        REAL(ssize_t, name, int, int, offset_type *, size_t);                                  \
        return is_file_below(to) && step(#name, 1, 0) ? -1 : really(to, from, offset, size);   \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t size, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
    return is_file_below(to) && step("copy_file_range", 1, 0) ? -1 : really(from, at, to, there, size, flags);
}

#define FLUSH(name)                                                                        \
    int name(int file) {                                                                   \
        REAL(int, name, int);                                                              \
        if (!is_active() || !is_descriptor_below(file)) return really(file);               \
        return step(#name, 0, 0);                                                          \
    }
FLUSH(fsync)
FLUSH(fdatasync)
FLUSH(syncfs)

#define OF_PATH(name, is_allocating, types, words, folder, path)                                \
    int name types {                                                                            \
        REAL(int, name, OF_TYPES types);                                                        \
        if (is_active() && is_path_below(folder, path) && step(#name, is_allocating, 0)) return -1; \
        return really words;                                                                    \
    }
#define OF_TYPES(...) __VA_ARGS__
OF_PATH(rename, 0, (const char *old, const char *new), (old, new), AT_FDCWD, new)
OF_PATH(renameat, 0, (int from, const char *old, int to, const char *new), (from, old, to, new), to, new)
OF_PATH(renameat2, 0, (int from, const char *old, int to, const char *new, unsigned flags), (from, old, to, new, flags), to, new)
OF_PATH(link, 1, (const char *old, const char *new), (old, new), AT_FDCWD, new)
OF_PATH(linkat, 1, (int from, const char *old, int to, const char *new, int flags), (from, old, to, new, flags), to, new)
OF_PATH(symlink, 1, (const char *old, const char *new), (old, new), AT_FDCWD, new)
OF_PATH(symlinkat, 1, (const char *old, int to, const char *new), (old, to, new), to, new)
OF_PATH(unlink, 0, (const char *path), (path), AT_FDCWD, path)
OF_PATH(unlinkat, 0, (int folder, const char *path, int flags), (folder, path, flags), folder, path)
OF_PATH(remove, 0, (const char *path), (path), AT_FDCWD, path)
OF_PATH(rmdir, 0, (const char *path), (path), AT_FDCWD, path)
OF_PATH(mkdir, 1, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
OF_PATH(mkdirat, 1, (int folder, const char *path, mode_t mode), (folder, path, mode), folder, path)
OF_PATH(truncate, 0, (const char *path, off_t size), (path, size), AT_FDCWD, path)
OF_PATH(truncate64, 0, (const char *path, off64_t size), (path, size), AT_FDCWD, path)

#define FTRUNCATE(name, offset_type)                                                       \
    int name(int file, offset_type size) {                                                 \
        REAL(int, name, int, offset_type);                                                 \
        return is_file_below(file) && step(#name, 0, 0) ? -1 : really(file, size);         \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

static int is_refused(const char *name, int folder, const char *path, int flags) {
    if (!(flags & O_CREAT) || !is_active() || !is_path_below(folder, path)) return 0;
    return step(name, faccessat(folder, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0, 0) != 0;
}

#define OPEN(name)                                                                         \
    int name(const char *path, int flags, ...) {                                           \
        REAL(int, name, const char *, int, ...);                                           \
        va_list rest;                                                                      \
        va_start(rest, flags);                                                             \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;          \
        va_end(rest);                                                                      \
        return is_refused(#name, AT_FDCWD, path, flags) ? -1 : really(path, flags, mode);  \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                            \
    int name(int folder, const char *path, int flags, ...) {                                    \
        REAL(int, name, int, const char *, int, ...);                                           \
        va_list rest;                                                                           \
        va_start(rest, flags);                                                                  \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;               \
        va_end(rest);                                                                           \
        return is_refused(#name, folder, path, flags) ? -1 : really(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                                                           \
    int name(const char *path, mode_t mode) {                                                                 \
        REAL(int, name, const char *, mode_t);                                                                \
        return is_refused(#name, AT_FDCWD, path, O_CREAT) ? -1 : really(path, mode);                          \
    }
CREAT(creat)
CREAT(creat64)

#define FOPEN(name)                                                                                          \
    FILE *name(const char *path, const char *how) {                                                          \
        REAL(FILE *, name, const char *, const char *);                                                      \
        return is_refused(#name, AT_FDCWD, path, how[0] == 'r' ? 0 : O_CREAT) ? NULL : really(path, how);    \
    }
FOPEN(fopen)
FOPEN(fopen64)

int fclose(FILE *stream) {
    REAL(int, fclose, FILE *);
    int is_failed = is_file_below(fileno(stream)) && (fcntl(fileno(stream), F_GETFL) & O_ACCMODE) != O_RDONLY &&
                    step("fclose", 1, 0) != 0;
    int code = errno, ended = really(stream);
    if (!is_failed) return ended;
    errno = code;
    return EOF;
}
