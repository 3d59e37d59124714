//===- main.cpp - mica compile --------------------------------------------===//

#include "mica/Compile.h"
#include "tools/mica/ModelFlags.h"
#include "tools/mica/Support.h"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

using namespace mica;

namespace {

const std::map<std::string, Emit> kinds = {
    {"mlir", Emit::MLIR},  {"llvm", Emit::LLVM}, {"asm", Emit::Asm},
    {"obj", Emit::Object}, {"mica", Emit::Mica}, {"exe", Emit::Executable},
    {"so", Emit::Library}};

struct Flags {
  CompileOptions compile;
  bool timing = false;
  bool noTuned = false;
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
  app.add_option("--cpu", o.cpu,
                 "native, x86-64-v3, x86-64-v4 or armv8.2-a, with features "
                 "(x86-64-v4+avx512vnni, armv8.2-a+dotprod+i8mm+bf16); "
                 "several, with commas, for code that each of them can run")
      ->capture_default_str();
  addModelFlags(app, o);
  app.add_option("--emit", o.emit,
                 "mlir, llvm, asm, obj, mica, exe (a program that needs "
                 "nothing else) or so (a library, mica-c/mica.h)")
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
  CLI::Option *noTuned =
      app.add_flag("--no-tuned", flags.noTuned,
                   "No schedules that mica tune found for this machine");
  app.add_option("--tuned", o.tuned,
                 "Where mica tune keeps them (" + defaultTunedFile() + ")")
      ->check(CLI::ExistingFile)
      ->excludes(noTuned);
  app.add_flag("--timing", flags.timing, "Print the time of each part");
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
  o.carriers = ownFolder();
  if (o.tuned.empty() && !flags.noTuned)
    o.tuned = defaultTunedFile();
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
             "  mica compile gemma.gguf -o gemma --emit=exe\n"
             "  mica compile gemma.gguf --stop-after=kernels | less\n");
  Flags flags;
  addFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  return run(flags);
}
