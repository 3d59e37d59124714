//===- Tuner.cpp - Searches schedules for the products of a model ---------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-tune/Tuner.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <unistd.h>

using namespace mlir;
using namespace mica;

namespace {

// What may be lost at other row counts than those that gain.
constexpr double kTolerance = 0.015;

Schedule scheduleOf(tile::ScheduleAttr attr) {
  return {{attr.getRows().begin(), attr.getRows().end()},
          {attr.getPanels().begin(), attr.getPanels().end()},
          {attr.getPrefetch().begin(), attr.getPrefetch().end()},
          attr.getBlock(),
          attr.getUnit(),
          attr.getUnroll(),
          attr.getDepth()};
}

tile::ScheduleAttr attrOf(const Schedule &s, MLIRContext *context) {
  return tile::ScheduleAttr::get(context, s.rows, s.panels, s.block, s.unit,
                                 s.unroll, s.prefetch, s.depth);
}

/// What the instructions of `target` for the product can do, as
/// passes/CPU/ContractCPU.cpp chooses them.
ProductLimits limitsOf(const Product &product, const CPUTarget &target) {
  auto isA = [&](StringRef field, auto check) {
    auto type = product.kernel.getAs<TypeAttr>(field);
    return type && check(type.getValue());
  };
  auto bf16 = [](Type type) { return type.isBF16(); };
  auto i8 = [](Type type) { return type.isInteger(8); };
  auto has = [&](StringRef feature) {
    return StringRef(target.features).contains(feature);
  };
  ProductLimits limits;
  limits.registers = target.vectorBits == 512 ? 32 : 16;
  limits.vectorsPerPanel = 512 / target.vectorBits;
  bool pairs = isA("weight", bf16) && isA("input", bf16) && target.dotBF16;
  if (pairs && has("+amx-bf16"))
    limits.kind = ProductLimits::TilesBF16;
  if (isA("weight", i8) && isA("input", i8) && target.hasTiles())
    limits.kind = ProductLimits::TilesOfBlocks;
  return limits;
}

bool isSame(const std::vector<float> &a, const std::vector<float> &b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double median(std::vector<double> values) {
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

} // namespace

Tuner::Tuner(ModelVariants &variants, Runner &runner,
             const TuneOptions &options)
    : variants(variants), runner(runner), options(options),
      start(nowNanoseconds()) {}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Unites the groups that share a phase with the product, and adds it.
void Tuner::addProduct(Product product) {
  Group united;
  united.phases = product.phases;
  united.ratios.assign(options.rows.size(), 1);
  std::erase_if(groups, [&](Group &group) {
    bool shares = std::ranges::any_of(group.phases, [&](uint32_t phase) {
      return product.phases.contains(phase);
    });
    if (shares) {
      united.phases.insert(group.phases.begin(), group.phases.end());
      std::ranges::move(group.members, std::back_inserter(united.members));
    }
    return shares;
  });
  Schedule schedule = scheduleOf(product.schedule);
  ProductLimits limits = limitsOf(product, variants.target());
  united.members.push_back({std::move(product), limits, schedule, schedule});
  groups.push_back(std::move(united));
}

Status Tuner::begin(const TunedRows &tuned) {
  auto products = variants.products();
  if (!products)
    return products.takeError();
  auto isWanted = [&](const Product &product) {
    auto columns = product.kernel.getAs<IntegerAttr>("columns");
    return !options.columns || columns.getInt() == options.columns;
  };
  for (Product &product : *products)
    if (isWanted(product))
      addProduct(std::move(product));
  auto code = variants.compile(rows(&Member::best));
  if (!code)
    return code.takeError();
  shipped = std::move(*code);
  if (Status status = runner.prepare(shipped.workerBytes); !status)
    return status;
  if (Status status = recordLogits(); !status)
    return status;
  for (Group &group : groups) {
    std::vector<Schedule> first;
    for (const Member &member : group.members)
      first.push_back(member.best);
    group.tried.push_back(std::move(first));
    group.waiting = seed(group, tuned);
  }
  return {};
}

/// Notes what every candidate must compute, to the last bit.
Status Tuner::recordLogits() {
  for (uint32_t count : options.rows) {
    auto own = runner.run(runner.ownEntry(), count);
    auto again = runner.run(runner.ownEntry(), count);
    auto made = runner.run(shipped.entry, count);
    for (auto *step : {&own, &again, &made})
      if (!*step)
        return step->takeError();
    std::string step = "a step of " + std::to_string(count) + " rows";
    if (!isSame(own->logits, again->logits))
      return Error{step + " has other logits the second time, expected the "
                          "same"};
    if (!isSame(own->logits, made->logits))
      return Error{step + " has other logits in code made again, expected the "
                          "compiler and the source that made the artifact"};
    logits.push_back(std::move(made->logits));
  }
  return {};
}

ArrayAttr Tuner::rows(Schedule Member::*schedule) {
  SmallVector<Attribute> rows;
  MLIRContext *context = &variants.context();
  for (const Group &group : groups)
    for (const Member &member : group.members) {
      NamedAttrList fields(member.product.kernel);
      fields.set("schedule", attrOf(member.*schedule, context));
      rows.push_back(fields.getDictionary(context));
    }
  return ArrayAttr::get(context, rows);
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

/// Whether the candidate was not tried before; now it was.
bool Tuner::isNew(Group &group) {
  std::vector<Schedule> schedules;
  for (const Member &member : group.members)
    schedules.push_back(member.candidate);
  if (std::ranges::find(group.tried, schedules) != group.tried.end())
    return false;
  group.tried.push_back(std::move(schedules));
  return true;
}

/// Makes what an earlier run found the candidate, if there is any.
bool Tuner::seed(Group &group, const TunedRows &tuned) {
  TuningKey key = thisMachine(variants.target());
  for (Member &member : group.members)
    if (auto found = tuned.find(key, member.product.kernel))
      if (Schedule schedule = scheduleOf(found);
          isLegal(schedule, member.limits))
        member.candidate = schedule;
  return isNew(group);
}

/// Makes the next change of the best the candidate, if there is one.
bool Tuner::choose(Group &group) {
  for (int pass = 0; pass < 2; ++pass) {
    while (group.next < changes.size()) {
      const Change &change = changes[group.next++];
      for (Member &member : group.members) {
        member.candidate = member.best;
        change.apply(member.candidate);
        if (!isLegal(member.candidate, member.limits))
          member.candidate = member.best;
      }
      if (isNew(group))
        return true;
    }
    if (!group.improved)
      break;
    group.next = 0;
    group.improved = false;
  }
  for (Member &member : group.members)
    member.candidate = member.best;
  return false;
}

bool Tuner::isFaster(const std::vector<double> &ratios,
                     const std::vector<double> &than) const {
  bool gains = false;
  for (size_t i = 0; i < ratios.size(); ++i) {
    if (ratios[i] > than[i] * (1 + kTolerance))
      return false;
    gains |= ratios[i] < than[i] * (1 - options.margin);
  }
  return gains;
}

/// One round: all candidates in one code.
Status Tuner::tryCandidates() {
  auto code = variants.compile(rows(&Member::candidate));
  if (!code)
    return code.takeError();
  auto ratios = compare(*code, {3, 15, 0.5});
  if (!ratios)
    return ratios.takeError();
  for (auto [index, group] : llvm::enumerate(groups)) {
    tried += group.waiting;
    different += group.waiting && !*ratios;
    if (!std::exchange(group.waiting, false) || !*ratios)
      continue;
    std::vector<double> own;
    for (const auto &byGroup : **ratios)
      own.push_back(byGroup[index]);
    if (!isFaster(own, group.ratios))
      continue;
    group.ratios = std::move(own);
    group.improved = true;
    for (Member &member : group.members)
      member.best = member.candidate;
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

double Tuner::timeOf(const Group &group, const StepResult &step) const {
  double seconds = 0;
  for (uint32_t phase : group.phases)
    seconds += step.seconds[phase];
  return seconds;
}

/// The time of each group over that in shipped code, the median of pairs.
Expected<std::vector<double>>
Tuner::comparePhases(mica_entry code, uint32_t rows, const Effort &effort) {
  std::vector<std::vector<double>> pairs(groups.size());
  uint64_t begin = nowNanoseconds();
  for (uint32_t pair = 0; pair < effort.mostPairs; ++pair) {
    if (pair >= effort.leastPairs &&
        (nowNanoseconds() - begin) * 1e-9 > effort.seconds)
      break;
    // What comes second may find a busier machine, or warmer caches.
    bool first = pair % 2 == 0;
    auto one = runner.run(first ? shipped.entry : code, rows);
    auto two = runner.run(first ? code : shipped.entry, rows);
    if (!one || !two)
      return one ? two.takeError() : one.takeError();
    const StepResult &before = first ? *one : *two,
                     &after = first ? *two : *one;
    for (auto [index, group] : llvm::enumerate(groups))
      pairs[index].push_back(timeOf(group, after) / timeOf(group, before));
  }
  std::vector<double> ratios;
  for (const std::vector<double> &values : pairs)
    ratios.push_back(median(values));
  return ratios;
}

/// Nothing if the code computes something else.
Expected<std::optional<Tuner::Ratios>> Tuner::compare(const LoadedCode &code,
                                                      const Effort &effort) {
  if (Status status = runner.prepare(code.workerBytes); !status)
    return status.takeError();
  Ratios ratios;
  for (auto [index, count] : llvm::enumerate(options.rows)) {
    auto warm = runner.run(code.entry, count);
    if (!warm)
      return warm.takeError();
    if (!isSame(warm->logits, logits[index]))
      return std::optional<Ratios>();
    auto own = comparePhases(code.entry, count, effort);
    if (!own)
      return own.takeError();
    ratios.push_back(std::move(*own));
    show();
  }
  return std::optional(std::move(ratios));
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

double Tuner::secondsLeft() const {
  return options.seconds - (nowNanoseconds() - start) * 1e-9;
}

/// A line on a terminal.
void Tuner::show() const {
  if (!isatty(STDERR_FILENO))
    return;
  double best = 1;
  size_t faster = 0;
  for (const Group &group : groups) {
    double least = *std::ranges::min_element(group.ratios);
    faster += least < 1;
    best = std::min(best, least);
  }
  std::fprintf(stderr,
               "\rtune: %u candidates, %zu of %zu groups of products faster, "
               "by %.0f %% at best, %.0f s left\033[K",
               tried, faster, groups.size(), (1 / best - 1) * 100,
               std::max(secondsLeft(), 0.0));
}

TunedProduct Tuner::resultOf(const Member &member, const Group &group,
                             bool kept) const {
  TunedProduct result{member.product.kernel, {}, group.ratios};
  if (kept && member.best != scheduleOf(member.product.schedule))
    result.schedule = attrOf(member.best, &variants.context());
  return result;
}

/// Measures once more what was found best, all together and for longer.
Expected<std::vector<TunedProduct>> Tuner::confirm() {
  std::vector<double> same(options.rows.size(), 1);
  bool any = std::ranges::any_of(
      groups, [&](const Group &group) { return group.ratios != same; });
  std::optional<Ratios> ratios;
  if (any) {
    auto code = variants.compile(rows(&Member::best));
    if (!code)
      return code.takeError();
    auto measured = compare(*code, {7, 41, 1.5});
    if (!measured)
      return measured.takeError();
    ratios = std::move(*measured);
  }
  std::vector<TunedProduct> results;
  for (auto [index, group] : llvm::enumerate(groups)) {
    bool kept = ratios && group.ratios != same;
    for (size_t i = 0; kept && i < options.rows.size(); ++i)
      group.ratios[i] = (*ratios)[i][index];
    kept = kept && isFaster(group.ratios, same);
    for (const Member &member : group.members)
      results.push_back(resultOf(member, group, kept));
  }
  return results;
}

Expected<std::vector<TunedProduct>> Tuner::run(const TunedRows &tuned) {
  if (Status status = begin(tuned); !status)
    return status.takeError();
  double longest = 0;
  // The last round is that of `confirm`.
  for (bool first = true; first || secondsLeft() > 2 * longest; first = false) {
    double before = secondsLeft();
    bool any = false;
    for (Group &group : groups) {
      group.waiting = group.waiting || choose(group);
      any |= group.waiting;
    }
    if (!any)
      break;
    if (Status status = tryCandidates(); !status)
      return status.takeError();
    longest = std::max(longest, before - secondsLeft());
  }
  auto results = confirm();
  if (isatty(STDERR_FILENO))
    std::fprintf(stderr, "\r\033[K");
  return results;
}
