//===- TunedRows.h - The cache file of `mica tune` --------------*- C++ -*-===//
//
// A module like schedules/*.mlir whose rows say beside their kernel what they
// were measured with: `machine`, `features` and `compiler`. Such a row is used
// where all three are the same.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COMPILER_TUNEDROWS_H
#define LIB_COMPILER_TUNEDROWS_H

#include "dialects/MicaTile/Tile.h"
#include "lib/Target/CPU/Target.h"
#include "llvm/ADT/SmallVector.h"

namespace mica {

/// What a row was measured with.
struct TuningKey {
  std::string machine;  ///< what the processor calls itself, and what LLVM does
  std::string features; ///< of the target
  std::string compiler;

  bool operator==(const TuningKey &) const = default;
};

/// The key of this machine and compiler, for code for `target`.
TuningKey thisMachine(const CPUTarget &target);

class TunedRows {
public:
  /// Reads `path`; a file that is not there has no rows.
  static Expected<TunedRows> read(mlir::MLIRContext &context,
                                  const std::string &path);

  /// The rows under `key`, as `tile.schedules` takes them, each with the file
  /// that it is `from`.
  llvm::SmallVector<mlir::Attribute> rowsFor(const TuningKey &key) const;

  /// The schedule of `kernel` under `key`; null if there is none.
  tile::ScheduleAttr find(const TuningKey &key,
                          mlir::DictionaryAttr kernel) const;

  /// Replaces the row of `kernel` (see `cpu::describeKernel`) under `key`, or
  /// removes it if `schedule` is null.
  void set(const TuningKey &key, mlir::DictionaryAttr kernel,
           tile::ScheduleAttr schedule);

  /// Writes the file, all or nothing, and its folder if there is none.
  Status write() const;

private:
  struct Row {
    TuningKey key;
    mlir::DictionaryAttr kernel;
    tile::ScheduleAttr schedule;
  };
  static Expected<Row> parse(mlir::Attribute attr, const std::string &where);

  std::string path;
  llvm::SmallVector<Row> rows;
};

} // namespace mica

#endif // LIB_COMPILER_TUNEDROWS_H
