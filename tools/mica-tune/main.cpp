//===- main.cpp - mica tune -----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-tune/Subject.h"
#include "tools/mica-tune/Tuner.h"
#include "tools/mica/ModelFlags.h"
#include "tools/mica/Support.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace mica;

namespace {

struct Flags {
  CompileOptions model;
  TuneOptions tune = {120, {1, 4, 512}};
  uint32_t threads = 0;
  std::string cache = defaultTunedFile();
};

void addFlags(CLI::App &app, Flags &flags) {
  app.add_option("MODEL", flags.model.input,
                 "A .mica file whose checkpoint is where it says, a GGUF file, "
                 "a Hugging Face directory, a module (.mlir), or one product: "
                 "COLUMNSxTERMS:FORMAT")
      ->required();
  app.add_option("--time", flags.tune.seconds,
                 "Seconds to search; one round is always tried")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--rows", flags.tune.rows,
                 "Rows of the steps that are timed, one or more numbers")
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "Threads; 0: one for each core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--cache", flags.cache, "The file that keeps what is faster")
      ->capture_default_str();
  addModelFlags(app, flags.model);
}

/// "2048 columns of 8192 terms, #tile.blocks<...> times i8".
std::string describe(mlir::DictionaryAttr kernel) {
  auto number = [&](llvm::StringRef field) {
    return mlir::cast<mlir::IntegerAttr>(kernel.get(field)).getInt();
  };
  std::string text = std::to_string(number("columns")) + " columns of " +
                     std::to_string(number("terms")) + " terms, ";
  llvm::raw_string_ostream os(text);
  mlir::Attribute blocks = kernel.get("blocks");
  os << (blocks ? blocks : kernel.get("weight")) << " times "
     << kernel.get("input");
  return text;
}

void print(const std::vector<TunedProduct> &products, const Flags &flags) {
  for (const TunedProduct &product : products) {
    llvm::outs() << describe(product.kernel) << ":";
    if (!product.schedule) {
      llvm::outs() << " the compiler's row stays\n";
      continue;
    }
    const char *separator = " ";
    for (auto [rows, ratio] : llvm::zip(flags.tune.rows, product.ratios))
      llvm::outs() << std::exchange(separator, ", ")
                   << llvm::format("%.2f", 1 / ratio) << " times at " << rows
                   << (rows == 1 ? " row" : " rows");
    llvm::outs() << "\n  " << product.schedule << "\n";
  }
}

/// Writes the rows to the cache file and says where they are, and for whom.
Status keep(const std::vector<TunedProduct> &products, TunedRows &tuned,
            const TuningKey &key, const std::string &file) {
  size_t kept = 0;
  for (const TunedProduct &product : products) {
    tuned.set(key, product.kernel, product.schedule);
    kept += bool(product.schedule);
  }
  if (Status status = tuned.write(); !status)
    return status;
  llvm::outs() << kept << " of " << products.size() << " products kept in "
               << file << "\nmachine: " << key.machine
               << "\nfeatures: " << key.features
               << "\ncompiler: " << key.compiler << "\n";
  return {};
}

/// Row counts that the model's steps can have, each once.
void clampRows(std::vector<uint32_t> &rows, const Manifest &manifest) {
  for (uint32_t &count : rows)
    count = std::min({count, manifest.maxRows, manifest.maxContext});
  std::ranges::sort(rows);
  rows.erase(std::ranges::unique(rows).begin(), rows.end());
}

/// Whether the artifact's code is what would be made for this machine.
Status checkTarget(const Manifest &manifest, const CPUTarget &target,
                   const std::string &file) {
  std::string own = target.cpu, found;
  if (!target.features.empty())
    own += "," + target.features;
  for (const CodeImage &image : manifest.code) {
    std::string name = image.cpu;
    for (const std::string &feature : image.features)
      name += ",+" + feature;
    if (name == own)
      return {};
    found += (found.empty() ? "" : "; ") + name;
  }
  return Error{file + ": code is for " + found + ", expected this machine's " +
               own};
}

Status tune(Flags &flags) {
  if (flags.cache.empty())
    return Error{"tune: no cache folder is known, expected --cache FILE"};
  auto folder = TemporaryFolder::create();
  if (!folder)
    return folder.takeError();
  auto subject = openSubject(flags.model, *folder);
  if (!subject)
    return subject.takeError();
  auto variants = ModelVariants::create(subject->options);
  if (!variants)
    return variants.takeError();
  auto tuned = TunedRows::read((*variants)->context(), flags.cache);
  if (!tuned)
    return tuned.takeError();
  auto runner = Runner::create(subject->artifact, flags.threads,
                               *std::ranges::max_element(flags.tune.rows));
  if (!runner)
    return runner.takeError();
  if (Status status = checkTarget(runner->manifest(), (*variants)->target(),
                                  flags.model.input);
      !status)
    return status;
  clampRows(flags.tune.rows, runner->manifest());
  flags.tune.columns = subject->columns;
  Tuner tuner(**variants, *runner, flags.tune);
  auto products = tuner.run(*tuned);
  if (!products)
    return Error{flags.model.input + ": " + products.error().message};
  print(*products, flags);
  llvm::outs() << tuner.candidates() << " candidates tried";
  if (tuner.refused())
    llvm::outs() << ", " << tuner.refused() << " computed something else";
  llvm::outs() << "\n";
  return keep(*products, *tuned, thisMachine((*variants)->target()),
              flags.cache);
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app(
      "Tries schedules for the products of a model on this machine and "
      "keeps those that are faster, for mica compile to use.",
      "mica tune");
  app.footer("Examples:\n"
             "  mica tune gemma.mica\n"
             "  mica tune gemma.gguf --time 600 --rows 1,8,512 --threads 1\n"
             "  mica tune DIRECTORY --quant=q4_k\n"
             "  mica tune 2048x8192:q4_0\n");
  Flags flags;
  addFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  Status status = tune(flags);
  return status ? 0 : report(status.error());
}
