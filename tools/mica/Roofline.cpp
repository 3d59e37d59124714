//===- Roofline.cpp - The least time that a step can take -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Roofline.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <cmath>

using namespace mica;
using nlohmann::json;

/// The number `key` of `entry`; false if it is there and is none.
template <class T>
static bool readNumber(const json &entry, const char *key, T &value) {
  auto it = entry.find(key);
  if (it == entry.end())
    return true;
  if (!it->is_number() || it->get<double>() < 0 || it->get<double>() > 1e18)
    return false;
  value = T(std::min<double>(it->get<double>(),
                             double(std::numeric_limits<T>::max())));
  return true;
}

static bool readText(const json &entry, const char *key, std::string &value) {
  auto it = entry.find(key);
  if (it == entry.end())
    return true;
  if (it->is_string())
    value = it->get<std::string>();
  return it->is_string();
}

Expected<std::vector<Work>> mica::parseWork(std::string_view text,
                                            const std::string &file) {
  json root = json::parse(text, nullptr, false);
  std::vector<Work> works;
  for (const json &entry : root) {
    Work w;
    bool good = entry.is_object() && readText(entry, "phase", w.phase) &&
                readText(entry, "layout", w.layout) &&
                readText(entry, "instructions", w.instructions) &&
                readText(entry, "type", w.type) &&
                readNumber(entry, "calls", w.calls) &&
                readNumber(entry, "weight_bytes", w.weightBytes) &&
                readNumber(entry, "expert_bytes", w.expertBytes) &&
                readNumber(entry, "experts", w.experts) &&
                readNumber(entry, "choices", w.choices) &&
                readNumber(entry, "ops_per_row", w.opsPerRow) &&
                readNumber(entry, "ops_per_output", w.opsPerOutput) &&
                readNumber(entry, "cache_bytes_per_token", w.cacheBytes) &&
                readNumber(entry, "ops_per_row_token", w.opsPerRowToken) &&
                readNumber(entry, "window", w.window);
    if (!good)
      return Error{file + ": manifest: work[" + std::to_string(works.size()) +
                   "] has a field of another type, expected names and numbers "
                   "from 0"};
    works.push_back(std::move(w));
  }
  return works;
}

/// How many experts some row chose, if rows choose independently and each
/// expert as often as the others: what is to be expected, exact for one row.
static double expertsRead(const Work &work, const StepShape &shape) {
  if (!work.experts)
    return 0;
  double count = work.experts, share = work.choices / count;
  return count * (1 - std::pow(1 - share, double(shape.rows)));
}

double mica::bytesOf(const Work &work, const StepShape &shape) {
  double visible = shape.depth + shape.rows;
  if (work.window)
    visible = std::min<double>(visible, double(work.window) + shape.rows - 1);
  return work.weightBytes + work.expertBytes * expertsRead(work, shape) +
         work.cacheBytes * visible;
}

double mica::opsOf(const Work &work, const StepShape &shape) {
  double pairs = 0; // Of a row and a token that it sees.
  if (work.opsPerRowToken)
    for (uint64_t row = 0; row < shape.rows; ++row) {
      uint64_t seen = shape.depth + row + 1;
      pairs += work.window ? std::min<uint64_t>(seen, work.window) : seen;
    }
  return work.opsPerRow * shape.rows + work.opsPerOutput * shape.outputs +
         work.opsPerRowToken * pairs;
}

Ceilings mica::measureCeilings(Machine &machine, const std::vector<Work> &works,
                               uint32_t threads, int repeats,
                               double milliseconds) {
  Ceilings ceilings;
  ceilings.bandwidth =
      machine.bandwidth(threads, repeats, milliseconds).perSecond;
  for (const Work &work : works) {
    double &peak = ceilings.peak[work.type];
    if (!peak)
      peak = machine.peak(work.type, threads, repeats, milliseconds).perSecond;
  }
  return ceilings;
}

double mica::leastSeconds(const Work &work, const StepShape &shape,
                          const Ceilings &ceilings) {
  auto peak = ceilings.peak.find(work.type);
  double compute =
      peak == ceilings.peak.end() ? 0 : opsOf(work, shape) / peak->second;
  return std::max(bytesOf(work, shape) / ceilings.bandwidth, compute);
}

double mica::leastSeconds(const std::vector<Work> &works,
                          const StepShape &shape, const Ceilings &ceilings) {
  double sum = 0;
  for (const Work &work : works)
    sum += leastSeconds(work, shape, ceilings);
  return sum;
}
