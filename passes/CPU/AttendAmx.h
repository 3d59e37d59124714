//===- AttendAmx.h - Attention on tile registers ----------------*- C++ -*-===//

#ifndef PASSES_CPU_ATTENDAMX_H
#define PASSES_CPU_ATTENDAMX_H

#include "passes/CPU/AttendSoftmax.h"

namespace mica::cpu {

/// GEMM rows of a tile register; sums that are held at a time.
constexpr int64_t amxRows = 16, amxSums = 4;

/// A part of a pool as AttendAmx sees it: where panel `v`, step `k` of the loop
/// lies in `memory`, in this block of tokens or in the next.
struct AmxPanels {
  mlir::Value memory;
  int64_t count;
  llvm::function_ref<llvm::SmallVector<tile::Index>(int64_t v, tile::Index k,
                                                    bool ahead)>
      at;
  bool prefetches;
};

/// scores[r .. r + 15, column ..] = query * keys; the registers are configured
/// for 16 rows. `steps` pairs, a multiple of 16.
void scoreAmx(tile::Emitter &e, const AttendState &state, const AmxPanels &keys,
              tile::Index r, tile::Index column, int64_t steps);

/// output[r .. r + 15, column ..] += weights * values over chunks [first, last)
/// of 32 tokens.
void outputAmx(tile::Emitter &e, const AttendState &state,
               const AmxPanels &values, tile::Index r, tile::Index column,
               tile::Index first, tile::Index last);

} // namespace mica::cpu

#endif // PASSES_CPU_ATTENDAMX_H
