//===- Compile.h - From a checkpoint to a .mica file ------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef MICA_COMPILE_H
#define MICA_COMPILE_H

#include "mica/Status.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mica {

/// What is written: the module after the last stage, LLVM IR, assembly, an ELF
/// object, the artifact, or a program or shared library that carries it.
enum class Emit { MLIR, LLVM, Asm, Object, Mica, Executable, Library };

struct CompileOptions {
  /// A GGUF file, a Hugging Face directory, or a module (.mlir).
  std::string input;
  /// Where the result goes; "-" is standard output, for text.
  std::string output;

  /// What code is for; of several, with commas, an artifact holds an image
  /// each (docs/architecture.md).
  std::string cpu = "native";
  std::string dtype; ///< f32, bf16, f16; empty: as the checkpoint
  /// What weights are quantized to: a format such as q4_k, or rules by pattern
  /// of the tensor's name ("q4_k,*down*=q6_k"); empty: kept as they are.
  std::string quant;
  /// How activations enter products: int8, bf16, f32; empty: int8 for block
  /// formats, for floats what the CPU multiplies fastest.
  std::string activations;
  std::string kv; ///< cache: f32, bf16, f16, int8, int4; empty: as dtype
  int64_t maxContext = 0; ///< positions of a sequence; 0: the model's
  int64_t page = 32;      ///< tokens of a cache page
  int64_t maxRows = 512;  ///< rows of a step

  /// A module whose `tile.schedules` come before the table of the CPU.
  std::string schedules;
  /// What `mica tune` wrote: rows for this machine and compiler come behind
  /// `schedules` and before the table of the CPU, if `cpu` is native. Empty:
  /// none.
  std::string tuned;

  Emit emit = Emit::Mica;
  /// Where `mica-runner` and `mica-carrier.so` are, behind which the artifact
  /// is written for `Executable` and `Library`, with a slash at the end; those
  /// of another architecture are in `../aarch64/bin/` or `../x86_64/bin/` of
  /// it.
  std::string carriers;
  std::string stopAfter;   ///< a stage; the module is written as MLIR
  std::string startFrom;   ///< a stage; `input` is what stopping after it wrote
  bool noFallback = false; ///< a missed optimisation is an error
  int threads = 2;         ///< that pack weights

  /// Called while weights are packed: bytes written, of how many.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// What a compilation has to tell.
struct CompileReport {
  struct Part {
    std::string name;
    double seconds;
    uint64_t bytes; ///< written by it, 0 if it writes nothing
  };
  std::vector<Part> parts; ///< in order
  /// What was converted, and what was not optimised and why.
  std::vector<std::string> remarks;
  /// Of the checkpoint: tensors and settings without effect.
  std::vector<std::string> warnings;
};

/// The stages by name, in order: import, graph, group, kernels, cpu.
std::vector<std::string> stageNames();

/// Where `mica tune` keeps rows unless told otherwise: mica/schedules.mlir in
/// $XDG_CACHE_HOME or ~/.cache; empty if neither is known.
std::string defaultTunedFile();

/// Compiles. The same input and options give the same bytes, for `native` on
/// machines of one kind. On an error nothing stands under `output`.
Expected<CompileReport> compile(const CompileOptions &options);

} // namespace mica

#endif // MICA_COMPILE_H
