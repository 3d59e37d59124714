//===- Expand.h - Kernels as tasks of loops and vectors ---------*- C++ -*-===//
//
// How the operations of a `tile.phase` become code. Each has a number of tasks,
// computed once before the phase, and the body of one task: scf, arith, math,
// memref, vectors of one dimension, and `tile.load` and `tile.store`, which
// LowerSegments turns into vectors afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_CPU_EXPAND_H
#define PASSES_CPU_EXPAND_H

#include "dialects/MicaTile/Emit.h"
#include "dialects/MicaTile/Tile.h"

namespace mica::cpu {

/// The tasks of an operation in this step. Emitted before the loop over tasks;
/// every worker gets the same number.
tile::Index countTasks(tile::Emitter &e, tile::ContractOp op);
tile::Index countTasks(tile::Emitter &e, tile::RowsOp op);
tile::Index countTasks(tile::Emitter &e, tile::AttendOp op);
tile::Index countTasks(tile::Emitter &e, tile::EachOp op);

/// Bytes of the worker's arena that a task needs, from its beginning.
int64_t workerBytes(tile::ContractOp op);

/// Task `task` of the operation, `task` below its count. The operation itself
/// is erased by the caller.
void expandTask(tile::Emitter &e, tile::ContractOp op, tile::Index task);
void expandTask(tile::Emitter &e, tile::RowsOp op, tile::Index task);
void expandTask(tile::Emitter &e, tile::AttendOp op, tile::Index task);
void expandTask(tile::Emitter &e, tile::EachOp op, tile::Index task);

} // namespace mica::cpu

#endif // PASSES_CPU_EXPAND_H
