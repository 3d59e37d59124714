//===- RopeTest.cpp - Inverse frequencies ---------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Rope.h"
#include "test/lib/Import/TinyModels.h"

#include <bit>
#include <cmath>

using namespace mica;
using namespace mica::test;

namespace {

// Equal bits but for powers that PyTorch does not round correctly: those differ
// by one unit in the last place, in at most 2 % of the numbers.
TEST(Rope, as_transformers) {
  std::ifstream file(MICA_TEST_DIR "/rope-golden.txt");
  int64_t columns;
  double theta, factor, low, high, context;
  std::string scaling, bits;
  int numbers = 0, different = 0;
  while (file >> columns >> theta >> scaling >> factor >> low >> high >>
         context >> bits) {
    using Scaling = RopeSettings::Scaling;
    RopeSettings rope{theta, Scaling::None, factor, low, high, context};
    if (scaling != "none")
      rope.scaling = scaling == "linear" ? Scaling::Linear : Scaling::Llama3;
    std::vector<float> found = inverseFrequencies(rope, columns);
    ASSERT_EQ(found.size() * 8, bits.size());
    for (size_t i = 0; i < found.size(); ++i, ++numbers) {
      int32_t wanted = std::stoul(bits.substr(8 * i, 8), nullptr, 16);
      int32_t off = std::bit_cast<int32_t>(found[i]) - wanted;
      EXPECT_LE(std::abs(off), 1) << scaling << " " << columns << " " << i;
      different += off != 0;
    }
  }
  EXPECT_GT(numbers, 400);
  EXPECT_LE(different * 50, numbers);
}

/// The description of a tiny Llama with more in its config.json.
Expected<ModelDescription> llamaWith(const nlohmann::json &more) {
  TinyDirectory d = tinyLlama();
  d.config.update(more);
  Expected<Checkpoint> checkpoint = d.open();
  EXPECT_TRUE(checkpoint);
  return describeModel(*checkpoint);
}

float secondFrequency(const nlohmann::json &more) {
  Expected<ModelDescription> model = llamaWith(more);
  EXPECT_TRUE(model) << model.error().message;
  return model ? model->ropes[0].inverseFrequencies[1] : 0;
}

// Heads of 4: the second frequency is theta^-0.5.
TEST(Rope, spellings) {
  EXPECT_FLOAT_EQ(secondFrequency(nlohmann::json::object()), 0.01f);
  EXPECT_FLOAT_EQ(secondFrequency({{"rope_theta", 400}}), 0.05f);
  EXPECT_FLOAT_EQ(
      secondFrequency({{"rope_parameters",
                        {{"rope_type", "default"}, {"rope_theta", 100.0}}}}),
      0.1f);
  EXPECT_FLOAT_EQ(
      secondFrequency({{"rope_theta", 100.0},
                       {"rope_scaling", {{"type", "linear"}, {"factor", 4}}}}),
      0.025f);
  EXPECT_FLOAT_EQ(secondFrequency({{"rope_scaling", nullptr}}), 0.01f);
}

TEST(Rope, wrong_settings) {
  auto error = [](const nlohmann::json &rope) {
    Expected<ModelDescription> model = llamaWith({{"rope_parameters", rope}});
    return model ? "no error" : model.error().message;
  };
  EXPECT_EQ(error({{"rope_type", "yarn"}}),
            "d/config.json: rope type 'yarn', expected default, linear or "
            "llama3");
  EXPECT_EQ(error({{"rope_type", "linear"}}),
            "d/config.json: rope setting factor is missing, expected a number");
  EXPECT_EQ(error({{"rope_type", "linear"}, {"factor", -1}}),
            "d/config.json: rope setting factor is no number above 0, expected "
            "one");
  EXPECT_EQ(error({{"rope_theta", "x"}}),
            "d/config.json: rope setting rope_theta is no number above 0, "
            "expected one");
  EXPECT_EQ(error({{"partial_rotary_factor", 0.5}}),
            "d/config.json: partial_rotary_factor is not 1, expected whole "
            "heads to rotate");
  EXPECT_EQ(error({{"rope_type", "llama3"},
                   {"factor", 8},
                   {"low_freq_factor", 4},
                   {"high_freq_factor", 1}}),
            "d/config.json: rope setting high_freq_factor is 1.000000, "
            "expected more than low_freq_factor");
}

} // namespace
