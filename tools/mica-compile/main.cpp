//===- main.cpp - mica compile --------------------------------------------===//

#include "mica/Compile.h"
#include "tools/mica/Support.h"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

using namespace mica;

namespace {

const std::map<std::string, Emit> kinds = {{"mlir", Emit::MLIR},
                                           {"llvm", Emit::LLVM},
                                           {"asm", Emit::Asm},
                                           {"obj", Emit::Object},
                                           {"mica", Emit::Mica}};

struct Flags {
  CompileOptions compile;
  bool timing = false;
};

void addFlags(CLI::App &app, Flags &flags) {
  CompileOptions &o = flags.compile;
  auto stage = CLI::IsMember(stageNames());
  app.add_option("MODEL", o.input,
                 "A GGUF file, a Hugging Face directory, or a module (.mlir)")
      ->required();
  app.add_option("-o,--output", o.output, "The file to write");
  app.add_option("--target", "The kind of machine")
      ->check(CLI::IsMember({"cpu"}));
  app.add_option("--cpu", o.cpu, "native, x86-64-v3 or x86-64-v4")
      ->capture_default_str();
  app.add_option("--dtype", o.dtype,
                 "f32, bf16 or f16 for float weights and the cache (the "
                 "checkpoint's, bf16 beside block formats)");
  app.add_option("--quant", o.quant,
                 "Quantize matrices: a format (q8_0, q4_0, q4_k, w4g128 ...), "
                 "or rules by tensor: 'q4_k,*down*=q6_k'");
  app.add_option("--activations", o.activations,
                 "int8, bf16 or f32: how activations enter products (int8 for "
                 "block formats)");
  app.add_option("--kv", o.kv,
                 "f32, bf16, f16 or int8 for the cache (as --dtype)");
  app.add_option("--max-context", o.maxContext,
                 "Positions of a sequence at most (the model's)");
  app.add_option("--emit", o.emit, "mlir, llvm, asm, obj or mica")
      ->transform(CLI::CheckedTransformer(kinds).description(""));
  app.add_option("--stop-after", o.stopAfter, "Write the module after a stage")
      ->check(stage);
  app.add_option("--start-from", o.startFrom,
                 "MODEL is what --stop-after of this stage wrote")
      ->check(stage);
  app.add_flag("--no-fallback", o.noFallback,
               "A missed optimisation is an error");
  app.add_option("--schedules", o.schedules,
                 "Schedules that come before those of the CPU (an .mlir file "
                 "like schedules/*.mlir)");
  app.add_flag("--timing", flags.timing, "Print the time of each part");
  app.add_option("--page", o.page, "Tokens of a cache page")
      ->check(CLI::IsMember({16, 32, 64}))
      ->capture_default_str();
  app.add_option("--max-rows", o.maxRows, "Rows of a step at most")
      ->capture_default_str();
}

/// The time of each part and its share of the whole.
void printTiming(const CompileReport &report) {
  double total = 0;
  for (const CompileReport::Part &part : report.parts)
    total += part.seconds;
  std::fprintf(stderr, "%-14s %10s %6s %12s\n", "part", "seconds", "share",
               "bytes");
  for (const CompileReport::Part &part : report.parts)
    std::fprintf(stderr, "%-14s %10.3f %5.1f%% %12s\n", part.name.c_str(),
                 part.seconds, total > 0 ? 100 * part.seconds / total : 0,
                 part.bytes ? formatBytes(part.bytes).c_str() : "");
  std::fprintf(stderr, "%-14s %10.3f\n", "total", total);
}

int run(Flags &flags) {
  CompileOptions &o = flags.compile;
  if (o.output.empty() && (!o.stopAfter.empty() || o.emit != Emit::Mica))
    o.output = "-";
  std::unique_ptr<Progress> bar;
  o.progress = [&](uint64_t done, uint64_t total) {
    if (!bar)
      bar = std::make_unique<Progress>("packing", total);
    bar->update(done);
    if (done == total)
      bar.reset();
  };
  Expected<CompileReport> report = compile(o);
  if (!report)
    return mica::report(report.error());
  for (const std::string &warning : report->warnings)
    std::fprintf(stderr, "mica: warning: %s\n", warning.c_str());
  for (const std::string &remark : report->remarks)
    std::fprintf(stderr, "mica: remark: %s\n", remark.c_str());
  if (flags.timing)
    printTiming(*report);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Compiles a checkpoint to a .mica file.", "mica compile");
  app.footer("Examples:\n"
             "  mica compile gemma.gguf -o gemma.mica\n"
             "  mica compile DIRECTORY -o model.mica --dtype=bf16 --timing\n"
             "  mica compile DIRECTORY -o model.mica --quant=q4_k\n"
             "  mica compile gemma.gguf --stop-after=kernels | less\n");
  Flags flags;
  addFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  return run(flags);
}
