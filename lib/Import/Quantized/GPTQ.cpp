//===- GPTQ.cpp - GPTQ and AWQ --------------------------------------------===//
//
// With K input and N output columns, b bits and G = ceil(K / group_size)
// groups, both have qweight, qzeros and scales [G, N], which are packed in
// words of 32 bits:
//
//   GPTQ  qweight [K b / 32, N], along K     qzeros [G, N b / 32]
//   AWQ   qweight [K, N / 8], along N        qzeros [G, N / 8]
//
// A word of AWQ holds its eight columns in the order 0 2 4 6 1 3 5 7. Of GPTQ's
// first version, every zero point is stored less 1. Some writers of the second
// name the first; symmetric ones are told by their zero points. `g_idx` [K] is
// there where columns were quantized in an order of their own.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Quantized/Method.h"

using namespace mica;

static constexpr int64_t most = INT32_MAX;

/// Where AWQ puts the eight columns of a word.
static constexpr uint8_t awqPlaces[] = {0, 4, 1, 5, 2, 6, 3, 7};

/// The columns of a group; all for -1.
static int64_t groupColumns(int64_t size, int64_t columns) {
  return size < 0 ? columns : size;
}

static int64_t readGroupSize(Settings &settings) {
  int64_t size = settings.integer("group_size", -1, most, 128);
  if (size == 0)
    settings.fail("group_size", "-1 or the columns of a group");
  return size ? size : 1;
}

/// Zero points [groups, n], packed along n.
static PackedCodes zeroPoints(std::span<const std::byte> data, int64_t n,
                              int64_t groups, int bits) {
  PackedCodes zeros = codesInRows(data, groups, n, bits, 4);
  std::swap(zeros.rows, zeros.columns);
  zeros.across = true;
  return zeros;
}

/// Scales and zero points of groups, whose `parts.codes` is set.
static void readGroups(Module &module, StoredMatrix::Parts &parts,
                       int64_t size) {
  const PackedCodes &codes = parts.codes;
  int64_t n = codes.rows;
  parts.groupColumns = groupColumns(size, codes.columns);
  int64_t groups = blocksOf(codes.columns, parts.groupColumns);
  parts.scales = module.scales(".scales", {groups, n});
  parts.scales.rowStep = 1;
  parts.scales.groupStep = n;
  auto &zeros =
      module.need(".qzeros", {"I32"}, {groups, blocksOf(n * codes.bits, 32)});
  parts.zeros = zeroPoints(zeros.data, n, groups, codes.bits);
  parts.zeros->order = codes.order;
}

/// What zero points count more than is stored. Symmetric ones are in the
/// middle.
static int zeroAddOf(const StoredMatrix::Parts &parts, bool symmetric,
                     bool first) {
  std::vector<uint8_t> stored(parts.zeros->columns);
  parts.zeros->read(0, 1, stored.data());
  int middle = 1 << (parts.codes.bits - 1);
  if (symmetric && (stored[0] == middle || stored[0] == middle - 1))
    return middle - stored[0];
  return first ? 1 : 0;
}

void mica::addGPTQ(Settings &settings, QuantizedTensors &tensors) {
  int bits = int(settings.integer("bits", 2, 8));
  if (bits > 4 && bits < 8)
    settings.fail("bits", "2, 3, 4 or 8");
  int64_t size = readGroupSize(settings);
  const char *version = settings.json("checkpoint_format").is_null()
                            ? "format"
                            : "checkpoint_format";
  bool first = settings.choice(version, {"gptq", "gptq_v2"}) == "gptq";
  bool symmetric = settings.flag("sym", false);
  bool ordered = settings.flag("desc_act", false);
  settings.choice("pack_dtype", {"int32"});
  if (settings.flag("is_marlin_format", false))
    settings.fail("is_marlin_format", "false");
  if (settings.failed())
    return;
  for (const std::string &name : tensors.named(".qweight")) {
    Module module(tensors, name);
    auto &words = module.need(".qweight", {"I32"}, {-1, -1});
    int64_t height = words.shape[0], n = words.shape[1];
    if (height * 32 % bits)
      module.fail(".qweight", "has " + std::to_string(height) +
                                  " rows, expected whole columns of " +
                                  std::to_string(bits) + " bits");
    StoredMatrix::Parts parts;
    parts.codes = {.data = words.data,
                   .rows = n,
                   .columns = height * 32 / bits,
                   .bits = bits,
                   .lineStep = 4,
                   .wordStep = 4 * n};
    readGroups(module, parts, size);
    if (!module.failed())
      parts.zeroAdd = zeroAddOf(parts, symmetric, first);
    module.order(".g_idx", ordered, parts);
    module.offer(".weight", std::move(parts));
  }
}

void mica::addAWQ(Settings &settings, QuantizedTensors &tensors) {
  int bits = int(settings.integer("bits", 4, 4, 4));
  int64_t size = readGroupSize(settings);
  settings.choice(settings.json("version").is_null() ? "format" : "version",
                  {"gemm"});
  if (settings.json("backend") == "llm-awq")
    settings.fail("backend", "autoawq");
  if (settings.failed())
    return;
  for (const std::string &name : tensors.named(".qweight")) {
    Module module(tensors, name);
    auto &words = module.need(".qweight", {"I32"}, {-1, -1});
    StoredMatrix::Parts parts;
    parts.codes = {.data = words.data,
                   .rows = words.shape[1] * 8,
                   .columns = words.shape[0],
                   .bits = bits,
                   .across = true,
                   .lineStep = 4 * words.shape[1],
                   .order = awqPlaces};
    readGroups(module, parts, size);
    module.offer(".weight", std::move(parts));
  }
}
