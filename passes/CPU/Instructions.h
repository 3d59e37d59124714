//===- Instructions.h - What an instruction set offers ----------*- C++ -*-===//
//
// Kernels are written with vectors of any size; what vectors do not say (four
// products of bytes in one instruction, a table in a register) is here, one
// file for each architecture. Nothing else in this folder names an intrinsic,
// but for tile registers (Tiles.h).
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_CPU_INSTRUCTIONS_H
#define PASSES_CPU_INSTRUCTIONS_H

#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/Emit.h"
#include <memory>

namespace mica::cpu {

/// Whether code for `target` is that of AArch64, by its name for the CPU
/// ("armv8.2-a"); else it is x86-64. Null is x86-64 too.
bool isAArch64(TargetAttr target);

/// What the instructions of one target do with vectors of its lanes.
class Instructions {
public:
  using Value = mlir::Value;

  virtual ~Instructions() = default;

  /// An integer sum of four products a lane. Where the target has no such
  /// instruction some wait in 16 bits.
  struct Sum {
    Value wide, narrow;
    int64_t waiting = 0;
  };

  /// Adds the four bytes of each dword of `codes`, from 0 up to `greatest`,
  /// times those of `rows`, from -127 to 127. The codes may be moved first:
  /// see `zeroOf`.
  virtual void addBytes(tile::Emitter &e, Sum &sum, Value codes, Value rows,
                        int64_t greatest) const = 0;
  /// All of the sum.
  Value finish(tile::Emitter &e, Sum &sum) const;
  /// The zero of codes as `addBytes` takes them, vectors of `lanes` dwords.
  virtual int64_t zeroOf(int64_t zero, int64_t greatest,
                         int64_t lanes) const = 0;
  /// Whether `addBytes` multiplies with one dword of a register of rows, which
  /// then saves a load for each dword.
  virtual bool takesLanes() const { return false; }

  /// sum + the two products of each dword: i32, of pairs of i16. Every dword of
  /// `b` is the same.
  virtual Value addPairs(tile::Emitter &e, Value sum, Value a,
                         Value b) const = 0;
  /// The same of bf16, sums of f32. The order and rounding of the three terms
  /// are the instruction's own.
  virtual Value addPairsOfBf16(tile::Emitter &e, Value sum, Value a,
                               Value b) const = 0;
  /// `even` and `odd`, of f32, as bf16 in turns.
  virtual Value pairsOfBf16(tile::Emitter &e, Value even, Value odd) const = 0;
  /// Whether one instruction rounds a vector of f32 to bf16.
  virtual bool roundsToBf16() const = 0;

  /// The entries of a table of 16 that the bytes of `codes` number.
  virtual Value lookUp(tile::Emitter &e, mlir::ArrayRef<int8_t> table,
                       Value codes) const = 0;
  /// The entries of a table of up to 16 that the dwords of `codes` number.
  virtual Value lookUp(tile::Emitter &e, mlir::ArrayRef<float> table,
                       Value codes) const = 0;

  /// What assembly calls the dot product `intrinsic`; empty: it is none.
  virtual llvm::StringRef dotName(llvm::StringRef intrinsic) const = 0;
  /// What it calls a multiply-add of f32.
  virtual llvm::StringRef multiplyAddName() const = 0;

protected:
  /// Adds `products` of 16 bits, of which `fit` sums do not overflow.
  void addNarrow(tile::Emitter &e, Sum &sum, Value products, int64_t fit) const;
  /// Sums of 16 bits as those of the dwords that they belong to.
  virtual Value widen(tile::Emitter &e, Value narrow,
                      mlir::Type type) const = 0;

private:
  void flush(tile::Emitter &e, Sum &sum) const;
};

/// Those of `target`; null: of any x86-64.
std::unique_ptr<Instructions> makeInstructions(TargetAttr target);
/// The parts of that.
std::unique_ptr<Instructions> makeX86(mlir::StringRef features);
std::unique_ptr<Instructions> makeAArch64(mlir::StringRef features);

} // namespace mica::cpu

#endif // PASSES_CPU_INSTRUCTIONS_H
