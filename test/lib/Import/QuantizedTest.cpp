//===- QuantizedTest.cpp - Matrices of quantized directories --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Format/Meaning.h"
#include "test/lib/Import/QuantizedFiles.h"
#include "test/lib/Import/TinyModels.h"

using namespace mica;
using namespace mica::test;

namespace {

/// Expects "m.weight" to be of that format and to have these numbers, read and,
/// if there are blocks, taken apart.
void check(Directory directory, std::string_view format, int64_t rows,
           int64_t columns, const Number &number) {
  Expected<Checkpoint> checkpoint = directory.open();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const TensorView *view = checkpoint->find("m.weight");
  ASSERT_TRUE(view && view->matrix);
  EXPECT_EQ(view->format->name, format);
  ASSERT_EQ(view->shape, (std::vector<int64_t>{rows, columns}));
  EXPECT_EQ(view->file, "d/m.st");
  EXPECT_FALSE(view->isPart);
  for (const auto &[name, tensor] : directory.tensors)
    if (name != "m.weight")
      EXPECT_EQ(checkpoint->find(name)->isPart, name != "other.weight") << name;

  const Format &f = *view->format;
  int64_t groups = columns / f.blockElements;
  std::vector<float> row(columns), scales(groups);
  std::vector<uint8_t> codes(columns);
  std::vector<int8_t> zeros(groups);
  StoredMatrix::Window window;
  for (int64_t n = 0; n < rows; ++n) {
    view->matrix->read(n, row.data(), window);
    for (int64_t k = 0; k < columns; ++k)
      ASSERT_EQ(row[k], number(n, k)) << "row " << n << " column " << k;
    if (!f.isBlocks())
      continue;
    view->matrix->split(
        n, {codes.data(), scales.data(), nullptr, nullptr, zeros.data()},
        window);
    for (int64_t k = 0; k < columns; ++k) {
      double code = meaningOf(f, codes[k]);
      int64_t g = k / f.blockElements;
      ASSERT_EQ(scales[g] * (code - (f.zeros ? zeros[g] : 0)), number(n, k))
          << "row " << n << " column " << k << " taken apart";
    }
  }
}

//===----------------------------------------------------------------------===//
// GPTQ and AWQ
//===----------------------------------------------------------------------===//

Number valueOf(const Number &zero) {
  return [=](int64_t n, int64_t k) {
    return double(1 + k / 4) * half(n) * (code(n, k) - zero(n, k / 4));
  };
}

TEST(Quantized, gptq_zero_points) {
  Number zero = [](int64_t n, int64_t g) { return double(1 + n + 2 * g); };
  check(gptq(zero), "w4g4z", 8, 8, valueOf(zero));
  check(gptq(zero, 2), "w4g4z", 8, 8, valueOf(zero));
}

// In the first version a zero point may be 16.
TEST(Quantized, gptq_largest_zero_point) {
  Number zero = [](int64_t, int64_t) { return 16.0; };
  check(gptq(zero), "w4g4z", 8, 8, valueOf(zero));
}

TEST(Quantized, gptq_symmetric_has_no_zero_points) {
  Number zero = [](int64_t, int64_t) { return 8.0; };
  check(gptq(zero), "w4g4", 8, 8, valueOf(zero));
  check(gptq(zero, 2), "w4g4", 8, 8, valueOf(zero));
}

// Whichever version the settings name.
TEST(Quantized, gptq_symmetric_by_zero_points) {
  Number zero = [](int64_t, int64_t) { return 8.0; };
  for (int stored : {1, 2})
    for (const char *named : {"gptq", "gptq_v2"}) {
      Directory d = gptq(zero, stored);
      d.settings["sym"] = true;
      d.settings["checkpoint_format"] = named;
      check(d, "w4g4", 8, 8, valueOf(zero));
    }
  Directory d = gptq(zero, 2);
  d.settings["checkpoint_format"] = "gptq";
  check(d, "w4g4z", 8, 8, valueOf([](int64_t, int64_t) { return 9.0; }));
}

TEST(Quantized, gptq_order_of_columns) {
  Number zero = [](int64_t n, int64_t g) { return double(1 + n + g); };
  Directory d = gptq(zero);
  auto order = [](const std::vector<int> &groups) {
    Stored tensor = stored<int32_t>(
        "I32", 1, 8, [&](int64_t, int64_t k) { return groups[k]; });
    tensor.shape = {8};
    return tensor;
  };
  d.tensors["m.g_idx"] = order({0, 0, 0, 0, 1, 1, 1, 1});
  check(d, "w4g4z", 8, 8, valueOf(zero));
  std::vector<int> mixed = {1, 0, 0, 1, 1, 0, 1, 0};
  d.tensors["m.g_idx"] = order(mixed);
  auto value = [&](const std::vector<int> &groups, int64_t n, int64_t k) {
    int g = groups[k];
    return double(1 + g) * half(n) * (code(n, k) - zero(n, g));
  };
  // Columns of a group side by side, as a tensor beside the matrix says.
  std::vector<int> sorted = {1, 2, 5, 7, 0, 3, 4, 6};
  check(d, "w4g4z", 8, 8,
        [&](int64_t n, int64_t k) { return value(mixed, n, sorted[k]); });
  Expected<Checkpoint> checkpoint = d.open();
  ASSERT_TRUE(checkpoint);
  const TensorView *matrix = checkpoint->find("m.weight");
  ASSERT_EQ(matrix->columnOrder, "m.weight.order");
  std::vector<float> columns(8);
  decodeRow(*checkpoint->find(matrix->columnOrder)->format,
            checkpoint->find(matrix->columnOrder)->data.data(), 8,
            columns.data());
  EXPECT_EQ(columns, std::vector<float>(sorted.begin(), sorted.end()));
  // Groups of different sizes are floats.
  std::vector<int> uneven = {1, 0, 0, 1, 1, 1, 1, 0};
  d.tensors["m.g_idx"] = order(uneven);
  check(d, "uneven-groups", 8, 8,
        [&](int64_t n, int64_t k) { return value(uneven, n, k); });
  d.tensors["m.g_idx"] = order({0, 0, 0, 0, 2, 1, 1, 1});
  EXPECT_EQ(d.error(), "d/m.st: tensor 'm.g_idx' has group 2 for column 4, "
                       "expected one of 2");
  d.tensors["m.g_idx"] = order({0, 0, -1, 0, 1, 1, 1, 1});
  EXPECT_EQ(d.error(), "d/m.st: tensor 'm.g_idx' has group -1 for column 2, "
                       "expected one of 2");
}

// Of 8 bits, zero points are kept less 128; what a byte cannot hold after that
// is read as floats.
TEST(Quantized, gptq_8_bits) {
  for (double zero : {1.0, 128.0, 200.0, 256.0}) {
    Directory d{{{"quant_method", "gptq"}, {"bits", 8}, {"group_size", -1}}};
    Number wide = [](int64_t n, int64_t k) { return double(30 * n + k); };
    d.tensors["m.qweight"] = turned(packed(8, 8, 8, wide));
    d.tensors["m.qzeros"] =
        packed(1, 8, 8, [&](int64_t, int64_t) { return zero - 1; });
    d.tensors["m.scales"] =
        floats(1, 8, [](int64_t, int64_t n) { return half(n); });
    check(d,
          zero == 128   ? "w8g8-f32"
          : zero == 256 ? "ungrouped"
                        : "w8g8z-f32",
          8, 8,
          [&](int64_t n, int64_t k) { return half(n) * (wide(n, k) - zero); });
  }
}

TEST(Quantized, awq) {
  Number zero = [](int64_t n, int64_t g) { return double(2 * n + g); };
  check(awq(zero), "w4g4z", 8, 8, valueOf(zero));
}

// Groups of more than 128 columns come as groups of 128 with equal scales.
TEST(Quantized, large_groups) {
  Directory d{{{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 256}}};
  d.tensors["m.qweight"] = turned(packed(8, 256, 4, code));
  d.tensors["m.qzeros"] =
      packed(1, 8, 4, [](int64_t, int64_t n) { return double(n); });
  d.tensors["m.scales"] =
      halves(1, 8, [](int64_t, int64_t n) { return half(n); });
  check(d, "w4g128z", 8, 256, [](int64_t n, int64_t k) {
    return half(n) * (code(n, k) - double(n + 1));
  });
}

//===----------------------------------------------------------------------===//
// compressed-tensors
//===----------------------------------------------------------------------===//

TEST(Quantized, packed_groups) {
  Directory d = packedGroups();
  auto value = [](const Number &zero) {
    return [=](int64_t n, int64_t k) {
      return double(1 + k / 4) * half(n) * (code(n, k) - zero(n, k / 4));
    };
  };
  check(d, "w4g4", 8, 12, value([](int64_t, int64_t) { return 8.0; }));
  // Along the rows, or as signed bytes.
  Number zero = [](int64_t n, int64_t g) { return double(2 * n - g + 1); };
  auto byGroup = [&](int64_t g, int64_t n) {
    return n || g < 2 ? zero(n, g) : 0;
  };
  Number read = [&](int64_t n, int64_t g) { return byGroup(g, n); };
  d.tensors["m.weight_zero_point"] = turned(packed(3, 8, 4, byGroup));
  check(d, "w4g4z", 8, 12, value(read));
  d.tensors["m.weight_zero_point"] = stored<int8_t>(
      "I8", 8, 3, [&](int64_t n, int64_t g) { return read(n, g) - 8; });
  check(d, "w4g4z", 8, 12, value(read));
}

TEST(Quantized, packed_rows_of_5_bits) {
  Directory d = compressed("pack-quantized", {{"num_bits", 5}});
  // 32 codes in 5 words: code k of row n is (n + k) % 32.
  Bytes bytes;
  for (int n = 0; n < 2; ++n)
    for (int w = 0; w < 5; ++w) {
      uint32_t word = 0;
      for (int b = 0; b < 32; ++b) {
        int bit = 32 * w + b;
        word |= uint32_t((n + bit / 5) % 32 >> bit % 5 & 1) << b;
      }
      bytes.put(word);
    }
  d.tensors["m.weight_packed"] = {"I32", {2, 5}, bytes.text};
  d.tensors["m.weight_shape"] = shapeOf(2, 32);
  d.tensors["m.weight_scale"] =
      floats(2, 1, [](int64_t n, int64_t) { return half(n); });
  check(d, "w5g32-f32", 2, 32, [](int64_t n, int64_t k) {
    return half(n) * double((n + k) % 32 - 16);
  });
}

TEST(Quantized, bytes_of_integers) {
  Directory d = signedBytes();
  check(d, "w8g8-f32", 4, 8,
        [](int64_t n, int64_t k) { return half(n) * signedCode(n, k); });
  d.tensors["m.weight_zero_point"] = stored<int8_t>(
      "I8", 4, 1, [](int64_t n, int64_t) { return double(5 * n - 9); });
  check(d, "w8g8z-f32", 4, 8, [](int64_t n, int64_t k) {
    return half(n) * (signedCode(n, k) - double(5 * n - 9));
  });
  // No groups fit 7 columns.
  d = compressed("int-quantized", {{"num_bits", 8}});
  d.tensors["m.weight"] = stored<int8_t>("I8", 4, 7, signedCode);
  d.tensors["m.weight_scale"] = {"F32", {1}, Bytes().put(0.5f).text};
  check(d, "ungrouped", 4, 7,
        [](int64_t n, int64_t k) { return 0.5 * signedCode(n, k); });
}

TEST(Quantized, bytes_of_floats) {
  check(floatBytes(), "e4m3g8-f32", 4, 8,
        [](int64_t n, int64_t k) { return half(n) * e4m3((n + k) % 32); });
}

//===----------------------------------------------------------------------===//
// The others
//===----------------------------------------------------------------------===//

// Blocks of 2 x 4, of which 3 rows and 12 columns fill 2 x 3.
TEST(Quantized, fp8_blocks) {
  check(fp8(), "e4m3g4-f32", 3, 12, [](int64_t n, int64_t k) {
    return double(1 + k / 4) * half(n / 2) * e4m3((n + k) % 32);
  });
}

// Without a word in config.json scales still count.
TEST(Quantized, fp8_without_settings) {
  Directory d = fp8();
  d.settings = nullptr;
  d.tensors.erase("m.weight_scale_inv");
  d.tensors["m.weight_scale"] = floats(1, 1, [](auto, auto) { return 0.5; });
  d.tensors["m.weight_scale"].shape = {};
  check(d, "e4m3g12-f32", 3, 12,
        [](int64_t n, int64_t k) { return 0.5 * e4m3((n + k) % 32); });
  d.tensors["m.weight_scale"] = floats(2, 3, [](auto, auto) { return 0.5; });
  EXPECT_EQ(d.error(), "d/m.st: tensor 'm.weight_scale' has shape "
                       "[2, 3], expected [1, 1]");
  d.tensors.erase("m.weight_scale");
  Expected<Checkpoint> plain = d.open();
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->find("m.weight")->format->name, "F8_E4M3");
  EXPECT_FALSE(plain->find("m.weight")->matrix);
}

// A group of which a code is no number has such a scale: kernels look at scales
// alone.
TEST(Quantized, fp8_without_a_number) {
  Directory d = fp8();
  d.tensors["m.weight"] =
      stored<uint8_t>("F8_E4M3", 3, 12, [](int64_t n, int64_t k) {
        return double(n == 1 && k == 5 ? 0xff : 0x7e);
      });
  Expected<Checkpoint> checkpoint = d.open();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  StoredMatrix::Window window;
  for (int64_t n = 0; n < 3; ++n) {
    uint8_t codes[12];
    float scales[3];
    checkpoint->find("m.weight")->matrix->split(n, {codes, scales}, window);
    for (int64_t g = 0; g < 3; ++g)
      EXPECT_EQ(std::isnan(scales[g]), n == 1 && g == 1) << n << ", " << g;
  }
}

TEST(Quantized, mxfp4) {
  Number value = [](int64_t n, int64_t k) {
    const double values[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
    int64_t e2m1 = (n + k) % 16;
    return std::ldexp(e2m1 < 8 ? values[e2m1] : -values[e2m1 - 8],
                      int(n - 2 * (k / 32)));
  };
  check(mxfp4(), "MXFP4", 2, 64, value);
  check(packedMxfp4(), "MXFP4", 2, 64, value);
}

TEST(Quantized, nf4_blocks_over_the_ends_of_rows) {
  check(nf4(false), "ungrouped", 2, 6, [](int64_t n, int64_t k) {
    int64_t i = 6 * n + k;
    return half(i / 4) * nf4Values()[i];
  });
}

TEST(Quantized, nf4_scales_of_scales) {
  check(nf4(true), "ungrouped", 2, 6, [](int64_t n, int64_t k) {
    int64_t i = 6 * n + k, b = i / 4;
    float scale = float(b) / 4 * (b < 2 ? 2.0f : 3.0f) + 0.5f;
    return scale * nf4Values()[i];
  });
}

TEST(Quantized, nf4_whole_blocks) {
  Directory d = nf4(false);
  Json state = {{"quant_type", "nf4"}, {"blocksize", 4}, {"shape", {3, 4}}};
  d.tensors["m.weight.quant_state.bitsandbytes__nf4"] = text(state.dump());
  check(d, "nf4g4-f32", 3, 4,
        [](int64_t n, int64_t k) { return half(n) * nf4Values()[4 * n + k]; });
}

//===----------------------------------------------------------------------===//
// Whole models
//===----------------------------------------------------------------------===//

// A model with some linear layers quantized: no tensor is left over, and the
// others are as they were.
TEST(Quantized, model) {
  TinyDirectory d = tinyLlama();
  Directory all{{{"quant_method", "compressed-tensors"},
                 {"format", "int-quantized"},
                 {"config_groups", Json::object()}}};
  d.forEach([&](const std::string &name, const std::vector<int64_t> &shape) {
    int64_t rows = shape[0], columns = shape.size() > 1 ? shape[1] : 1;
    bool quantized = name.find("_proj") != std::string::npos &&
                     name.find("layers.1.mlp.up") == std::string::npos;
    all.tensors[name] = quantized ? stored<int8_t>("I8", rows, columns, code)
                                  : floats(rows, columns, code);
    all.tensors[name].shape = shape;
    if (quantized)
      all.tensors[name + "_scale"] = {"F32", {1}, Bytes().put(1.0f).text};
  });
  d.config["quantization_config"] = all.settings;
  ASSERT_TRUE(all.open());
  all.config = d.config.dump();
  Expected<Checkpoint> checkpoint = all.parse();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  Expected<ModelDescription> model = describeModel(*checkpoint);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->warnings, std::vector<std::string>());
  auto formatOf = [&](const std::string &name) {
    return checkpoint->find("model.layers." + name + "_proj.weight")
        ->format->name;
  };
  EXPECT_EQ(formatOf("0.mlp.up"), "w8g8-f32");
  EXPECT_EQ(formatOf("1.mlp.up"), "F32");
}

} // namespace
