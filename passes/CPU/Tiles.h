//===- Tiles.h - Instructions on tile registers -----------------*- C++ -*-===//

#ifndef PASSES_CPU_TILES_H
#define PASSES_CPU_TILES_H

#include "dialects/MicaTile/Emit.h"

namespace mica::cpu {

/// Emits instructions on the eight tile registers of AMX.
class Tiles {
public:
  /// Pairs of k in a tile.
  static constexpr int64_t depth = 16;

  explicit Tiles(tile::Emitter &e) : e(e) {}

  /// Registers 0 to 5 (sums and inputs) get `rows` rows, 6 and 7 (weights) a
  /// row for every 4 of the `bytes` of a row of inputs; other rows have 64
  /// bytes.
  void configure(int64_t rows, int64_t bytes = 64);
  void release() { call("tilerelease", {}); }
  void zero(int64_t tile) { call("tilezero", {number(tile)}); }
  /// Rows of `stride` bytes from `buffer` at `at`.
  void load(int64_t tile, mlir::Value buffer, mlir::ArrayRef<tile::Index> at,
            int64_t stride) {
    call("tileloadd64", {number(tile), address(buffer, at), i64(stride)});
  }
  /// The same for what is not needed again soon: it does not push out of the
  /// first cache what is.
  void loadOnce(int64_t tile, mlir::Value buffer,
                mlir::ArrayRef<tile::Index> at, int64_t stride) {
    call("tileloaddt164", {number(tile), address(buffer, at), i64(stride)});
  }
  void store(int64_t tile, mlir::Value buffer, mlir::ArrayRef<tile::Index> at,
             int64_t stride) {
    call("tilestored64", {number(tile), address(buffer, at), i64(stride)});
  }
  void dot(int64_t sum, int64_t input, int64_t weights) {
    call("tdpbf16ps", {number(sum), number(input), number(weights)});
  }
  /// Of signed bytes.
  void dotBytes(int64_t sum, int64_t input, int64_t weights) {
    call("tdpbssd", {number(sum), number(input), number(weights)});
  }

private:
  void call(mlir::StringRef name, mlir::ValueRange operands);
  mlir::Value number(int64_t tile);
  mlir::Value i64(int64_t value);
  mlir::Value address(mlir::Value buffer, mlir::ArrayRef<tile::Index> at);

  tile::Emitter &e;
};

} // namespace mica::cpu

#endif // PASSES_CPU_TILES_H
