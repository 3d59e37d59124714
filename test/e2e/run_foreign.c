//===- run_foreign.c - Runs a kernel for another architecture -------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//
//
// Calls mica_entry (include/mica/abi.h), as one worker, on memory that a file
// holds; a program for AArch64 under qemu-user (kernels.py). It uses no
// library, so that none for that architecture is needed.
//
//   run_foreign FILE
//
// The file is mapped, shared, at the address in its first 8 bytes; the next are
// its size and the address of the step.
//
//===----------------------------------------------------------------------===//

#include <stdint.h>

#include "mica/abi.h"

extern void code(const struct mica_step *step, uint32_t worker,
                 uint32_t workers) __asm__("mica_entry");

static long call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d, x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}

enum { OPENAT = 56, READ = 63, EXIT = 94, MMAP = 222, AT_CWD = -100 };

static void barrier(struct mica_sync *sync, uint32_t worker, uint32_t workers,
                    uint32_t phase) {
  (void)worker, (void)workers, (void)phase;
  sync->next = 0;
}

void begin(long *stack) {
  struct {
    long base, size;
    struct mica_step *step;
  } head;
  const char *path = (const char *)stack[2]; // argc, argv[0], argv[1]
  long file = call(OPENAT, AT_CWD, (long)path, 2, 0, 0, 0);
  if (call(READ, file, (long)&head, sizeof head, 0, 0, 0) != sizeof head)
    call(EXIT, 2, 0, 0, 0, 0, 0);
  // Read and write; shared, at this address, which is free.
  if (call(MMAP, head.base, head.size, 3, 0x100011, file, 0) != head.base)
    call(EXIT, 3, 0, 0, 0, 0, 0);
  head.step->sync->barrier = barrier;
  // Denormal numbers are 0, as the runtime has it.
  __asm__ volatile("msr fpcr, %0" ::"r"(1ul << 24));
  code(head.step, 0, 1);
  call(EXIT, 0, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n  mov x0, sp\n  b begin\n");
