//===- ContractTasks.h - A contraction's tasks ------------------*- C++ -*-===//
//
// A task of `tile.contract` is a block of rows times a unit of columns. Columns
// are counted in granules, which an epilogue needs whole; some of them are a
// chunk, whose weights stay in the second cache while rows pass; some chunks
// are a unit. Where many rows pass over parts of k, units are wider ("deep").
//
// With runs a task lies within one run of rows and its part of the weight;
// those of one run come after those of another, in the order of the runs. With
// steps every part of the weight is a run of all rows.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_CPU_CONTRACTTASKS_H
#define PASSES_CPU_CONTRACTTASKS_H

#include "dialects/MicaTile/Emit.h"
#include "dialects/MicaTile/Tile.h"

namespace mica::cpu {

/// Rows [m0, m1) times granules [g0, g1) of a part of the weight.
struct ContractTask {
  tile::Index m0, m1, g0, g1;
  tile::Index firstPanel; ///< of the part
  /// With steps, the part's first columns of the input and of the result; else
  /// null.
  tile::Index inputAt, firstColumn;
  tile::Index rows; ///< that meet the part, in all
  mlir::Value deep; ///< i1: in parts of k; null if no task ever is
};

class ContractTasks {
public:
  /// `opens`: parts of k are decoded for many rows, whatever the schedule says.
  ContractTasks(tile::Emitter &e, tile::ContractOp op, bool opens);

  /// All tasks of a step.
  tile::Index count();
  /// Task `number` of these.
  ContractTask get(tile::Index number);

  // Of the packed weight: output columns of a panel, columns of k that lie
  // together (a group), groups, parts of the weight.
  int64_t panel, group, groups, parts;
  /// Columns; panels of a granule; granules of a part.
  int64_t granule, panelsPerGranule, granules;
  /// Granules of a chunk, of a unit, and of a unit of deep tasks, 0 if there
  /// are none; groups of a part of k.
  int64_t chunk, unit, deepUnit = 0, depth;

private:
  /// Rows [from, to) of the input: those of a run.
  struct Rows {
    tile::Index from, to;
    tile::Index count() const { return to - from; }
  };
  /// Where a task lies: its run, and its number within.
  struct Place {
    tile::Index run, number;
  };

  tile::Index entry(tile::Index run, int64_t field);
  /// Runs [1, ends) of the table.
  tile::Index runsEnd();
  Rows rowsOf(tile::Index run);
  tile::Index blocksOf(const Rows &rows);
  mlir::Value isDeep(const Rows &rows);
  tile::Index countOf(const Rows &rows);
  Place placeOf(tile::Index number);
  tile::Index unitOf(tile::Index at, tile::Index units);
  tile::Index workers();

  tile::Emitter &e;
  tile::ContractOp op;
  tile::ScheduleAttr schedule;
};

} // namespace mica::cpu

#endif // PASSES_CPU_CONTRACTTASKS_H
