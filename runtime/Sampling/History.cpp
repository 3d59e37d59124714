//===- History.cpp - Stages that look at the text so far ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Sampling/History.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mica;

//===----------------------------------------------------------------------===//
// Penalties
//===----------------------------------------------------------------------===//

bool Penalties::active() const {
  return options.lastN != 0 && (options.repeat != 1 || options.frequency != 0 ||
                                options.presence != 0);
}

void Penalties::accept(int32_t token) {
  ++count[token];
  if (options.lastN < 0)
    return;
  if (last.size() < size_t(options.lastN)) {
    last.push_back(token);
    return;
  }
  auto oldest = count.find(last[next]);
  if (--oldest->second == 0)
    count.erase(oldest);
  last[next] = token;
  next = (next + 1) % last.size();
}

void Penalties::apply(Candidates &candidates) const {
  for (auto [token, times] : count) {
    float off = float(times) * options.frequency + options.presence;
    candidates.update(token, [&](float logit) {
      return (logit > 0 ? logit / options.repeat : logit * options.repeat) -
             off;
    });
  }
}

//===----------------------------------------------------------------------===//
// DRY
//===----------------------------------------------------------------------===//

Dry::Dry(const DryOptions &given) : options(given) {
  for (const std::vector<int32_t> &breaker : options.breakers)
    if (!breaker.empty())
      tails.emplace(breaker[0],
                    std::vector<int32_t>(breaker.begin() + 1, breaker.end()));
}

bool Dry::active() const { return options.multiplier != 0 && options.lastN; }

void Dry::accept(int32_t token) { text.push_back(token); }

/// Tokens of the text behind the last whole breaker among the last tokens.
size_t Dry::sinceBreaker(size_t considered) const {
  for (size_t distance = 0; distance < considered; ++distance) {
    auto [begin, end] = tails.equal_range(back(distance));
    int64_t longest = -1;
    for (auto it = begin; it != end; ++it) {
      const std::vector<int32_t> &tail = it->second;
      if (tail.size() <= distance &&
          std::equal(tail.begin(), tail.end(), text.end() - distance))
        longest = std::max<int64_t>(longest, tail.size());
    }
    if (longest >= 0)
      return distance - longest;
  }
  return considered;
}

/// repeats[d] = how many tokens before distance d equal those at the end: the Z
/// function of the reversed text, in linear time.
void Dry::measureRepeats(size_t considered) {
  repeats.assign(considered, 0);
  // [left, right) is the farthest stretch that is known to equal the end.
  size_t left = 0, right = 0;
  for (size_t d = 1; d < considered; ++d) {
    size_t n = d < right ? std::min<size_t>(repeats[d - left], right - d) : 0;
    while (d + n < considered && back(n) == back(d + n))
      ++n;
    repeats[d] = n;
    if (d + n > right)
      left = d, right = d + n;
  }
}

void Dry::apply(Candidates &candidates) {
  size_t considered = text.size();
  if (options.lastN > 0)
    considered = std::min<size_t>(considered, options.lastN);
  if (considered <= options.allowedLength)
    return;
  size_t limit = sinceBreaker(considered);
  if (limit < options.allowedLength)
    return;
  measureRepeats(considered);
  longest.clear();
  for (size_t d = 1; d < considered; ++d) {
    size_t n = std::min<size_t>(repeats[d], limit);
    if (n >= options.allowedLength) {
      size_t &most = longest[back(d - 1)];
      most = std::max(most, n);
    }
  }
  constexpr float kMost = std::numeric_limits<float>::max();
  for (auto [token, n] : longest) {
    auto [begin, end] = tails.equal_range(token);
    if (std::any_of(begin, end, [](auto &tail) { return tail.second.empty(); }))
      continue;
    double power =
        std::pow(double(options.base), double(n - options.allowedLength));
    float off = options.multiplier * float(std::min<double>(power, kMost));
    candidates.update(token, [&](float logit) { return logit - off; });
  }
}
