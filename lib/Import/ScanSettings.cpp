//===- ScanSettings.cpp - What files say of selective scans ---------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"
#include "lib/Import/Json.h"

#include <algorithm>

using namespace mica;

/// The least and the most that a step of time may be: a list of two, of which
/// the second may be infinite (a null, or an object that says so).
static void readTimeLimit(Hyperparameters &in, ScanSwitches &scan) {
  const nlohmann::json &limit = in.json("time_step_limit");
  if (limit.is_null())
    return;
  bool valid = limit.is_array() && limit.size() == 2 && limit[0].is_number() &&
               limit[0] >= 0;
  if (valid && limit[1].is_number()) {
    scan.mostTime = limit[1].get<double>();
    valid = limit[1] >= limit[0] && scan.mostTime > 0;
  }
  if (valid)
    scan.leastTime = limit[0].get<double>();
  else
    in.fail("time_step_limit is " + shownJson(limit) +
            ", expected two numbers, the first at least 0 and at most the "
            "second");
}

/// In GGUF the columns of all heads are given, else those of one.
void mica::readScan(Hyperparameters &in, ModelDescription &model,
                    const ScanKeys &keys) {
  ScanSwitches &scan = model.scan;
  auto size = [&in](Hyperparameters::Key key, int64_t fallback) {
    constexpr int64_t most = 1 << 16;
    int64_t value = in.isGGUF() ? in.size(key) : in.size(key, fallback);
    if (value > most)
      in.fail(std::string(in.isGGUF() ? key.gguf : key.config) + " is " +
              std::to_string(value) + ", expected at most " +
              std::to_string(most));
    return std::min(value, most);
  };
  // Those of one head, unless they are left to `expand`.
  auto width = double(in.isGGUF() ? 1 : in.size({"", keys.expand}, 2)) *
               double(model.width);
  scan.heads = size({"ssm.time_step_rank", keys.heads}, 128);
  bool isAuto = in.json(keys.headSize) == "auto";
  scan.headSize =
      isAuto ? std::clamp<int64_t>(int64_t(width) / scan.heads, 1, 1 << 16)
             : size({"ssm.inner_size", keys.headSize}, keys.defaultHeadSize);
  scan.groups = size({"ssm.group_count", keys.groups}, keys.defaultGroups);
  scan.state = size({"ssm.state_size", keys.state}, 128);
  scan.convBias = in.isGGUF()
                      ? in.checkpoint().find("blk.0.ssm_conv1d.bias") != nullptr
                      : in.flag({"", keys.bias}, true);
  scan.rates = in.isGGUF();
  if (scan.heads % scan.groups)
    in.fail(std::to_string(scan.groups) +
            " groups of keys, expected a divisor of the " +
            std::to_string(scan.heads) + " heads");
  if (in.isGGUF() && scan.headSize % scan.heads)
    in.fail(std::to_string(scan.headSize) +
            " columns of a scan, expected a multiple of the " +
            std::to_string(scan.heads) + " heads");
  if (in.isGGUF())
    scan.headSize = std::max<int64_t>(scan.headSize / scan.heads, 1);
  else if (width != double(scan.width()))
    in.fail(std::string(keys.heads) + " * " + std::string(keys.headSize) +
            " is " + std::to_string(scan.width()) + ", expected " +
            std::string(keys.expand) + " * hidden_size, " +
            std::to_string(int64_t(width)));
  model.convTaps = in.size({"ssm.conv_kernel", keys.taps}, 4);
  if (model.convTaps < 2 || model.convTaps > 64)
    in.fail("convolutions of " + std::to_string(model.convTaps) +
            " rows, expected 2 to 64");
  readTimeLimit(in, scan);
}
