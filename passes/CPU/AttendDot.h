//===- AttendDot.h - Products with cached keys and values -------*- C++ -*-===//

#ifndef PASSES_CPU_ATTENDDOT_H
#define PASSES_CPU_ATTENDDOT_H

#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/Emit.h"
#include "dialects/MicaTile/Tile.h"
#include <memory>

namespace mica::cpu {

/// Tokens of a key panel and columns of a value panel.
constexpr int64_t lanes = 16;

/// How the lanes of a pool are multiplied with a row (a query, the weights of a
/// row). A step takes `group` elements of the sum, in ascending order.
class AttendDot {
public:
  using Operands = llvm::SmallVector<mlir::Value, 4>;

  AttendDot(int64_t group, int64_t vectors, int64_t sums,
            bool isInteger = false)
      : group(group), vectors(vectors), sums(sums), isInteger(isInteger) {}
  virtual ~AttendDot() = default;

  const int64_t group;
  /// Of 16 lanes, in a panel of the pool; what holds their sums while products
  /// are added.
  const int64_t vectors, sums;
  /// Whether rows are integers: of i16 with a scale each.
  const bool isInteger;

  /// The element type in which rows are kept.
  virtual mlir::Type getRowType(tile::Emitter &e) const = 0;
  /// Stores `values`, a vector of any float type (if rows are integers: of i32
  /// that fit 16 bits, a multiple of 4 of them), as elements of the row from
  /// `at` on.
  virtual void storeRow(tile::Emitter &e, mlir::Value values, mlir::Value rows,
                        mlir::ArrayRef<tile::Index> at) const = 0;
  /// One step of a panel: its lanes of `group` elements at `at`.
  virtual Operands loadPanel(tile::Emitter &e, mlir::Value pool,
                             mlir::ArrayRef<tile::Index> at) const = 0;
  /// Elements k * group to (k + 1) * group - 1 of the row `at`, in every lane.
  virtual Operands loadRow(tile::Emitter &e, mlir::Value rows,
                           llvm::SmallVector<tile::Index, 3> at,
                           tile::Index k) const = 0;
  /// into += panel * row, lane by lane.
  virtual void multiply(tile::Emitter &e,
                        mlir::MutableArrayRef<mlir::Value> into,
                        const Operands &panel, const Operands &row) const = 0;
};

/// What a row of integers is multiplied with, and its inverse.
struct RowScale {
  mlir::Value scale, inverse; // f32
  /// `values`, a vector of f32, as i32 that fit 16 bits.
  mlir::Value integers(tile::Emitter &e, mlir::Value values) const;
};

/// The scale of a row whose greatest magnitude is `most` (f32). Of a row of
/// zeros it is small.
RowScale scaleOf(tile::Emitter &e, mlir::Value most);

/// Of keys (or of values): products of pairs where queries and pool are bf16,
/// sums of integers if the pool holds such, else f32 multiply-add.
std::unique_ptr<AttendDot> makeAttendDot(tile::AttendOp op, TargetAttr target,
                                         mlir::Type query, bool isKeys);

} // namespace mica::cpu

#endif // PASSES_CPU_ATTENDDOT_H
