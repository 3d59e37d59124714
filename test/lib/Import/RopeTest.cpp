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

uint32_t fromHex(const nlohmann::json &text) {
  return uint32_t(std::stoul(text.get<std::string>(), nullptr, 16));
}

/// The rope of a tiny Llama with the settings of a line of the golden file.
RopeTable tableOf(const nlohmann::json &line) {
  TinyDirectory d = tinyLlama();
  d.config.update(line["config"]);
  Expected<Checkpoint> checkpoint = d.open();
  EXPECT_TRUE(checkpoint);
  Hyperparameters in(*checkpoint, line["context"]);
  ModelDescription model;
  model.headSize = line["config"]["head_dim"];
  model.maxContext = line["config"]["max_position_embeddings"];
  RopeTable table = ropeTable(readRope(in, model, {}));
  EXPECT_FALSE(in.failed()) << in.status().takeError().message;
  return table;
}

// Equal bits but for powers that PyTorch does not round correctly: those differ
// by one unit in the last place, in at most 2 % of the numbers. Where they
// are multiplied (YaRN, LongRoPE), rounding may make two units of one.
TEST(Rope, as_transformers) {
  std::ifstream file(MICA_TEST_DIR "/rope-golden.txt");
  std::string text;
  int numbers = 0, different = 0;
  while (std::getline(file, text)) {
    nlohmann::json line = nlohmann::json::parse(text);
    RopeTable table = tableOf(line);
    const nlohmann::json &rope = line["config"]["rope_parameters"];
    EXPECT_EQ(std::bit_cast<uint32_t>(table.scale), fromHex(line["scale"]))
        << rope;
    const nlohmann::json &wanted = line["frequencies"];
    ASSERT_EQ(table.inverseFrequencies.size(), wanted.size());
    bool multiplied =
        rope["rope_type"] == "yarn" || rope["rope_type"] == "longrope";
    int most = multiplied ? 2 : 1;
    for (size_t i = 0; i < wanted.size(); ++i, ++numbers) {
      auto found = std::bit_cast<int32_t>(table.inverseFrequencies[i]);
      int32_t off = found - int32_t(fromHex(wanted[i]));
      EXPECT_LE(std::abs(off), most) << rope << " " << i;
      different += off != 0;
    }
  }
  EXPECT_GT(numbers, 900);
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

TEST(Rope, part_of_a_head) {
  TinyDirectory d = tinyLlama();
  for (const auto &[settings, columns] :
       {std::pair<nlohmann::json, size_t>{{{"partial_rotary_factor", 0.5}}, 2},
        {{{"rope_parameters", {{"partial_rotary_factor", 0.75}}}}, 0},
        {{{"partial_rotary_factor", 1}}, 4}}) {
    Expected<ModelDescription> model = llamaWith(settings);
    if (columns)
      EXPECT_EQ(model->ropes[0].inverseFrequencies.size() * 2, columns);
    else
      EXPECT_EQ(model.error().message,
                "d/config.json: rope turns 3 columns of a head, expected an "
                "even number from 2 to 4");
  }
}

/// What `--max-context` of a model for 64 positions says.
std::string contextOf(const nlohmann::json &rope, int64_t context) {
  TinyDirectory d = tinyLlama();
  d.config.update({{"max_position_embeddings", 64}, {"rope_scaling", rope}});
  Expected<Checkpoint> checkpoint = d.open();
  EXPECT_TRUE(checkpoint);
  Expected<ModelDescription> model = describeModel(*checkpoint, context);
  return model ? std::to_string(model->maxContext) : model.error().message;
}

TEST(Rope, context) {
  nlohmann::json dynamic = {{"rope_type", "dynamic"}, {"factor", 3}};
  EXPECT_EQ(contextOf(nullptr, 0), "64");
  EXPECT_EQ(contextOf(nullptr, 40), "40");
  EXPECT_EQ(contextOf(nullptr, 65),
            "d: a context of 65 asked for, expected at most 64");
  EXPECT_EQ(contextOf(dynamic, 0), "64");
  EXPECT_EQ(contextOf(dynamic, 192), "192");
  EXPECT_EQ(contextOf(dynamic, 193),
            "d: a context of 193 asked for, expected at most 192");
}

TEST(Rope, wrong_settings) {
  auto error = [](const nlohmann::json &rope) {
    Expected<ModelDescription> model = llamaWith({{"rope_parameters", rope}});
    return model ? "no error" : model.error().message;
  };
  EXPECT_EQ(error({{"rope_type", "spiral"}}),
            "d/config.json: rope type 'spiral', expected default, linear, "
            "dynamic, yarn, longrope or llama3");
  EXPECT_EQ(error({{"rope_type", "longrope"}, {"short_factor", {1, 2}}}),
            "d/config.json: rope setting long_factor holds 0 positive numbers, "
            "expected one for each of the 2 pairs of columns");
  EXPECT_EQ(error({{"rope_type", "linear"}}),
            "d/config.json: rope setting factor is missing, expected a number");
  EXPECT_EQ(error({{"rope_type", "linear"}, {"factor", -1}}),
            "d/config.json: rope setting factor is no number above 0, expected "
            "one");
  EXPECT_EQ(error({{"rope_theta", "x"}}),
            "d/config.json: rope setting rope_theta is no number above 0, "
            "expected one");
  EXPECT_EQ(error({{"rope_type", "llama3"},
                   {"factor", 8},
                   {"low_freq_factor", 4},
                   {"high_freq_factor", 1}}),
            "d/config.json: rope setting high_freq_factor is 1.000000, "
            "expected more than low_freq_factor");
}

} // namespace
