//===- Recorder.h - The rows that a compiled model computes -----*- C++ -*-===//

#ifndef TOOLS_MICA_DIFF_RECORDER_H
#define TOOLS_MICA_DIFF_RECORDER_H

#include "mica/Model.h"
#include "runtime/Manifest.h"

#include <map>

namespace mica {

/// Rows that one op computed in a step.
struct RecordedRows {
  const OpOutput *output;    ///< of the model's manifest
  int64_t layer;             ///< -1: outside of layers
  std::vector<float> values; ///< [rows][output->columns]

  uint64_t columns() const { return output->columns; }
  uint64_t rows() const { return values.size() / columns(); }
};

/// "layer 3, down, add", for people.
std::string describe(const OpOutput &output, int64_t layer);

/// Copies what the phases of a step leave in memory, while it lives. Ops that
/// are fused with those behind them leave nothing.
class Recorder {
public:
  explicit Recorder(Model &model);
  ~Recorder();
  Recorder(const Recorder &) = delete;

  /// Forgets the steps before.
  void clear();
  /// In the order in which they were computed.
  const std::vector<RecordedRows> &all() const { return recorded; }
  /// Those of an op by its name; null if it left none.
  const RecordedRows *find(int64_t layer, const std::string &op) const;

private:
  void record(const mica_step &step, uint32_t phase);
  int64_t nextLayer(const OpOutput &output);

  Model &model;
  std::map<std::string, std::vector<int64_t>, std::less<>> layersOf;
  std::map<const OpOutput *, size_t> calls;
  std::vector<RecordedRows> recorded;
  std::map<std::pair<int64_t, std::string>, size_t> places;
};

} // namespace mica

#endif // TOOLS_MICA_DIFF_RECORDER_H
