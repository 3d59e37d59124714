//===- Shape.cpp - A model that is one product ----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-tune/Shape.h"

#include "dialects/Mica/Mica.h"
#include "lib/Artifact/OutputFile.h"
#include "lib/Format/Quantize.h"
#include "lib/Import/ModelWeights.h"
#include "llvm/Support/FormatVariadic.h"

#include <regex>

using namespace mica;

namespace {

constexpr int64_t kMostColumns = int64_t(1) << 20, kMostElements = 1ll << 31;
constexpr int64_t kVocabulary = 16, kMaxContext = 4096;
// Enough layers for weights that no cache holds, each in memory of its own.
constexpr int64_t kWeightBytes = int64_t(512) << 20, kMostLayers = 128;

/// Tensors of the checkpoint, rows by columns, in bf16.
struct Tensor {
  const char *name;
  int64_t rows, columns;

  uint64_t bytes() const { return uint64_t(rows) * columns * 2; }
};

/// Writes `count` pseudo-random bf16 in [0.5, 1), of either sign.
Status writeRandom(OutputFile &file, uint64_t count, uint32_t seed) {
  std::vector<uint16_t> piece(1 << 16);
  for (; count; count -= std::min<uint64_t>(count, piece.size())) {
    for (uint16_t &bits : piece) {
      seed = seed * 1664525 + 1013904223; // Numerical Recipes
      bits = 0x3f00 | (seed >> 31) << 15 | (seed >> 4 & 0x7f);
    }
    uint64_t size = std::min<uint64_t>(count, piece.size()) * 2;
    if (Status status = file.write(piece.data(), size); !status)
      return status;
  }
  return {};
}

Status writeTensors(const std::string &path, llvm::ArrayRef<Tensor> tensors) {
  std::string header;
  uint64_t at = 0;
  for (const Tensor &t : tensors) {
    header += llvm::formatv("{0}\"{1}\":{{\"dtype\":\"BF16\",\"shape\":[{2},{3}"
                            "],\"data_offsets\":[{4},{5}]}",
                            header.empty() ? "{" : ",", t.name, t.rows,
                            t.columns, at, at + t.bytes());
    at += t.bytes();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  uint64_t size = header.size();
  Status status = file->write(&size, sizeof(size));
  if (status)
    status = file->write(header.data(), header.size());
  for (const Tensor &t : tensors)
    if (status)
      status = writeRandom(*file, t.bytes() / 2, t.rows + t.columns);
  return status ? file->commit() : std::move(status);
}

/// The weight's type in IR, and what it takes packed, about.
struct WeightText {
  std::string type;
  int64_t bytes;
};

Expected<WeightText> weightText(const Shape &shape) {
  std::string size = llvm::formatv("{0}x{1}", shape.columns, shape.terms);
  if (shape.isFloat())
    return WeightText{"!mica.weight<" + size + ", bf16>",
                      shape.columns * shape.terms *
                          (shape.format == "f32" ? 4 : 2)};
  const Format *format = findFormat(shape.format);
  if (!format || !format->isBlocks() || !canQuantize(*format))
    return Error{"format '" + shape.format +
                 "', expected f32, bf16, f16 or what compile --quant takes"};
  mlir::MLIRContext context;
  context.loadDialect<MicaDialect>();
  FormatAttr attr = formatAttr(&context, *format);
  if (shape.terms % attr.getElements())
    return Error{std::to_string(shape.terms) +
                 " terms, expected whole blocks "
                 "of " +
                 std::to_string(attr.getElements())};
  std::string type = "!mica.weight<" + size + ", ";
  llvm::raw_string_ostream(type) << attr << ">";
  return WeightText{type, shape.columns * (shape.terms / attr.getElements()) *
                              int64_t(attr.getBytes())};
}

/// {0} the type of the weight, {1} columns, {2} terms, {3} layers by symbol,
/// {4} their number, {5} dtype, {6} vocabulary, {7} context.
constexpr const char *kModule = R"mlir(
module attributes {{mica.checkpoint = ".", mica.dtype = {5}, mica.model = {{
    dtype = "{5}", family = "none", layers = {4} : i64, max_context = {7} : i64,
    name = "{1}x{2}", padded_vocab = {6} : i64, parameters = 0 : i64,
    vocab = {6} : i64}} {{
mica.weight @w : {0} from [#mica.source<file = 0, tensor = "w",
    first = 0, rows = {1}, transposed = false, permuted = 0>]
mica.weight @inputs : !mica.weight<{6}x{2}, bf16> from [#mica.source<file = 0,
    tensor = "inputs", first = 0, rows = {6}, transposed = false, permuted = 0>]
mica.weight @head : !mica.weight<{6}x{1}, bf16> from [#mica.source<file = 0,
    tensor = "head", first = 0, rows = {6}, transposed = false, permuted = 0>]
func.func private @product(%x: tensor<?x{1}xf32>, %in: tensor<?x{2}xf32>,
                           %w: {0}) -> tensor<?x{1}xf32> {{
  %y = mica.linear %in, %w : tensor<?x{2}xf32>, {0} -> tensor<?x{1}xf32>
  %sum = arith.addf %x, %y : tensor<?x{1}xf32>
  return %sum : tensor<?x{1}xf32>
}
func.func @step(%batch: !mica.batch) -> tensor<?x{6}xf32> {{
  %inputs = mica.get_weight @inputs : !mica.weight<{6}x{2}, bf16>
  %head = mica.get_weight @head : !mica.weight<{6}x{1}, bf16>
  %ids = mica.tokens %batch : tensor<?xi32>
  %in = mica.embedding %ids, %inputs
      : tensor<?xi32>, !mica.weight<{6}x{2}, bf16> -> tensor<?x{2}xf32>
  %x = mica.embedding %ids, %head
      : tensor<?xi32>, !mica.weight<{6}x{1}, bf16> -> tensor<?x{1}xf32>
  %y = mica.stack %x, (), (%in) [{3}]
      : tensor<?x{1}xf32>, (), (tensor<?x{2}xf32>) -> tensor<?x{1}xf32>
  %rows = mica.output_rows %y, %batch : tensor<?x{1}xf32> -> tensor<?x{1}xf32>
  %logits = mica.linear %rows, %head : tensor<?x{1}xf32>,
      !mica.weight<{6}x{1}, bf16> -> tensor<?x{6}xf32>
  return %logits : tensor<?x{6}xf32>
}
}
)mlir";

Status writeText(const std::string &path, const std::string &text) {
  return writeFile(path, text.data(), text.size());
}

} // namespace

std::optional<Shape> mica::parseShape(const std::string &text) {
  static const std::regex pattern("([0-9]{1,9})x([0-9]{1,9}):([a-z0-9_]+)");
  std::smatch parts;
  if (!std::regex_match(text, parts, pattern))
    return std::nullopt;
  return Shape{std::stoll(parts[1]), std::stoll(parts[2]), parts[3]};
}

std::string mica::dtypeOf(const Shape &shape) {
  return shape.isFloat() ? shape.format : "bf16";
}

Expected<std::string> mica::writeShapeModel(const Shape &shape,
                                            const std::string &folder) {
  if (shape.columns < 1 || shape.terms < 1 || shape.columns > kMostColumns ||
      shape.terms > kMostColumns || shape.columns * shape.terms > kMostElements)
    return Error{std::to_string(shape.columns) + " columns of " +
                 std::to_string(shape.terms) +
                 " terms, expected 1 to 1048576 each and 2^31 in all"};
  auto weight = weightText(shape);
  if (!weight)
    return weight.takeError();
  int64_t layers =
      std::clamp<int64_t>(kWeightBytes / weight->bytes, 2, kMostLayers);
  std::string list;
  for (int64_t layer = 0; layer < layers; ++layer)
    list += std::string(layer ? ", " : "") + "#mica.layer<@product, kv = [], "
                                             "shared = [0], weights = [@w]>";
  std::string text =
      llvm::formatv(kModule, weight->type, shape.columns, shape.terms, list,
                    layers, dtypeOf(shape), kVocabulary, kMaxContext);
  std::string path = folder + "/shape.mlir";
  Status status = writeText(path, text);
  if (status)
    status = writeText(folder + "/config.json", "{}");
  if (status)
    status = writeTensors(folder + "/model.safetensors",
                          {{"w", shape.columns, shape.terms},
                           {"inputs", kVocabulary, shape.terms},
                           {"head", kVocabulary, shape.columns}});
  if (!status)
    return status.takeError();
  return path;
}
