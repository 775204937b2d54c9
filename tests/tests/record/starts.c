/* Starts programs in every way that takes its words one by one, and in those in which the parent waits for the exec. Prints how
   long the two children of the latter had to wait before they could execute, in nanoseconds. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void check(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

static void ended_with(pid_t child, int code, const char *what) {
    int status;
    check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == code, what);
}

/* Lets the child that waits for a reader of the pipe go on. */
static void *let_go(void *path) {
    nap();
    int writer = open(path, O_WRONLY);
    check(writer >= 0, "open");
    close(writer);
    return NULL;
}

static long spawn_behind_a_pipe(void) {
    check(mkfifo("pipe", 0600) == 0, "mkfifo");
    posix_spawn_file_actions_t actions;
    check(posix_spawn_file_actions_init(&actions) == 0, "actions");
    check(posix_spawn_file_actions_addopen(&actions, 9, "pipe", O_RDONLY, 0) == 0, "addopen");
    pthread_t thread;
    pid_t child;
    char *words[] = {"spawned", "-c", "exit 5", NULL};
    check(pthread_create(&thread, NULL, let_go, "pipe") == 0, "pthread_create");
    long from = now();
    check(posix_spawn(&child, "/bin/sh", &actions, NULL, words, environ) == 0, "posix_spawn");
    long waited = now() - from;
    pthread_join(thread, NULL);
    ended_with(child, 5, "the spawned child");
    check(posix_spawnp(&child, "no-such-program", NULL, NULL, words, environ) != 0, "posix_spawnp of nothing");
    check(posix_spawnp(&child, "sh", NULL, NULL, words, environ) == 0, "posix_spawnp");
    ended_with(child, 5, "the child by posix_spawnp");
    return waited;
}

static long vfork_and_wait(void) {
    long from = now();
    pid_t child = vfork();
    if (child == 0) {
        nap();
        char *words[] = {"vforked", "-c", "exit 6", NULL};
        execv("/bin/sh", words);
        _exit(99);
    }
    long waited = now() - from;
    ended_with(child, 6, "the child of vfork");
    return waited;
}

int main(void) {
    pid_t child;
    /* More words than there are registers. */
    const char *sum = "exit $(($1 + $2 + $3 + $4 + $5 + $6 + $7 + $8))";
    if ((child = fork()) == 0) {
        execl("/bin/sh", "by-execl", "-c", sum, "x", "1", "2", "3", "4", "5", "6", "7", "8", (char *)NULL);
        _exit(99);
    }
    ended_with(child, 36, "execl");
    if ((child = fork()) == 0) {
        execlp("no-such-program", "x", (char *)NULL);
        execlp("sh", "by-execlp", "-c", "exit 3", (char *)NULL);
        _exit(99);
    }
    ended_with(child, 3, "execlp");
    if ((child = fork()) == 0) {
        char variable[4096], recording[4096], preload[4096];
        snprintf(variable, sizeof variable, "GIVEN=4");
        snprintf(recording, sizeof recording, "GILD_RECORDING=%s", getenv("GILD_RECORDING"));
        snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("LD_PRELOAD"));
        char *given[] = {variable, recording, preload, NULL};
        execle("/bin/sh", "by-execle", "-c", "exit $GIVEN", (char *)NULL, given);
        _exit(99);
    }
    ended_with(child, 4, "execle");
    printf("%ld\n", spawn_behind_a_pipe());
    printf("%ld\n", vfork_and_wait());
    return 0;
}
