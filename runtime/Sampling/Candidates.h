//===- Candidates.h - The tokens that may still be drawn --------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_CANDIDATES_H
#define RUNTIME_SAMPLING_CANDIDATES_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mica {

struct Candidate {
  float logit;
  int32_t id;
};

/// Of equal logits the lower id is the better one.
inline bool better(const Candidate &a, const Candidate &b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

/// The logit, or -infinity in place of a NaN.
float orWorst(float logit);

/// A list of tokens with logits, never empty. Its first `sorted()` are the best
/// ones in order, the others are in an order that follows from the logits
/// alone. A whole vocabulary is sorted only as far as someone asks.
class Candidates {
public:
  /// Takes all tokens, in the order of their ids. A NaN counts as -infinity.
  void assign(std::span<const float> logits);

  size_t size() const { return list.size(); }
  size_t sorted() const { return front; }
  const Candidate &operator[](size_t index) const { return list[index]; }

  /// The greatest logit.
  float best() const;

  /// How far a logit is below the best one; two equal infinities are equal.
  static float below(float logit, float best) {
    return logit == best ? 0 : logit - best;
  }

  /// Computes exp(logit - best) of all candidates, the probability of each
  /// times one factor, and returns their sum.
  double weigh();
  /// What `weigh` computed, until the list changes.
  std::span<const float> weights() const { return weighed; }

  /// Makes the first `count` the best ones in order.
  void sort(size_t count);

  /// Keeps the first `count`, which must be 1 or more.
  void keepFirst(size_t count);
  /// Removes the first `count`, which must be fewer than there are.
  void dropFirst(size_t count);
  /// Keeps those with at least that logit, which the best one must have; a NaN
  /// keeps all.
  void keepAtLeast(float logit);
  /// Keeps those at these places, in this order, 1 or more.
  void keepPlaces(std::span<const uint32_t> places);

  /// Divides all logits by a positive number.
  void divide(float divisor);

  /// Replaces the logit of a token by `change(logit)`, if it is still there.
  template <class Change> void update(int32_t id, Change change) {
    if (Candidate *candidate = find(id)) {
      candidate->logit = orWorst(change(candidate->logit));
      front = 0;
    }
  }

private:
  Candidate *find(int32_t id);

  std::vector<Candidate> list;
  std::vector<Candidate> selected; // Kept for its memory.
  std::vector<float> weighed;
  size_t front = 0;   // How many are sorted.
  bool whole = false; // Token i is at place i.
};

} // namespace mica

#endif // RUNTIME_SAMPLING_CANDIDATES_H
