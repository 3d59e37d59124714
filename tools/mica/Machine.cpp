//===- Machine.cpp - What this machine can do at best ---------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Machine.h"

#include "runtime/Placement.h"
#include "runtime/Workers.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <pthread.h>
#include <span>
#include <thread>
#include <unistd.h>

using namespace mica;

/// What readers read: too much for any cache, unless memory is small.
static uint64_t bufferSize() {
  uint64_t memory = uint64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  uint64_t cache = std::max(sysconf(_SC_LEVEL3_CACHE_SIZE), 0l);
  return std::min(std::max(uint64_t(512) << 20, 3 * cache), memory / 8) >>
         20 << 20;
}

Expected<Machine> Machine::create() {
  auto memory = Memory::create(bufferSize(), false, "the readers' buffer");
  if (!memory)
    return memory.takeError();
  // Pages that were never written to are all the same one.
  std::memset(memory->place(memory->size()), 1, memory->size());
  return Machine(std::move(*memory));
}

/// Runs `work(thread)` on all threads at once; returns its sum per second.
/// Several are bound like the workers of a model: the caller may be one that
/// is, and its threads would share its core.
template <class Work> static double together(uint32_t threads, Work work) {
  std::vector<int> cpus = chooseCPUs(threads);
  bool bound = !cpus.empty();
  cpu_set_t before;
  pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
  std::atomic<uint32_t> waiting{threads};
  std::vector<uint64_t> begin(threads), end(threads);
  std::vector<double> amount(threads);
  auto body = [&](uint32_t thread) {
    if (bound)
      bindTo(cpus[thread]);
    waiting.fetch_sub(1);
    while (waiting.load())
      ;
    begin[thread] = nowNanoseconds();
    amount[thread] = work(thread);
    end[thread] = nowNanoseconds();
  };
  std::vector<std::thread> others;
  for (uint32_t thread = 1; thread < threads; ++thread)
    others.emplace_back(body, thread);
  body(0);
  for (std::thread &other : others)
    other.join();
  if (bound)
    pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
  double sum = 0;
  for (double one : amount)
    sum += one;
  uint64_t time = *std::max_element(end.begin(), end.end()) -
                  *std::min_element(begin.begin(), begin.end());
  return sum / (std::max<uint64_t>(time, 1) * 1e-9);
}

Rate Machine::bandwidth(uint32_t threads, int repeats, double milliseconds) {
  const uint8_t *data = memory.place(memory.size());
  uint64_t part = memory.size() / threads / 4096 * 4096;
  Rate best;
  double guess = 10e9 * threads;
  for (const Loop &loop : readLoops())
    for (int i = 0; i < repeats; ++i) {
      // As much as takes the time, from what was read longest ago.
      uint64_t size = std::min<uint64_t>(
          part, uint64_t(guess * milliseconds * 1e-3 / threads) / 4096 * 4096);
      if (unread + size > part)
        unread = 0;
      double rate = together(threads, [&](uint32_t thread) {
        return loop.run(data + thread * part + unread, size);
      });
      unread += size;
      if (rate > best.perSecond)
        best = {rate, loop.name};
      guess = std::max(guess, rate);
    }
  return best;
}

std::vector<Rate> Machine::dots(std::string_view type, uint32_t threads,
                                int repeats, double milliseconds) const {
  std::vector<Rate> rates;
  for (const Loop &loop : dotLoops(type)) {
    Rate best{0, loop.name};
    double guess =
        together(1, [&](uint32_t) { return loop.run(nullptr, 10'000'000); });
    for (int i = 0; i < repeats; ++i) {
      uint64_t size = guess * milliseconds * 1e-3;
      double rate =
          together(threads, [&](uint32_t) { return loop.run(nullptr, size); });
      guess = rate / threads;
      best.perSecond = std::max(best.perSecond, rate);
    }
    rates.push_back(std::move(best));
  }
  return rates;
}

Rate Machine::peak(std::string_view type, uint32_t threads, int repeats,
                   double milliseconds) const {
  Rate best;
  for (Rate &rate : dots(type, threads, repeats, milliseconds))
    if (rate.perSecond > best.perSecond)
      best = std::move(rate);
  return best;
}
