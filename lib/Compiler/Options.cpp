//===- Options.cpp - Which options make sense -----------------------------===//

#include "lib/Compiler/Options.h"
#include "lib/Compiler/Stages.h"
#include "lib/Import/MappedFile.h"

using namespace mica;

Status mica::checkOptions(const CompileOptions &options) {
  for (const std::string &stage : {options.stopAfter, options.startFrom})
    if (!stage.empty() && findStage(stage) < 0)
      return Error{"stage " + quote(stage) +
                   ", expected import, graph, group, kernels or cpu"};
  bool fromModule = llvm::StringRef(options.input).ends_with(".mlir");
  if (!options.startFrom.empty() && !fromModule)
    return Error{options.input + ": no module, expected an .mlir file to start "
                                 "from a stage"};
  bool isText = !options.stopAfter.empty() || options.emit == Emit::MLIR ||
                options.emit == Emit::LLVM || options.emit == Emit::Asm;
  if (options.cpu.find(',') != std::string::npos &&
      (options.emit < Emit::Mica || !options.stopAfter.empty() ||
       !options.startFrom.empty()))
    return Error{"cpus " + quote(options.cpu) +
                 ", expected one where no whole artifact is made"};
  if (!isText && (options.output.empty() || options.output == "-"))
    return Error{"no output file, expected -o FILE"};
  const std::string &dtype = options.dtype;
  if (!dtype.empty() && dtype != "f32" && dtype != "bf16" && dtype != "f16")
    return Error{"dtype " + quote(dtype) + ", expected f32, bf16 or f16"};
  const std::string &kv = options.kv;
  if (!kv.empty() && kv != "f32" && kv != "bf16" && kv != "f16" &&
      kv != "int8" && kv != "int4")
    return Error{"kv " + quote(kv) + ", expected f32, bf16, f16, int8 or int4"};
  const std::string &activations = options.activations;
  if (!activations.empty() && activations != "int8" && activations != "bf16" &&
      activations != "f32")
    return Error{"activations " + quote(activations) +
                 ", expected int8, bf16 or f32"};
  if (options.page < 16 || options.page % 16)
    return Error{"page of " + std::to_string(options.page) +
                 " tokens, expected a multiple of 16"};
  if (options.maxRows < 1 || options.maxRows > 1 << 16)
    return Error{"max rows of " + std::to_string(options.maxRows) +
                 ", expected 1 to 65536"};
  if (options.maxContext < 0)
    return Error{"max context of " + std::to_string(options.maxContext) +
                 ", expected a positive number"};
  return {};
}
