//===- AttendDot.h - Products with cached keys and values -------*- C++ -*-===//

#ifndef PASSES_CPU_ATTENDDOT_H
#define PASSES_CPU_ATTENDDOT_H

#include "dialects/MicaTile/Emit.h"
#include <memory>

namespace mica::cpu {

/// Tokens of a key panel and columns of a value panel.
constexpr int64_t lanes = 16;

/// How the lanes of a pool are multiplied with a row (a query, the weights of a
/// row). A step takes `group` elements of the sum, in ascending order.
class AttendDot {
public:
  using Operands = llvm::SmallVector<mlir::Value, 2>;

  explicit AttendDot(int64_t group) : group(group) {}
  virtual ~AttendDot() = default;

  const int64_t group;

  /// The element type in which rows are kept.
  virtual mlir::Type getRowType(tile::Emitter &e) const = 0;
  /// `values`, a vector of any float type, as row elements.
  virtual mlir::Value toRow(tile::Emitter &e, mlir::Value values) const = 0;
  /// One step of the pool: 16 lanes of `group` elements at `at`.
  virtual Operands loadPanel(tile::Emitter &e, mlir::Value pool,
                             mlir::ArrayRef<tile::Index> at) const = 0;
  /// Elements k * group to (k + 1) * group - 1 of the row `at`, in every lane.
  virtual Operands loadRow(tile::Emitter &e, mlir::Value rows,
                           llvm::SmallVector<tile::Index, 3> at,
                           tile::Index k) const = 0;
  /// sum + panel * row, lane by lane.
  virtual mlir::Value multiply(tile::Emitter &e, mlir::Value sum,
                               const Operands &panel,
                               const Operands &row) const = 0;
};

/// vdpbf16ps where queries and pool are bf16, else f32 multiply-add.
std::unique_ptr<AttendDot> makeAttendDot(mlir::Type query,
                                         mlir::MemRefType pool);

} // namespace mica::cpu

#endif // PASSES_CPU_ATTENDDOT_H
