/*===- abi.h - What generated code and the runtime share -------------------===
 *
 * The one description of the structures that pass between them. The runtime
 * fills them in; the code generator takes field offsets from here
 * (`passes/CPU/ConvertToLLVM.cpp`), so the two cannot drift. The hash of this
 * file stands in every artifact and is checked when it is loaded.
 *
 * Legend (docs/architecture.md): T rows of the step, S sequences, R rows whose
 * logits are wanted, G cache groups, V vocabulary, W workers.
 *
 * Part of Mica, under Apache-2.0 WITH LLVM-exception.
 *===----------------------------------------------------------------------===*/

#ifndef MICA_ABI_H
#define MICA_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a structure below changes its layout or its meaning. */
#define MICA_ABI_VERSION 1

/* One group of layers that keep the same kind of cache. The position n of a
 * token in its sequence's cache lies in page
 *   page[page_start[s] + (n / P) % (page_start[s + 1] - page_start[s])]
 * at n % P, P the tokens of a page: with enough pages that is a linear cache,
 * with fewer a ring. The block of head h of layer l of the group begins at
 *   pool + ((page * layers + l) * heads + h) * block_bytes.
 * A group of states has one page for each sequence, whatever its length: the
 * blocks of a sequence whose rows of this step are its first (as many as
 * length[s]) stand for zeros, whatever they hold. slot[m] is the page there. */
typedef struct mica_kv_group {
  uint8_t *pool;             /* 64-byte aligned, zeroed when allocated */
  const int32_t *slot;       /* [T] page * P + n % P, or -1: do not append */
  const int32_t *page_start; /* [S + 1] */
  const int32_t *page;       /* [page_start[S]] */
  const int32_t *length;     /* [S] tokens in the cache, this step's included */
} mica_kv_group;

/* The meeting point of the workers of one step. */
typedef struct mica_sync {
  /* Waits until every worker has arrived, then sets `next` to 0. `phase` names
   * the phase that ends (an index into the manifest's phases). */
  void (*barrier)(struct mica_sync *sync, uint32_t worker, uint32_t workers,
                  uint32_t phase);
  uint8_t pad0[56];
  uint32_t next; /* the next task of this phase; workers add to it atomically */
  uint8_t pad1[60];
} mica_sync;

/* One step: rows of several sequences, each at its own place. All pointers are
 * valid for the step; generated code writes only to the arenas, the pools and
 * the logits. */
typedef struct mica_step {
  uint32_t size;             /* sizeof(mica_step) */
  uint32_t rows, seqs, outs; /* T, S, R */
  const int32_t *token;      /* [T] */
  const int32_t *position;   /* [T] the rotary position */
  const int32_t *row_start;  /* [S + 1] first row of each sequence */
  const int32_t *out_row;    /* [R] ascending */
  const mica_kv_group *kv;   /* [G] */
  const uint64_t *tree_mask; /* NULL, or ancestor bits per row */
  const uint64_t *weights;   /* [layer * slots + slot] absolute addresses */
  uint8_t *arena[3];         /* workspace per row, per output row, per worker */
  float *logits;             /* [R][padded V] */
  mica_sync *sync;
} mica_step;

/* The entry of a code image. Every worker calls it with the same step. */
typedef void (*mica_entry)(const mica_step *step, uint32_t worker,
                           uint32_t workers);

#ifdef __cplusplus
}
#endif

#endif /* MICA_ABI_H */
