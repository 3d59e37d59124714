//===- Packer.cpp - Packs weights as a stream -----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Pack/Packer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace mica;

namespace {

constexpr int64_t kStripBytes = int64_t(4) << 20;

/// Panels [first, first + count) of a part of a job.
struct Strip {
  const PackJob *job;
  int64_t part, first, count;

  int64_t bytes() const { return count * job->panelBytes; }
};

std::vector<Strip> cutStrips(std::span<const PackJob> jobs) {
  std::vector<Strip> strips;
  for (const PackJob &job : jobs) {
    int64_t most = std::max<int64_t>(1, kStripBytes / job.panelBytes);
    for (int64_t part = 0; part < job.parts; ++part)
      for (int64_t first = 0; first < job.panels; first += most)
        strips.push_back(
            {&job, part, first, std::min(most, job.panels - first)});
  }
  return strips;
}

/// Packs strips for one thread. Readers are kept from strip to strip.
class StripPacker {
public:
  void pack(const Strip &strip, std::byte *out) {
    if (job != strip.job) {
      job = strip.job;
      inputs = job->inputs;
      scratch.resize(std::max<size_t>(scratch.size(), job->scratch));
    }
    part = strip.part;
    job->function(fetch, this, scratch.data(), out, strip.first, strip.count);
  }

private:
  static void fetch(void *context, int64_t source, int64_t row, void *to) {
    auto &packer = *static_cast<StripPacker *>(context);
    WeightReader &input = packer.inputs[source];
    row += packer.part * (input.rows() / packer.job->parts);
    if (!packer.job->record)
      return input.read(row, static_cast<float *>(to));
    auto *base = static_cast<std::byte *>(to);
    auto at = [&](int part) { return base + (*packer.job->record)[part]; };
    input.split(row, {reinterpret_cast<uint8_t *>(at(0)),
                      reinterpret_cast<float *>(at(1)),
                      reinterpret_cast<float *>(at(2)),
                      reinterpret_cast<int8_t *>(at(3)),
                      reinterpret_cast<int8_t *>(at(4))});
  }

  const PackJob *job = nullptr;
  int64_t part = 0;
  std::vector<WeightReader> inputs;
  std::vector<std::byte> scratch;
};

/// Strips on their way from the threads that pack them to the one that writes.
/// Strip i uses slot i % slots, when strip i - slots has been written.
class StripQueue {
public:
  StripQueue(std::vector<Strip> list, int threads)
      : strips(std::move(list)), slots(threads + 2), ready(slots.size(), -1) {
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([this] { work(); });
  }

  ~StripQueue() {
    {
      std::lock_guard lock(mutex);
      next = strips.size();
      stopped = true;
    }
    changed.notify_all();
    for (std::thread &worker : workers)
      worker.join();
  }

  /// Waits for strip `i`, which `release` gives back.
  const std::byte *take(int64_t i) {
    std::unique_lock lock(mutex);
    size_t slot = i % slots.size();
    changed.wait(lock, [&] { return ready[slot] == i; });
    return slots[slot].data();
  }

  void release(int64_t i) {
    {
      std::lock_guard lock(mutex);
      written = i + 1;
    }
    changed.notify_all();
  }

  const std::vector<Strip> strips;

private:
  void work() {
    StripPacker packer;
    int64_t count = slots.size();
    while (true) {
      std::unique_lock lock(mutex);
      if (next >= int64_t(strips.size()))
        return;
      int64_t i = next++;
      changed.wait(lock, [&] { return stopped || i - count < written; });
      if (stopped)
        return;
      lock.unlock();
      std::vector<std::byte> &bytes = slots[i % count];
      bytes.resize(std::max<size_t>(bytes.size(), strips[i].bytes()));
      packer.pack(strips[i], bytes.data());
      lock.lock();
      ready[i % count] = i;
      changed.notify_all();
    }
  }

  std::vector<std::vector<std::byte>> slots;
  std::vector<int64_t> ready; // The strip that a slot holds, packed.
  int64_t next = 0, written = 0;
  bool stopped = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::thread> workers;
};

} // namespace

std::vector<uint64_t> mica::placeWeights(std::span<const PackJob> jobs) {
  std::vector<uint64_t> offsets;
  uint64_t end = 0;
  for (const PackJob &job : jobs) {
    offsets.push_back((end + kWeightAlignment - 1) / kWeightAlignment *
                      kWeightAlignment);
    end = offsets.back() + job.bytes();
  }
  offsets.push_back(end);
  return offsets;
}

Status mica::packWeights(std::span<const PackJob> jobs, ArtifactWriter &writer,
                         int threads, const Progress &progress) {
  uint64_t total = placeWeights(jobs).back(), done = 0;
  StripQueue queue(cutStrips(jobs), std::max(threads, 1));
  for (int64_t i = 0; i < int64_t(queue.strips.size()); ++i) {
    const Strip &strip = queue.strips[i];
    if (strip.part == 0 && strip.first == 0)
      if (auto place = writer.align(kWeightAlignment); !place)
        return place.takeError();
    const std::byte *bytes = queue.take(i);
    if (Status status = writer.write(bytes, strip.bytes()); !status)
      return status;
    queue.release(i);
    done += strip.bytes();
    if (progress)
      progress(done, total);
  }
  return {};
}
