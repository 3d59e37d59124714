//===- ScheduleRows.h - Which row of a table a kernel takes -----*- C++ -*-===//

#ifndef PASSES_CPU_SCHEDULEROWS_H
#define PASSES_CPU_SCHEDULEROWS_H

#include "dialects/MicaTile/Tile.h"

namespace mica::cpu {

/// What rows may ask for, in the order of the fields of a row: `op`, `weight`
/// and `input` (the types of elements; of `tile.attend`, of its cache and its
/// query), and of products `columns`, `terms` (of floats: as padded) and
/// `blocks`. Fields that `op` does not have are left out.
mlir::DictionaryAttr describeKernel(mlir::Operation *op);

/// The first row of `table` that asks for nothing but what `op` is; null if
/// there is none.
mlir::DictionaryAttr findRow(mlir::ArrayAttr table, mlir::Operation *op);

} // namespace mica::cpu

#endif // PASSES_CPU_SCHEDULEROWS_H
