//===- PackTest.cpp - Packed bytes against the layout's definition --------===//

#include "lib/Compiler/Packing.h"
#include "lib/Compiler/Register.h"
#include "mlir/Parser/Parser.h"
#include "test/lib/Import/TestFiles.h"

#include <bit>
#include <cmath>
#include <random>

using namespace mica;
using mica::test::asBytes;

namespace {

/// What is packed, and how.
struct Case {
  std::string format = "BF16", element = "bf16";
  int64_t n = 64, k = 64; ///< of each source; k = 0: vectors
  int64_t sources = 1, interleave = 0;
  float offset = 0;
  std::string layout = "panel = 16, group = 2, granule = 16, align = 16";
  int64_t first = 0; ///< first row taken of tensors with 2 * first more rows
  bool transposed = false;
  int64_t permuted = 0;
  int64_t run = 0, gap = 0; ///< `run` rows are taken, `gap` are not, and so on
  int threads = 1;
};

/// Rows of a tensor.
int64_t rowsOf(const Case &c) {
  return c.n + 2 * c.first + (c.run ? c.n / c.run * c.gap : 0);
}

std::string runText(const Case &c) {
  return c.run ? ", run = " + std::to_string(c.run) +
                     ", stride = " + std::to_string(c.run + c.gap)
               : "";
}

int64_t roundUp(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

/// A GGUF file of tensors t0, t1, … with random bits, but finite scales.
class RandomFile {
public:
  explicit RandomFile(const Case &c) {
    const Format &format = *findFormat(c.format);
    test::GGUFWriter writer;
    uint64_t rows = rowsOf(c);
    std::vector<uint64_t> shape = {rows, uint64_t(c.k)};
    if (!c.k)
      shape = {rows};
    else if (c.transposed)
      shape = {uint64_t(c.k), rows};
    uint64_t count = rows * std::max<int64_t>(c.k, 1);
    for (int64_t i = 0; i < c.sources; ++i)
      writer.tensor("t" + std::to_string(i), shape, format.ggufType,
                    format.rowBytes(count));
    text = writer.file();
    auto parsed = GGUF::parse(MappedFile::borrow("test.gguf", asBytes(text)));
    EXPECT_TRUE(parsed) << parsed.error().message;
    checkpoint = *Checkpoint::fromGGUF({*parsed});
    for (const auto &[name, view] : checkpoint->tensors())
      randomize(format, view.data);
  }

  std::optional<Checkpoint> checkpoint;

private:
  void randomize(const Format &format, std::span<const std::byte> data) {
    auto *bytes = const_cast<std::byte *>(data.data());
    for (size_t i = 0; i < data.size(); ++i)
      bytes[i] = std::byte(random());
    for (size_t i = 0; i < data.size(); i += format.blockBytes)
      for (Scale scale : {format.scale, format.min})
        if (scale.type == ScaleType::F16)
          bytes[i + scale.offset + 1] = std::byte(0x20 | (random() & 0x9f));
  }

  std::string text;
  std::mt19937 random;
};

/// Source `i` as the numbers meant, [n][k], from the words of `#mica.source`.
std::vector<float> meantRows(const Case &c, const Checkpoint &file, int i) {
  const TensorView &t = *file.find("t" + std::to_string(i));
  int64_t k = std::max<int64_t>(c.k, 1), all = rowsOf(c);
  std::vector<float> stored(all * k), meant(c.n * k);
  decodeRow(*t.format, t.data.data(), all * k, stored.data());
  for (int64_t r = 0; r < c.n; ++r) {
    int64_t to = r, from = c.first + r;
    if (c.run)
      from = c.first + r / c.run * (c.run + c.gap) + r % c.run;
    if (c.permuted) {
      int64_t d = c.n / c.permuted, x = r % d;
      to = r / d * d + x / 2 + x % 2 * d / 2;
    }
    for (int64_t x = 0; x < k; ++x)
      meant[to * k + x] =
          c.transposed ? stored[x * all + from] : stored[from * k + x];
  }
  return meant;
}

/// The result's rows, [sources * n][k].
std::vector<float> resultRows(const Case &c, const Checkpoint &file) {
  int64_t k = std::max<int64_t>(c.k, 1), s = c.interleave;
  std::vector<float> result(c.sources * c.n * k);
  for (int64_t j = 0; j < c.sources; ++j) {
    std::vector<float> rows = meantRows(c, file, j);
    for (int64_t n = 0; n < c.n; ++n) {
      int64_t to = s ? c.sources * (n / s * s) + s * j + n % s : j * c.n + n;
      for (int64_t x = 0; x < k; ++x)
        result[to * k + x] =
            c.offset ? rows[n * k + x] + c.offset : rows[n * k + x];
    }
  }
  return result;
}

/// `x` in `bytes` bytes, rounded to nearest even.
uint32_t encode(float x, const std::string &element) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if (element == "f32")
    return bits;
  if (element == "f16")
    return std::bit_cast<uint16_t>(static_cast<_Float16>(x));
  // Of the two neighbours, the nearer; of equally near ones the even one.
  auto value = [](uint32_t high) {
    return double(std::bit_cast<float>(high << 16));
  };
  uint32_t low = bits >> 16, high = low + 1;
  if (std::isnan(x))
    return 0x7fc0;
  if (std::isinf(x))
    return low;
  if ((high & 0x7fff) == 0x7f80) // Overflows halfway to what would be next.
    return (bits & 0x8000) ? high : low;
  double below = std::abs(x - value(low)), above = std::abs(value(high) - x);
  return below < above || (below == above && low % 2 == 0) ? low : high;
}

bool isNaN(uint32_t bits, const std::string &element) {
  if (element == "f32")
    return std::isnan(std::bit_cast<float>(bits));
  uint32_t top = element == "f16" ? 0x7c00 : 0x7f80;
  return (bits & 0x7fff) > top;
}

class Packing : public ::testing::Test {
protected:
  Packing() { context.loadAllAvailableDialects(); }

  static std::string shape(const Case &c, int64_t rows) {
    return std::to_string(rows) + (c.k ? "x" + std::to_string(c.k) : "");
  }

  /// The module that stage 1 would leave for `c`.
  static std::string moduleText(const Case &c) {
    const Format &format = *findFormat(c.format);
    std::string element = c.format == "F32"    ? "f32"
                          : c.format == "F16"  ? "f16"
                          : c.format == "BF16" ? "bf16"
                                               : "";
    if (element.empty())
      element = "#mica.format<\"" + c.format + "\", " +
                std::to_string(format.blockElements) + " x " +
                std::to_string(format.blockBytes) + ">";
    std::string source = "!mica.weight<" + shape(c, c.n) + ", " + element + ">";
    std::string result =
        "!mica.weight<" + shape(c, c.n * c.sources) + ", " + c.element +
        (c.layout.empty() ? "" : ", #mica.layout<" + c.layout + ">") + ">";
    std::string weights, arguments, operands, types, names;
    for (int64_t i = 0; i < c.sources; ++i) {
      std::string id = std::to_string(i), comma = i ? ", " : "";
      weights += "mica.weight @w" + id + " : " + source +
                 " from [#mica.source<file = 0, tensor = \"t" + id +
                 "\", first = " + std::to_string(c.first) +
                 ", rows = " + std::to_string(c.n) +
                 ", transposed = " + (c.transposed ? "true" : "false") +
                 ", permuted = " + std::to_string(c.permuted) + runText(c) +
                 ">]\n";
      arguments += comma + "%a" + id + ": " + source;
      operands += comma + "%a" + id;
      types += comma + source;
      names += comma + "@w" + id;
    }
    return weights + "mica.weight @packed : " + result + " by @pack of [" +
           names + "]\nfunc.func @pack(" + arguments + ") -> " + result +
           " attributes {mica.pack_function} {\n%p = mica.pack " + operands +
           " {interleave = " + std::to_string(c.interleave) +
           " : i64, offset = " + std::to_string(c.offset) + " : f32} : (" +
           types + ") -> " + result + "\nreturn %p : " + result + "\n}\n";
  }

  /// Packs through a file, as the compiler does, and returns its section.
  std::string pack(const Case &c, const Checkpoint &checkpoint) {
    auto module =
        mlir::parseSourceString<mlir::ModuleOp>(moduleText(c), &context);
    EXPECT_TRUE(module) << moduleText(c);
    auto packing = takePacking(*module);
    auto code = PackCode::compile(*packing);
    EXPECT_TRUE(code) << code.error().message;
    mlir::SymbolTable symbols(*packing);
    Conversions conversions;
    auto job = makePackJob(symbols.lookup<WeightOp>("packed"), symbols, *code,
                           checkpoint, conversions);
    EXPECT_TRUE(job) << job.error().message;
    test::TemporaryDirectory directory;
    auto writer = ArtifactWriter::create(directory.path() + "/m.mica");
    EXPECT_TRUE(writer && writer->begin(MICA_SECTION_WEIGHTS));
    std::vector<PackJob> jobs = {std::move(*job)};
    EXPECT_TRUE(packWeights(jobs, *writer, c.threads, nullptr));
    writer->end();
    EXPECT_TRUE(writer->finish());
    std::ifstream file(directory.path() + "/m.mica", std::ios::binary);
    std::string all((std::istreambuf_iterator<char>(file)), {});
    auto *header = reinterpret_cast<const mica_header *>(all.data());
    return all.substr(header->section[0].offset, jobs[0].bytes());
  }

  /// Packs and compares each element, and that all else is zero.
  void check(const Case &c) {
    SCOPED_TRACE(moduleText(c));
    RandomFile file(c);
    std::string packed = pack(c, *file.checkpoint);
    std::vector<float> rows = resultRows(c, *file.checkpoint);
    int64_t bytes = c.element == "f32" ? 4 : 2;
    std::vector<uint32_t> found(packed.size() / bytes);
    for (size_t i = 0; i < found.size(); ++i)
      std::memcpy(&found[i], packed.data() + i * bytes, bytes);

    int64_t panel = 1, group = 1, granule = 1, align = 1;
    std::sscanf(c.layout.c_str(),
                "panel = %ld, group = %ld, granule = %ld, align = %ld", &panel,
                &group, &granule, &align);
    int64_t n = c.n * c.sources, k = std::max<int64_t>(c.k, 1);
    int64_t width = roundUp(k, align), wrong = 0;
    for (int64_t row = 0; row < n; ++row)
      for (int64_t x = 0; x < k; ++x) {
        int64_t at = row;
        if (c.k) {
          int64_t p = row / granule * roundUp(granule, panel) + row % granule;
          at = ((p / panel * (width / group) + x / group) * panel + p % panel) *
                   group +
               x % group;
        }
        ASSERT_LT(at, int64_t(found.size()));
        uint32_t wanted = encode(rows[row * k + x], c.element);
        bool same = isNaN(wanted, c.element) ? isNaN(found[at], c.element)
                                             : wanted == found[at];
        if (!same && ++wrong < 5)
          ADD_FAILURE() << "row " << row << " column " << x << " is "
                        << found[at] << ", expected " << wanted;
        found[at] = 0;
      }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(std::count(found.begin(), found.end(), 0), found.size())
        << "padding that is not zero";
  }

  mlir::MLIRContext context{registerCompiler()};
};

TEST_F(Packing, every_format) {
  for (const Format &format : formatTable())
    for (const char *element : {"f32", "bf16", "f16"}) {
      if (format.ggufType < 0) // what the test writes is a GGUF file
        continue;
      check({.format = std::string(format.name),
             .element = element,
             .n = 40,
             .k = 256,
             .layout = std::string("panel = 16, group = ") +
                       (*element == 'b' ? "2" : "1") +
                       ", granule = 16, align = 16"});
    }
}

TEST_F(Packing, odd_sizes) {
  for (int64_t n : {1, 7, 16, 17, 33})
    for (int64_t k : {1, 3, 15, 16, 17, 63, 72})
      check({.n = n, .k = k});
}

TEST_F(Packing, layouts) {
  for (std::string layout :
       {"panel = 16, group = 1, granule = 24, align = 16",
        "panel = 16, group = 2, granule = 64, align = 16",
        "panel = 16, group = 2, granule = 24, align = 2",
        "panel = 16, group = 4, granule = 10, align = 32",
        "panel = 24, group = 8, granule = 24, align = 8",
        "panel = 12, group = 2, granule = 5, align = 6",
        "panel = 5, group = 3, granule = 7, align = 3",
        "panel = 8, group = 16, granule = 8, align = 16",
        "panel = 1, group = 1, granule = 1, align = 32", ""})
    for (const char *element : {"bf16", "f32"})
      check({.format = "F32",
             .element = element,
             .n = 61,
             .k = 77,
             .layout = layout});
}

TEST_F(Packing, interleave_and_offset) {
  for (int64_t sources : {2, 3})
    for (int64_t interleave : {0, 1, 16, 24})
      check({.format = "Q8_0",
             .n = 48,
             .k = 96,
             .sources = sources,
             .interleave = interleave,
             .offset = 1,
             .layout = "panel = 16, group = 2, granule = 24, align = 64"});
}

TEST_F(Packing, transposed) {
  check({.format = "F32", .n = 150, .k = 33, .first = 21, .transposed = true});
  check({.format = "F16",
         .n = 64,
         .k = 200,
         .sources = 2,
         .interleave = 16,
         .transposed = true});
  check({.format = "Q8_0", .n = 64, .k = 64, .first = 48, .transposed = true});
}

TEST_F(Packing, permuted) {
  check({.n = 64, .k = 32, .permuted = 4});
  check({.format = "Q4_K", .n = 60, .k = 256, .first = 6, .permuted = 3});
}

// Heads of queries, keys and values by turns.
TEST_F(Packing, runs) {
  check({.n = 64, .k = 32, .first = 16, .run = 16, .gap = 32});
  check({.format = "Q8_0", .n = 60, .k = 64, .first = 3, .run = 20, .gap = 7});
  check({.format = "F16",
         .n = 48,
         .k = 40,
         .first = 12,
         .transposed = true,
         .run = 12,
         .gap = 24});
  check({.format = "F32",
         .element = "f32",
         .n = 24,
         .k = 0,
         .layout = "panel = 16, group = 1, granule = 1, align = 16",
         .first = 8,
         .run = 8,
         .gap = 16});
}

TEST_F(Packing, vectors) {
  std::string layout = "panel = 16, group = 1, granule = 1, align = 16";
  for (int64_t n : {1, 16, 37})
    check({.format = "F32",
           .element = "f32",
           .n = n,
           .k = 0,
           .offset = 1,
           .layout = layout});
  check({.format = "BF16",
         .element = "f32",
         .n = 48,
         .k = 0,
         .sources = 2,
         .interleave = 16,
         .layout = layout});
  check({.format = "F16",
         .element = "f32",
         .n = 24,
         .k = 0,
         .sources = 3,
         .layout = layout,
         .first = 5,
         .permuted = 2});
}

// A weight of many strips, in an order that threads do not change.
TEST_F(Packing, strips_and_threads) {
  check({.n = 2000, .k = 2500, .threads = 2});
  check({.n = 3001, .k = 1024, .layout = "", .threads = 3});
}

/// The parts of one matrix: of every 7 rows the first four are the columns of
/// one part, the last three the rows of another.
TEST_F(Packing, parts_of_a_matrix) {
  auto bits = [](float x) { return std::bit_cast<uint32_t>(x); };
  for (const char *format : {"F16", "Q8_0"}) {
    constexpr int64_t parts = 4, keys = 4, values = 3, step = 7, k = 96;
    Case c{.format = format, .n = parts * step, .k = k};
    RandomFile file(c);
    const TensorView &t = *file.checkpoint->find("t0");
    std::vector<float> stored = meantRows(c, *file.checkpoint, 0);
    std::vector<RowSource> columns, rows;
    for (int64_t part = 0; part < parts; ++part) {
      columns.push_back({.tensor = &t,
                         .rows = k,
                         .transposed = true,
                         .part = part,
                         .columnStep = 1,
                         .partStep = step});
      rows.push_back({.tensor = &t,
                      .first = keys,
                      .rows = values,
                      .part = part,
                      .partStep = step});
    }
    auto transposed = WeightReader::create(columns, keys);
    ASSERT_TRUE(transposed) << transposed.error().message;
    auto plain = WeightReader::create(rows, k);
    ASSERT_TRUE(plain) << plain.error().message;
    std::vector<float> row(k);
    for (int64_t r = 0; r < parts * k; ++r) {
      transposed->read(r, row.data());
      for (int64_t x = 0; x < keys; ++x)
        ASSERT_EQ(bits(row[x]), bits(stored[(r / k * step + x) * k + r % k]));
    }
    for (int64_t r = 0; r < parts * values; ++r) {
      plain->read(r, row.data());
      for (int64_t x = 0; x < k; ++x)
        ASSERT_EQ(
            bits(row[x]),
            bits(stored[(r / values * step + keys + r % values) * k + x]));
    }
  }
}

TEST_F(Packing, rejects_other_shapes) {
  Case c;
  RandomFile file(c);
  const TensorView &t = *file.checkpoint->find("t0");
  auto error = [](Expected<WeightReader> reader) {
    return reader ? "" : reader.error().message;
  };
  EXPECT_EQ(error(WeightReader::create({{&t, 0, 65}}, 64)),
            "test.gguf: tensor 't0' has 64 rows, expected 0 + 65");
  EXPECT_EQ(error(WeightReader::create({{&t, 0, 64}}, 63)),
            "test.gguf: tensor 't0' has 64 columns, expected 63");
  EXPECT_EQ(error(WeightReader::create({{&t, 0, 64}}, 0)),
            "test.gguf: tensor 't0' has 2 dimensions, expected 1");
  EXPECT_EQ(error(WeightReader::create({{&t, 0, 64, false, 5}}, 64)),
            "test.gguf: tensor 't0' has 64 rows, expected an even number in "
            "each of 5 heads");
}

} // namespace
