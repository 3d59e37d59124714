//===- QuantizedErrorsTest.cpp - Quantized directories that are wrong -----===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/Damage.h"
#include "test/lib/Import/QuantizedFiles.h"

using namespace mica;
using namespace mica::test;

namespace {

std::string errorWith(Directory d, const Json &settings) {
  d.settings.update(settings);
  return d.error();
}

Directory plainGPTQ() {
  return gptq([](int64_t, int64_t) { return 8.0; });
}

TEST(Quantized, wrong_settings) {
  std::string config = "d/config.json: quantization_config";
  Directory d = plainGPTQ();
  EXPECT_EQ(errorWith(d, {{"quant_method", 1}}),
            config + ": quant_method is 1, expected gptq, awq, "
                     "compressed-tensors, fp8, bitsandbytes or mxfp4");
  EXPECT_EQ(errorWith(d, {{"quant_method", nullptr}}),
            config + ": quant_method is missing, expected gptq, awq, "
                     "compressed-tensors, fp8, bitsandbytes or mxfp4");
  EXPECT_EQ(errorWith(d, {{"bits", "4"}}),
            config + ": bits is '4', expected an integer from 2 to 8");
  EXPECT_EQ(errorWith(d, {{"bits", 1u << 31}}),
            config + ": bits is 2147483648, expected an integer from 2 to 8");
  EXPECT_EQ(errorWith(d, {{"bits", 6}}),
            config + ": bits is 6, expected 2, 3, 4 or 8");
  EXPECT_EQ(errorWith(d, {{"group_size", 0}}),
            config +
                ": group_size is 0, expected -1 or the columns of a group");
  EXPECT_EQ(errorWith(d, {{"is_marlin_format", true}}),
            config + ": is_marlin_format is true, expected false");
  EXPECT_EQ(errorWith(d, {{"is_marlin_format", 1}}),
            config + ": is_marlin_format is 1, expected true or false");
  EXPECT_EQ(errorWith(d, {{"pack_dtype", "int16"}}),
            config + ": pack_dtype is 'int16', expected int32");
  d.settings = 7;
  EXPECT_EQ(d.error(), config + " is 7, expected an object");

  d = {{{"quant_method", "awq"}}};
  EXPECT_EQ(errorWith(d, {{"bits", 3}}),
            config + ": bits is 3, expected an integer from 4 to 4");
  EXPECT_EQ(errorWith(d, {{"bits", 4}, {"backend", "llm-awq"}}),
            config + ": backend is 'llm-awq', expected autoawq");
  d = {{{"quant_method", "fp8"}}};
  for (Json size : {Json(128), Json({128}), Json({0, 1}), Json({1, "1"})})
    EXPECT_EQ(errorWith(d, {{"weight_block_size", size}})
                  .substr(config.size() + 2, 20),
              "weight_block_size is");
  d = {{{"quant_method", "bitsandbytes"}}};
  EXPECT_EQ(errorWith(d, {{"load_in_8bit", true}}),
            config + ": load_in_8bit is true, expected false");
  d = compressed("pack-quantized", {{"num_bits", 9}});
  EXPECT_EQ(d.error(), config +
                           ": config_groups: group_0: weights: num_bits is "
                           "9, expected an integer from 2 to 8");
  d = compressed("pack-quantized", 4);
  EXPECT_EQ(d.error(), config + ": config_groups: group_0: weights is 4, "
                                "expected an object");
  d = compressed("pack-quantized", {{"num_bits", 4}});
  EXPECT_EQ(errorWith(d, {{"config_groups", Json::array()}}),
            config + ": config_groups is an array, expected an object");
  EXPECT_EQ(errorWith(d, {{"sparsity_config", {{"format", "sparse-bitmask"}}}}),
            config + ": sparsity_config: format is 'sparse-bitmask', expected "
                     "dense");
  EXPECT_EQ(errorWith(d, {{"transform_config", {{"a", 1}}}}),
            config + ": transform_config is an object, expected none");
}

TEST(Quantized, wrong_tensors) {
  std::string m = "d/m.st: tensor 'm.";
  Directory d = plainGPTQ();
  d.tensors.erase("m.scales");
  EXPECT_EQ(d.error(), "d: tensor 'm.scales' missing, expected for quantized "
                       "'m'");
  d = plainGPTQ();
  d.tensors["m.qzeros"].dtype = "F32";
  EXPECT_EQ(d.error(), m + "qzeros' is F32, expected I32");
  d = plainGPTQ();
  d.tensors["m.qweight"].shape = {8};
  EXPECT_EQ(d.error(), m + "qweight' has shape [8], expected [*, *]");
  d = plainGPTQ();
  d.tensors["m.qweight"] = {"I32", {0, 8}, ""};
  EXPECT_EQ(d.error(), m + "qweight' has shape [0, 8], expected [*, *]");
  d = plainGPTQ();
  d.tensors["m.scales"].shape = {8, 2};
  EXPECT_EQ(d.error(), m + "scales' has shape [8, 2], expected [2, 8]");
  d = plainGPTQ();
  d.tensors["m.scales"].dtype = "I16";
  EXPECT_EQ(d.error(), m + "scales' is I16, expected F16, BF16 or F32");
  d = plainGPTQ();
  d.tensors["m.weight"] = floats(8, 8, code);
  EXPECT_EQ(d.error(), m + "weight' found beside 'm.qweight', expected one of "
                           "them");
  EXPECT_EQ(errorWith(plainGPTQ(), {{"bits", 3}}),
            m + "qweight' has 1 rows, expected whole columns of 3 bits");

  d = compressed("pack-quantized", {{"num_bits", 8}});
  d.tensors["m.weight_packed"] = packed(8, 12, 4, code);
  d.tensors["m.weight_shape"] = shapeOf(8, 12);
  EXPECT_EQ(d.error(),
            m + "weight_packed' has 2 columns, expected the num_bits "
                "of one of the config_groups for each of 12");
  for (auto [rows, columns] : {std::pair<int64_t, int64_t>{7, 12},
                               {8, 0},
                               {8, -12},
                               {8, int64_t(1) << 62}}) {
    d.tensors["m.weight_shape"] = shapeOf(rows, columns);
    EXPECT_EQ(d.error(), m + "weight_shape' says " + std::to_string(rows) +
                             " rows of " + std::to_string(columns) +
                             ", expected 8 rows of what 'weight_packed' has "
                             "words for");
  }
  d = compressed("int-quantized", {{"num_bits", 8}});
  d.tensors["m.weight"] = stored<int8_t>("I8", 4, 8, code);
  EXPECT_EQ(d.error(), "d: tensor 'm.weight_scale' missing, expected for "
                       "quantized 'm'");
  d.tensors["m.weight_scale"] = floats(4, 1, code);
  d.tensors["m.weight_zero_point"] = {"I8", {1}, "x"};
  EXPECT_EQ(d.error(), m + "weight_zero_point' has shape [1], expected [4]");

  // Numbers by themselves elsewhere, but scales stand beside them here.
  d = fp8();
  d.tensors["m.weight"].dtype = "F8_E5M2";
  EXPECT_EQ(d.error(), m + "weight' is F8_E5M2, expected F8_E4M3");
  d = floatBytes();
  d.tensors["m.weight"].dtype = "F8_E5M2";
  EXPECT_EQ(d.error(), m + "weight' is F8_E5M2, expected I8 or F8_E4M3");

  d = nf4(false);
  d.tensors["m.weight"].shape = {1, 6};
  EXPECT_EQ(d.error(), m + "weight' has shape [1, 6], expected [6, 1]");
  d = nf4(true);
  d.tensors["m.weight.nested_absmax"] = {"F32", {1}, Bytes().put(2.0f).text};
  EXPECT_EQ(d.error(), m + "weight.nested_absmax' has shape [1], expected [2]");
  d = nf4(false);
  Stored map = floats(1, 16, code);
  map.shape = {16};
  d.tensors["m.weight.quant_map"] = map;
  EXPECT_EQ(d.error(),
            m + "weight.quant_map' is another codebook, expected NF4's");
  std::string state = m + "weight.quant_state.bitsandbytes__nf4' ";
  d.tensors["m.weight.quant_state.bitsandbytes__nf4"] = text("[]");
  EXPECT_EQ(d.error(), state + "is no JSON object, expected one");
  d.tensors["m.weight.quant_state.bitsandbytes__nf4"] =
      text(R"({"blocksize": 0})");
  EXPECT_EQ(d.error(), state +
                           "says blocksize is 0, expected an integer from 1 "
                           "to 2147483647");
  d.tensors["m.weight.quant_state.bitsandbytes__nf4"] =
      text(R"({"blocksize": 64, "shape": [4294967296, 4294967296]})");
  EXPECT_EQ(d.error(), state + "says shape is an array, expected rows and "
                               "columns");
}

//===----------------------------------------------------------------------===//
// Every method
//===----------------------------------------------------------------------===//

/// One directory for each way in which a method stores a matrix.
std::vector<Directory> everyMethod() {
  Directory ordered = plainGPTQ(), packedZeros = packedGroups();
  ordered.settings["desc_act"] = true;
  ordered.tensors["m.g_idx"] = stored<int32_t>(
      "I32", 1, 8, [](int64_t, int64_t k) { return double(k % 2); });
  ordered.tensors["m.g_idx"].shape = {8};
  packedZeros.tensors["m.weight_zero_point"] =
      stored<int8_t>("I8", 8, 3, [](int64_t n, int64_t) { return n - 4; });
  return {plainGPTQ(), ordered,       awq(code),    packedGroups(),
          packedZeros, signedBytes(), floatBytes(), fp8(),
          mxfp4(),     packedMxfp4(), nf4(false),   nf4(true)};
}

/// Reads the matrix "m.weight" and takes it apart, if it is there.
void readAll(const Checkpoint &checkpoint) {
  const TensorView *view = checkpoint.find("m.weight");
  if (!view || !view->matrix)
    return;
  StoredMatrix::Window window;
  int64_t columns = view->columns();
  std::vector<float> row(columns), scales(columns);
  std::vector<uint8_t> codes(columns);
  std::vector<int8_t> zeros(columns);
  for (int64_t n = 0; n < view->shape[0]; ++n) {
    view->matrix->read(n, row.data(), window);
    if (view->format->isBlocks())
      view->matrix->split(
          n, {codes.data(), scales.data(), nullptr, nullptr, zeros.data()},
          window);
  }
}

// Whatever bit of settings and of the file is wrong, the answer is one line or
// matrices that can be read.
TEST(Quantized, damaged) {
  for (Directory d : everyMethod()) {
    ASSERT_TRUE(d.open());
    for (std::string *text : {&d.config, &d.file})
      for (size_t i = 0; i < text->size() * 8; ++i) {
        (*text)[i / 8] ^= 1 << i % 8;
        Expected<Checkpoint> checkpoint = d.parse();
        if (checkpoint)
          readAll(*checkpoint);
        else
          EXPECT_EQ(checkpoint.error().message.find('\n'), std::string::npos);
        (*text)[i / 8] ^= 1 << i % 8;
      }
  }
}

// Settings that say something else.
TEST(Quantized, damaged_settings) {
  std::mt19937 random(1);
  for (Directory d : everyMethod()) {
    ASSERT_TRUE(d.open());
    auto whole = nlohmann::ordered_json::parse(d.config);
    for (int i = 0; i < kDamaged; ++i) {
      d.config = damagedJson(whole, random);
      Expected<Checkpoint> checkpoint = d.parse();
      if (checkpoint)
        readAll(*checkpoint);
      else
        EXPECT_EQ(checkpoint.error().message.find('\n'), std::string::npos);
    }
  }
}

TEST(Quantized, truncated_anywhere) {
  for (Directory d : everyMethod()) {
    ASSERT_TRUE(d.open());
    std::string whole = d.file;
    for (size_t size = 0; size < whole.size(); ++size) {
      d.file = whole.substr(0, size);
      Expected<Checkpoint> checkpoint = d.parse();
      ASSERT_FALSE(checkpoint) << d.settings << " " << size;
      EXPECT_EQ(checkpoint.error().message.find("d/m.st: "), 0u);
      EXPECT_EQ(checkpoint.error().message.find('\n'), std::string::npos);
    }
  }
}

// Settings that speak of tensors which are not there.
TEST(Quantized, missing_tensors) {
  auto missing = [](const char *name) {
    return "d: tensor 'm." + std::string(name) +
           "' missing, expected for quantized 'm'";
  };
  EXPECT_EQ(errorWith(plainGPTQ(), {{"desc_act", true}}), missing("g_idx"));
  EXPECT_EQ(errorWith(plainGPTQ(), {{"desc_act", 1}}),
            "d/config.json: quantization_config: desc_act is 1, expected true "
            "or false");
  auto with = [](Directory d, const Json &more) {
    d.settings["config_groups"]["group_0"]["weights"].update(more);
    return d;
  };
  Json asymmetric = {{"symmetric", false}};
  EXPECT_EQ(with(packedGroups(), asymmetric).error(),
            missing("weight_zero_point"));
  EXPECT_EQ(with(signedBytes(), asymmetric).error(),
            missing("weight_zero_point"));
  for (Json order : {Json("group"), Json("dynamic"), Json(true)})
    EXPECT_EQ(with(packedGroups(), {{"actorder", order}}).error(),
              missing("weight_g_idx"));
  for (Json order : {Json("weight"), Json("static"), Json(false), Json()})
    EXPECT_TRUE(with(packedGroups(), {{"actorder", order}}).open());
  // Of two schemes that fit, one has no zero points.
  Directory d = with(packedGroups(), asymmetric);
  d.settings["config_groups"]["group_1"] =
      packedGroups().settings["config_groups"]["group_0"];
  EXPECT_TRUE(d.open());
}

// Each tensor in turn has one row, or column of its last dimension, less.
TEST(Quantized, too_small_tensors) {
  for (const Directory &whole : everyMethod())
    for (const auto &[name, tensor] : whole.tensors)
      for (bool last : {false, true}) {
        Directory d = whole;
        Stored &small = d.tensors[name];
        int64_t &size = last ? small.shape.back() : small.shape.front();
        if (name[0] != 'm' || small.shape.empty() || size < 2)
          continue;
        small.bytes.resize(small.bytes.size() / size * (size - 1));
        --size;
        Expected<Checkpoint> checkpoint = d.open();
        if (checkpoint)
          readAll(*checkpoint);
        else
          EXPECT_EQ(checkpoint.error().message.find("d/m.st: tensor 'm."), 0u)
              << checkpoint.error().message;
      }
}

} // namespace
