//===- Tuner.h - Searches schedules for the products of a model -*- C++ -*-===//
//
// The model runs as it is, with its weights and epilogues: code of candidates
// and of the compiler's rows by turns, so that noise hits both. Every round
// changes one choice for every product at once, and the time of its phases
// tells whether that was good for it. Products that share a phase, or stand in
// phases of one another's, change together.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_TUNE_TUNER_H
#define TOOLS_MICA_TUNE_TUNER_H

#include "lib/Compiler/TunedRows.h"
#include "lib/Compiler/Variants.h"
#include "tools/mica-tune/Candidates.h"
#include "tools/mica-tune/Runner.h"

namespace mica {

struct TuneOptions {
  double seconds;             ///< to search; one round is always tried
  std::vector<uint32_t> rows; ///< of the steps that are timed
  int64_t columns = 0;        ///< of the products that are tried; 0: all
  double margin = 0.03;       ///< by which a row must be faster
};

/// A product and what was found for it.
struct TunedProduct {
  mlir::DictionaryAttr kernel;
  tile::ScheduleAttr schedule; ///< null: the compiler's row is as good
  std::vector<double> ratios;  ///< time over the compiler's, by row count
};

class Tuner {
public:
  Tuner(ModelVariants &variants, Runner &runner, const TuneOptions &options);

  /// Searches, beginning at the rows that `tuned` has for this machine.
  Expected<std::vector<TunedProduct>> run(const TunedRows &tuned);

  /// Candidates of all rounds, and those whose results were not those of the
  /// compiler's rows.
  uint32_t candidates() const { return tried; }
  uint32_t refused() const { return different; }

private:
  struct Member {
    Product product;
    ProductLimits limits;
    Schedule best, candidate;
  };
  /// Products that change together.
  struct Group {
    std::vector<Member> members;
    std::set<uint32_t> phases;
    std::vector<double> ratios; ///< of the best
    std::vector<std::vector<Schedule>> tried;
    size_t next = 0;       ///< of the changes
    bool improved = false; ///< since the first of the changes
    bool waiting = false;  ///< for its candidate to be measured
  };
  /// By row count, then by group.
  using Ratios = std::vector<std::vector<double>>;
  struct Effort {
    uint32_t leastPairs, mostPairs;
    double seconds; ///< for each row count
  };

  Status begin(const TunedRows &tuned);
  Status recordLogits();
  void addProduct(Product product);
  bool seed(Group &group, const TunedRows &tuned);
  bool choose(Group &group);
  bool isNew(Group &group);
  Status tryCandidates();
  Expected<std::vector<TunedProduct>> confirm();
  TunedProduct resultOf(const Member &member, const Group &group,
                        bool kept) const;

  mlir::ArrayAttr rows(Schedule Member::*schedule);
  Expected<std::optional<Ratios>> compare(const LoadedCode &code,
                                          const Effort &effort);
  Expected<std::vector<double>> comparePhases(mica_entry code, uint32_t rows,
                                              const Effort &effort);
  double timeOf(const Group &group, const StepResult &step) const;
  bool isFaster(const std::vector<double> &ratios,
                const std::vector<double> &than) const;
  double secondsLeft() const;
  void show() const;

  ModelVariants &variants;
  Runner &runner;
  const TuneOptions &options;
  std::vector<Change> changes = allChanges();
  std::vector<Group> groups;
  LoadedCode shipped;
  std::vector<std::vector<float>> logits; ///< of shipped code, by row count
  uint64_t start;
  uint32_t tried = 0, different = 0;
};

} // namespace mica

#endif // TOOLS_MICA_TUNE_TUNER_H
