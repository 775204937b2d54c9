/* What a guest in somebody else's process must not break, and what it has to see: exits with 0 if all is as it should be. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static atomic_int word;
static int cleaned, pipes[2];
static sigjmp_buf back;

static void nap(long ms) {
    struct timespec time = {0, ms * 1000000};
    assert(nanosleep(&time, NULL) == 0);
}

/* Waits 50 ms in each of these: a mutex, a condition, a semaphore, a futex. */
static void *waiter(void *nothing) {
    pthread_mutex_lock(&mutex);
    pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    assert(sem_wait(&semaphore) == 0);
    while (atomic_load(&word) == 0)
        syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
    return nothing;
}

static void cleanup(void *nothing) {
    (void)nothing;
    cleaned = 1;
}

/* Is cancelled while it reads. */
static void *cancelled(void *nothing) {
    char byte;
    pthread_cleanup_push(cleanup, NULL);
    read(pipes[0], &byte, 1);
    pthread_cleanup_pop(0);
    return nothing;
}

static void jump(int signal) {
    (void)signal;
    siglongjmp(back, 1);
}

static void *exits(void *value) { pthread_exit(value); }

int main(void) {
    pthread_t thread;
    void *value;
    assert(pipe(pipes) == 0 && sem_init(&semaphore, 0, 0) == 0);

    pthread_mutex_lock(&mutex);
    assert(pthread_create(&thread, NULL, waiter, NULL) == 0);
    nap(50); /* it waits for the mutex */
    pthread_mutex_unlock(&mutex);
    nap(50); /* for the condition */
    pthread_mutex_lock(&mutex);
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    nap(50); /* for the semaphore */
    sem_post(&semaphore);
    nap(50); /* for the futex */
    atomic_store(&word, 1);
    syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
    assert(pthread_join(thread, NULL) == 0);

    /* Cancellation unwinds through whatever stands between. */
    assert(pthread_create(&thread, NULL, cancelled, NULL) == 0);
    nap(20);
    assert(pthread_cancel(thread) == 0 && pthread_join(thread, &value) == 0);
    assert(value == PTHREAD_CANCELED && cleaned == 1);
    assert(pthread_create(&thread, NULL, exits, &word) == 0 && pthread_join(thread, &value) == 0 && value == &word);

    /* A handler that never returns. */
    signal(SIGALRM, jump);
    if (sigsetjmp(back, 1) == 0) {
        ualarm(20000, 0);
        pause();
        abort();
    }

    /* errno is what the function left there, and nothing else. */
    errno = 0;
    assert(read(-1, &value, 1) == -1 && errno == EBADF);
    errno = E2BIG;
    assert(write(pipes[1], "x", 1) == 1 && errno == E2BIG);
    assert(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0 && errno == E2BIG);
    assert(syscall(SYS_close, -1) == -1 && errno == EBADF);
    assert(syscall(SYS_getpid) == getpid());

    /* A child on the parent's own stack. */
    volatile int here = 7;
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    int status;
    assert(child > 0 && waitpid(child, &status, 0) == child && status == 0 && here == 7);
    if ((child = vfork()) == 0)
        _exit(3);
    assert(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);

    /* A child that nobody announced. */
    if ((child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == 0) {
        nap(20);
        _exit(5);
    }
    assert(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5);
    return 0;
}
