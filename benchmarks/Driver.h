//===- Driver.h - One engine, one line of work at a time --------*- C++ -*-===//
//
// What the drivers of all engines have in common. A driver is started as
// `driver MODEL THREADS TOKENS ...` with the tokens that its cache is to hold
// over all sequences, prints `ready`, then answers each line of its standard
// input with the seconds that it took:
//
//   depth D      from now on work is done after D tokens in the cache
//   prefill N    append N tokens in one go; the logits of the last are computed
//   decode N     append N tokens one by one, with the logits of each
//   rows N       append N tokens in one go, with the logits of each
//
// Sampling is no part of it. Token ids are pseudo-random and the same for all.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef BENCHMARKS_DRIVER_H
#define BENCHMARKS_DRIVER_H

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

/// What an engine is able to do. Failing ends the program.
struct Engine {
  virtual ~Engine() = default;
  /// Work begins after these tokens, or after others that take as long.
  virtual void setDepth(const std::vector<int32_t> &tokens) = 0;
  virtual void prefill(const std::vector<int32_t> &tokens) = 0;
  virtual void rows(const std::vector<int32_t> &tokens) = 0;
  virtual void decode(const std::vector<int32_t> &tokens) = 0;
  /// Back to the depth that was set; not timed.
  virtual void rewind() = 0;
  /// Any other line; -1 if it is not understood.
  virtual double other(const std::string &word, std::istringstream &) {
    return -1;
  }
};

/// `count` ids below `vocab`, from a linear congruential generator.
inline std::vector<int32_t> randomTokens(uint32_t count, uint32_t vocab) {
  std::vector<int32_t> tokens(count);
  uint64_t state = 1;
  for (int32_t &token : tokens) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    token = int32_t((state >> 33) % vocab);
  }
  return tokens;
}

template <class Work> double secondsOf(Work &&work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

/// Answers lines until there are no more.
inline int serve(Engine &engine, uint32_t vocab) {
  std::printf("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word;
    uint32_t count = 0;
    words >> word;
    double seconds = 0;
    if (word == "depth" && words >> count)
      seconds = secondsOf([&] { engine.setDepth(randomTokens(count, vocab)); });
    else if (word == "prefill" && words >> count)
      seconds = secondsOf([&] { engine.prefill(randomTokens(count, vocab)); });
    else if (word == "decode" && words >> count)
      seconds = secondsOf([&] { engine.decode(randomTokens(count, vocab)); });
    else if (word == "rows" && words >> count)
      seconds = secondsOf([&] { engine.rows(randomTokens(count, vocab)); });
    else
      seconds = engine.other(word, words);
    if (word == "prefill" || word == "decode" || word == "rows")
      engine.rewind();
    std::printf("%.9f\n", seconds);
    std::fflush(stdout);
  }
  return 0;
}

#endif // BENCHMARKS_DRIVER_H
