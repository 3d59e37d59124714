//===- Candidates.cpp - The tokens that may still be drawn ----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Sampling/Candidates.h"

#include "runtime/Sampling/Exponential.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

using namespace mica;

float mica::orWorst(float logit) {
  return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
}

void Candidates::assign(std::span<const float> logits) {
  list.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i)
    list[i] = {orWorst(logits[i]), int32_t(i)};
  front = 0;
  whole = true;
}

float Candidates::best() const {
  if (front)
    return list[0].logit;
  // Several at a time: each comparison waits for the one before it.
  constexpr size_t kLanes = 8;
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, list[0].logit);
  size_t i = 0;
  for (; i + kLanes <= list.size(); i += kLanes)
    for (size_t k = 0; k < kLanes; ++k)
      lanes[k] = std::max(lanes[k], list[i + k].logit);
  for (; i < list.size(); ++i)
    lanes[0] = std::max(lanes[0], list[i].logit);
  return *std::max_element(lanes, lanes + kLanes);
}

double Candidates::weigh() {
  float greatest = best();
  weighed.resize(list.size());
  for (size_t i = 0; i < list.size(); ++i)
    weighed[i] = exponential(below(list[i].logit, greatest));
  constexpr size_t kLanes = 8;
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= list.size(); i += kLanes)
    for (size_t k = 0; k < kLanes; ++k)
      lanes[k] += weighed[i + k];
  for (; i < list.size(); ++i)
    lanes[0] += weighed[i];
  return std::accumulate(lanes, lanes + kLanes, 0.);
}

/// Finds the best `count` of `rest`, in order.
static void selectBest(std::span<const Candidate> rest, size_t count,
                       std::vector<Candidate> &best) {
  if (count > 2048) { // A heap would take longer.
    best.assign(rest.begin(), rest.end());
    std::nth_element(best.begin(), best.begin() + count - 1, best.end(),
                     better);
    best.resize(count);
    return std::sort(best.begin(), best.end(), better);
  }
  best.assign(rest.begin(), rest.begin() + count);
  std::make_heap(best.begin(), best.end(), better);
  Candidate worst = best.front();
  for (const Candidate &candidate : rest.subspan(count)) {
    if (candidate.logit < worst.logit || !better(candidate, worst))
      continue;
    std::pop_heap(best.begin(), best.end(), better);
    best.back() = candidate;
    std::push_heap(best.begin(), best.end(), better);
    worst = best.front();
  }
  std::sort_heap(best.begin(), best.end(), better);
}

void Candidates::sort(size_t count) {
  count = std::min(count, list.size());
  if (count <= front)
    return;
  selectBest(std::span(list).subspan(front), count - front, selected);
  // The others keep their order, moved to the end.
  Candidate last = selected.back();
  size_t end = list.size();
  for (size_t i = list.size(); i-- > front;)
    if (better(last, list[i]))
      list[--end] = list[i];
  assert(end == count && "ids differ");
  std::copy(selected.begin(), selected.end(), list.begin() + front);
  front = count;
  whole = false;
}

void Candidates::keepFirst(size_t count) {
  list.resize(count);
  front = std::min(front, count);
  whole = false;
}

void Candidates::dropFirst(size_t count) {
  list.erase(list.begin(), list.begin() + count);
  front -= std::min(front, count);
  whole = false;
}

void Candidates::keepAtLeast(float logit) {
  auto low = [&](const Candidate &c) { return c.logit < logit; };
  auto end = std::remove_if(list.begin(), list.end(), low);
  whole = whole && end == list.end();
  list.erase(end, list.end());
  // The best ones are kept first.
  front = std::min(front, list.size());
}

void Candidates::keepPlaces(std::span<const uint32_t> places) {
  selected.clear();
  for (uint32_t place : places)
    selected.push_back(list[place]);
  list.swap(selected);
  front = 0;
  whole = false;
}

void Candidates::divide(float divisor) {
  for (Candidate &candidate : list)
    candidate.logit = orWorst(candidate.logit / divisor);
  front = 0; // Rounding may make two logits equal, and then ids decide.
}

Candidate *Candidates::find(int32_t id) {
  if (whole)
    return id >= 0 && size_t(id) < list.size() ? &list[id] : nullptr;
  auto place = std::find_if(list.begin(), list.end(),
                            [&](const Candidate &c) { return c.id == id; });
  return place == list.end() ? nullptr : &*place;
}
