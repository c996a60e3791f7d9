/* Calls one compiled function through its `_call` symbol: first for its results, then for its time.
 *
 *   harness LIBRARY SYMBOL WORK_BYTES WORK_ALIGN IN_FILE... -- OUT_FILE:BYTES...
 *
 * Inputs are raw little-endian files; results are written to the OUT_FILEs. Then each line on stdin is a number of
 * seconds to measure for, answered by a line "MEDIAN MIN SAMPLES" in nanoseconds per call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int32_t (*call_fn)(const void *const *in, void *const *out, void *work, const void *exec);

enum { MAX_ARRAYS = 1024, MAX_SAMPLES = 100000 };
static void *in[MAX_ARRAYS], *out[MAX_ARRAYS];
static double samples[MAX_SAMPLES];

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

static void *aligned(size_t bytes, size_t align) {
  if (align < 64) align = 64;
  void *memory = aligned_alloc(align, (bytes + align) / align * align);
  if (!memory) fail("out of memory", "aligned_alloc");
  memset(memory, 0, bytes); /* touches every page before the clock starts */
  return memory;
}

static void *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) fail("cannot read", path);
  fseek(file, 0, SEEK_END);
  size_t bytes = (size_t)ftell(file);
  rewind(file);
  void *memory = aligned(bytes, 64);
  if (fread(memory, 1, bytes, file) != bytes) fail("cannot read all of", path);
  fclose(file);
  return memory;
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Samples of as many calls as take 20 us, so that reading the clock does not count. */
static void measure(call_fn call, void *work, double seconds) {
  double start = now_ns(), one;
  long calls = 0;
  do {
    call((const void *const *)in, out, work, NULL);
    calls++;
    one = (now_ns() - start) / (double)calls;
  } while (calls < 3 || (now_ns() - start < 2e6 && calls < 1000));
  long batch = one < 20e3 ? (long)(20e3 / one) + 1 : 1;
  size_t count = 0;
  double end = now_ns() + 1e9 * seconds;
  while (count < 3 || (now_ns() < end && count < MAX_SAMPLES)) {
    double before = now_ns();
    for (long i = 0; i < batch; i++) call((const void *const *)in, out, work, NULL);
    samples[count++] = (now_ns() - before) / (double)batch;
  }
  qsort(samples, count, sizeof *samples, compare);
  printf("%.2f %.2f %zu\n", samples[count / 2], samples[0], count);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc < 6) fail("usage", "harness LIBRARY SYMBOL WORK_BYTES WORK_ALIGN IN_FILE... -- OUT_FILE:BYTES...");
  void *library = dlopen(argv[1], RTLD_NOW);
  if (!library) fail("dlopen", dlerror());
  call_fn call;
  *(void **)&call = dlsym(library, argv[2]);
  if (!call) fail("no symbol", argv[2]);
  void *work = aligned(strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
  int argument = 5, n_in = 0, n_out = 0;
  for (; argument < argc && strcmp(argv[argument], "--") != 0; argument++) {
    if (n_in == MAX_ARRAYS) fail("too many", "inputs");
    in[n_in++] = read_file(argv[argument]);
  }
  size_t sizes[MAX_ARRAYS];
  char **out_files = argv + argument + 1;
  for (argument++; argument < argc; argument++, n_out++) {
    char *colon = strrchr(argv[argument], ':');
    if (!colon || n_out == MAX_ARRAYS) fail("bad result", argv[argument]);
    *colon = 0;
    sizes[n_out] = strtoull(colon + 1, NULL, 10);
    out[n_out] = aligned(sizes[n_out], 64);
  }
  int32_t status = call((const void *const *)in, out, work, NULL);
  if (status != 0) {
    fprintf(stderr, "the call returned %d\n", status);
    return 1;
  }
  for (int i = 0; i < n_out; i++) {
    FILE *file = fopen(out_files[i], "wb");
    if (!file || fwrite(out[i], 1, sizes[i], file) != sizes[i]) fail("cannot write", out_files[i]);
    fclose(file);
  }
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) measure(call, work, atof(line));
  return 0;
}
