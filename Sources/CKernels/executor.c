// Runs a plan: step after step, each step's tasks shared among a few persistent threads.
//
// The caller publishes a step by storing its number in `ticket`, whose low half counts the tasks
// taken; whoever takes a task by incrementing it runs that task. A thread that comes late to a step
// finds no task left, or takes one of the next step: both are right, because steps are fixed when the
// plan is made. The caller goes on to the next step when all tasks are done.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "CKernels.h"

#if defined(__x86_64__)
#define CK_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define CK_PAUSE() __asm__ volatile("yield")
#else
#define CK_PAUSE() ((void)0)
#endif

// How often an idle thread looks for work before it sleeps: some 50 microseconds.
#define CK_SPINS 2000

struct ck_executor {
  const ck_step *steps;
  int64_t step_count;
  char *const *buffers;
  char *scratch;
  int64_t scratch_stride;
  int32_t thread_count;
  bool has_parallel_steps;

  int32_t started;  // workers
  pthread_t *workers;
  _Alignas(64) _Atomic uint64_t ticket;  // step << 32 | next task
  _Alignas(64) _Atomic int64_t done;
  _Alignas(64) _Atomic bool stops;
  // Workers sleep while `runs` is even; a run makes it odd, and even again when it ends.
  _Atomic uint32_t runs;
  _Atomic int32_t sleeping;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

typedef struct {
  ck_executor *executor;
  int32_t number;
} ck_worker;

// Waits a moment. Who has waited for long lets others run, since on a busy machine the thread waited
// for may be one of them.
static void spin(int *spins) {
  if (++*spins < CK_SPINS)
    CK_PAUSE();
  else
    sched_yield();
}

// Takes tasks of the current step until none is left. Returns whether it ran any.
static bool take_tasks(ck_executor *e, char *scratch) {
  bool any = false;
  for (;;) {
    uint64_t seen = atomic_load_explicit(&e->ticket, memory_order_acquire);
    if ((int64_t)(seen & UINT32_MAX) >= e->steps[seen >> 32].task_count) return any;
    uint64_t taken = atomic_fetch_add_explicit(&e->ticket, 1, memory_order_acq_rel);
    const ck_step *step = &e->steps[taken >> 32];
    int64_t task = (int64_t)(taken & UINT32_MAX);
    if (task >= step->task_count) return any;
    step->task(step->parameters, e->buffers, task, scratch);
    atomic_fetch_add_explicit(&e->done, 1, memory_order_release);
    any = true;
  }
}

static void *work(void *argument) {
  ck_worker worker = *(ck_worker *)argument;
  free(argument);
  ck_executor *e = worker.executor;
  char *scratch = e->scratch + worker.number * e->scratch_stride;
  int spins = 0;
  while (!atomic_load_explicit(&e->stops, memory_order_relaxed)) {
    if (take_tasks(e, scratch)) spins = 0;
    spin(&spins);
    if (spins < CK_SPINS || atomic_load_explicit(&e->runs, memory_order_relaxed) & 1) continue;
    pthread_mutex_lock(&e->mutex);
    atomic_fetch_add(&e->sleeping, 1);
    while (!(atomic_load(&e->runs) & 1) && !atomic_load(&e->stops))
      pthread_cond_wait(&e->wake, &e->mutex);
    atomic_fetch_sub(&e->sleeping, 1);
    pthread_mutex_unlock(&e->mutex);
    spins = 0;
  }
  return NULL;
}

ck_executor *ck_executor_create(
    const ck_step *steps, int64_t step_count, char *const *buffers, char *scratch,
    int64_t scratch_stride, int32_t thread_count) {
  void *memory = NULL;
  if (posix_memalign(&memory, 64, sizeof(ck_executor)) != 0) return NULL;
  ck_executor *e = memory;
  *e = (ck_executor){
      .steps = steps, .step_count = step_count, .buffers = buffers, .scratch = scratch,
      .scratch_stride = scratch_stride, .thread_count = thread_count};
  for (int64_t i = 0; i < step_count; i++)
    if (steps[i].task_count > 1) e->has_parallel_steps = true;
  // No step: one whose tasks are all taken.
  atomic_init(&e->ticket, UINT32_MAX);
  pthread_mutex_init(&e->mutex, NULL);
  pthread_cond_init(&e->wake, NULL);
  return e;
}

// Starts the workers; with fewer than asked for when the system refuses, work goes on without them.
static void start_workers(ck_executor *e) {
  int32_t wanted = e->thread_count - 1;
  e->workers = calloc((size_t)wanted, sizeof(pthread_t));
  if (!e->workers) {
    e->thread_count = 1;
    return;
  }
  for (int32_t i = 0; i < wanted; i++) {
    ck_worker *worker = malloc(sizeof(ck_worker));
    if (!worker) break;
    *worker = (ck_worker){e, i + 1};
    if (pthread_create(&e->workers[e->started], NULL, work, worker) != 0) {
      free(worker);
      break;
    }
    e->started++;
  }
  e->thread_count = e->started + 1;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void run_shared(ck_executor *e, int64_t index) {
  const ck_step *step = &e->steps[index];
  atomic_store_explicit(&e->done, 0, memory_order_relaxed);
  atomic_store_explicit(&e->ticket, (uint64_t)index << 32, memory_order_release);
  take_tasks(e, e->scratch);
  int spins = 0;
  while (atomic_load_explicit(&e->done, memory_order_acquire) < step->task_count) spin(&spins);
}

void ck_executor_run(ck_executor *e, int64_t first, int64_t last, double *seconds) {
  if (e->thread_count > 1 && e->has_parallel_steps) {
    if (!e->workers) start_workers(e);
    atomic_fetch_add(&e->runs, 1);
    if (atomic_load(&e->sleeping) > 0) {
      pthread_mutex_lock(&e->mutex);
      pthread_cond_broadcast(&e->wake);
      pthread_mutex_unlock(&e->mutex);
    }
  }
  bool is_shared = atomic_load_explicit(&e->runs, memory_order_relaxed) & 1;
  for (int64_t index = first; index < last; index++) {
    const ck_step *step = &e->steps[index];
    double start = seconds ? now() : 0;
    if (is_shared && step->task_count > 1) {
      run_shared(e, index);
    } else {
      for (int64_t task = 0; task < step->task_count; task++)
        step->task(step->parameters, e->buffers, task, e->scratch);
    }
    if (step->finish) step->finish(step->parameters, e->buffers, 0, e->scratch);
    if (seconds) {
      double elapsed = now() - start;
      if (elapsed < seconds[index]) seconds[index] = elapsed;
    }
  }
  if (is_shared) atomic_fetch_add(&e->runs, 1);
}

void ck_executor_destroy(ck_executor *e) {
  if (!e) return;
  pthread_mutex_lock(&e->mutex);
  atomic_store(&e->stops, true);
  pthread_cond_broadcast(&e->wake);
  pthread_mutex_unlock(&e->mutex);
  for (int32_t i = 0; i < e->started; i++) pthread_join(e->workers[i], NULL);
  free(e->workers);
  pthread_cond_destroy(&e->wake);
  pthread_mutex_destroy(&e->mutex);
  free(e);
}

int32_t ck_processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int32_t)count : 1;
}
