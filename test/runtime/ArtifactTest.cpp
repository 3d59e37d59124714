//===- ArtifactTest.cpp - Whole, damaged and hostile artifacts ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Artifact.h"

#include "lib/Artifact/Writer.h"
#include "mica/Hash.h"
#include "mica/Model.h"
#include "runtime/CPUFeatures.h"
#include "test/Damage.h"
#include "test/runtime/TinyModel.h"
#include "tools/mica/Roofline.h"

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mica;
using nlohmann::json;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

/// A folder of its own for each test.
class ArtifactTest : public ::testing::Test {
protected:
  ArtifactTest() {
    folder = ::testing::TempDir() + "artifact-" + std::to_string(::getpid());
    fs::create_directories(folder);
    path = folder + "/M.mica";
  }
  ~ArtifactTest() override { fs::remove_all(folder); }

  void writeTiny(const std::string &tokenizer = "tokens") {
    Status status = tiny::write(path, tokenizer);
    ASSERT_TRUE(status) << status.error().message;
  }

  std::string bytes() const {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }

  void setBytes(const std::string &text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  /// Replaces `size` bytes of the file in place.
  void patch(uint64_t at, const void *data, size_t size) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at);
    file.write(static_cast<const char *>(data), size);
  }

  /// The message of opening the file, without the folder; "" if it opens.
  std::string openError() const {
    auto artifact = Artifact::open(path);
    if (artifact)
      return "";
    std::string message = artifact.error().message;
    EXPECT_TRUE(message.starts_with(path + ": ")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message.substr(std::min(message.size(), path.size() + 2));
  }

  std::string folder, path;
};

TEST_F(ArtifactTest, Sections) {
  writeTiny();
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact) << artifact.error().message;
  auto tokenizer = artifact->section(MICA_SECTION_TOKENIZER);
  EXPECT_EQ(std::string(tokenizer.begin(), tokenizer.end()), "tokens");
  EXPECT_EQ(artifact->section(MICA_SECTION_WEIGHTS).size(), 128u);
  EXPECT_TRUE(artifact->verifyWeights({}));
  // The first image needs a feature that no CPU has.
  auto code = artifact->chooseCode();
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, 1u);
}

TEST_F(ArtifactTest, WeightsAreMapped) {
  writeTiny();
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact);
  auto section = artifact->section(MICA_SECTION_WEIGHTS);
  auto mapped = artifact->weightAddresses(false);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->at(0), reinterpret_cast<uintptr_t>(section.data()));
  EXPECT_EQ(mapped->at(1), reinterpret_cast<uintptr_t>(section.data() + 64));
  EXPECT_EQ(mapped->at(0) % MICA_PAGE, 0u);
}

/// As a section does where the system's pages are larger than MICA_PAGE.
TEST_F(ArtifactTest, MapsFromWithinAPage) {
  writeTiny();
  std::string all = bytes();
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  for (uint64_t offset : {uint64_t(0), uint64_t(64), MICA_PAGE - uint64_t(1)}) {
    auto mapping =
        Mapping::create(fd, offset, all.size() - offset, false, path);
    ASSERT_TRUE(mapping) << mapping.error().message;
    auto found = mapping->bytes();
    EXPECT_EQ(std::string(found.begin(), found.end()), all.substr(offset));
  }
  close(fd);
}

TEST_F(ArtifactTest, GuardedWeightsFaultBeyondTheirEnd) {
  writeTiny();
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact);
  auto guarded = artifact->weightAddresses(true);
  ASSERT_TRUE(guarded);
  auto *weight = reinterpret_cast<const volatile char *>(guarded->at(0));
  EXPECT_EQ(weight[0], char(0xb9));
  EXPECT_EQ(weight[63], 0);
  EXPECT_DEATH((void)weight[64], "");
}

TEST_F(ArtifactTest, SameCallsGiveSameFile) {
  writeTiny();
  std::string first = bytes();
  writeTiny();
  EXPECT_EQ(first, bytes());
}

TEST_F(ArtifactTest, EveryTruncation) {
  writeTiny();
  for (uint64_t size = fs::file_size(path); size--;) {
    ASSERT_EQ(::truncate(path.c_str(), size), 0);
    std::string message = openError();
    if (size >= MICA_PAGE)
      ASSERT_EQ(message,
                "file has " + std::to_string(size) + " bytes, expected 24576");
    else
      ASSERT_EQ(message, "file has " + std::to_string(size) +
                             " bytes, expected at least the header's 4096");
  }
}

TEST_F(ArtifactTest, EveryFlippedByte) {
  writeTiny();
  std::string whole = bytes();
  // Bytes between sections mean nothing; all others are noticed.
  std::vector<bool> padding(whole.size(), true);
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact);
  const mica_header &header = artifact->header();
  std::fill_n(padding.begin(), sizeof(header), false);
  for (const mica_section &section : std::span(header.section, header.sections))
    std::fill_n(padding.begin() + section.offset, section.size, false);

  for (size_t i = 0; i < whole.size(); ++i) {
    char flipped = whole[i] ^ char(1 << i % 8);
    patch(i, &flipped, 1);
    auto damaged = Artifact::open(path);
    bool intact = damaged && damaged->verifyWeights({});
    ASSERT_EQ(intact, padding[i]) << "byte " << i;
    patch(i, &whole[i], 1);
  }
}

// Behind a program, found by the trailer at the end.
TEST_F(ArtifactTest, Carried) {
  writeTiny();
  std::string alone = bytes(), file(MICA_CARRIED_ALIGN, 'x');
  mica_trailer trailer = {file.size(), alone.size(), {}};
  std::copy_n(MICA_TRAILER_MAGIC, sizeof(trailer.magic), trailer.magic);
  file += alone;
  file.append(reinterpret_cast<const char *>(&trailer), sizeof(trailer));
  setBytes(file);
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_TRUE(artifact->verifyWeights({}));
  EXPECT_TRUE(artifact->loadCode(1));

  // Without a trailer that holds there is no artifact.
  std::string none =
      "the first bytes are no magic of a .mica file, expected 'MICA-22'";
  uint64_t end = file.size() - sizeof(trailer);
  for (size_t bit = 0; bit < sizeof(trailer) * 8; ++bit) {
    char flipped = char(file[end + bit / 8] ^ (1 << bit % 8));
    patch(end + bit / 8, &flipped, 1);
    ASSERT_EQ(openError(), none) << "bit " << bit;
    patch(end + bit / 8, &file[end + bit / 8], 1);
  }
  for (uint64_t size = file.size(); size-- > end - 1000;) {
    ASSERT_EQ(::truncate(path.c_str(), size), 0);
    ASSERT_EQ(openError(), none) << size;
  }
}

TEST_F(ArtifactTest, HeaderErrors) {
  writeTiny();
  auto changed = [&](auto change) {
    writeTiny();
    mica_header header;
    std::memcpy(&header, bytes().data(), sizeof(header));
    change(header);
    header.checksum = hashBytes(header.section, sizeof(header.section));
    patch(0, &header, sizeof(header));
    return openError();
  };
  EXPECT_EQ(changed([](mica_header &h) { h.magic[0] = 'X'; }),
            "the first bytes are no magic of a .mica file, expected 'MICA-22'");
  EXPECT_EQ(changed([](mica_header &h) { h.version = 9; }),
            "format version is 9, expected 1");
  EXPECT_NE(changed([](mica_header &h) {
              h.abi_hash = 1;
            }).find("ABI hash is 0000000000000001, expected "),
            std::string::npos);
  EXPECT_EQ(changed([](mica_header &h) { h.sections = 65; }),
            "65 sections, expected at most 64");
  EXPECT_EQ(changed([](mica_header &h) { h.sections = 0; }),
            "no manifest, expected one");
  EXPECT_EQ(changed([](mica_header &h) { h.section[0].kind = 5; }),
            "section 0 is of kind 5, expected 1 to 4");
  EXPECT_EQ(changed([](mica_header &h) { h.section[0].offset = 4097; }),
            "weights 0 begins at 4097 and has 128 bytes, expected whole pages "
            "within the file's 24576");
  EXPECT_EQ(changed([](mica_header &h) { h.section[0].offset = -4096; }),
            "weights 0 begins at 18446744073709547520 and has 128 bytes, "
            "expected whole pages within the file's 24576");
  EXPECT_EQ(changed([](mica_header &h) { h.section[0].size = -1; }),
            "weights 0 begins at 4096 and has 18446744073709551615 bytes, "
            "expected whole pages within the file's 24576");
  EXPECT_EQ(changed([](mica_header &h) { h.section[2].index = 0; }),
            "code 0 stands twice, expected once");
  EXPECT_EQ(changed([](mica_header &h) { h.section[0].size = 64; }),
            "weights have 64 bytes, expected 128");
}

TEST_F(ArtifactTest, OtherFiles) {
  EXPECT_EQ(openError(), "cannot open: No such file or directory");
  setBytes("");
  EXPECT_EQ(openError(),
            "file has 0 bytes, expected at least the header's 4096");
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_EQ(openError(), "no regular file, expected a .mica file");
  fs::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(openError(), "no regular file, expected a .mica file");
}

TEST_F(ArtifactTest, ManifestErrors) {
  struct Case {
    const char *pointer;
    json value;
    const char *message;
  };
  const Case cases[] = {
      {"/version", 3, "version is 3, expected an integer from 1 to 2"},
      {"/model", 1, "model is 1, expected an object"},
      {"/model/vocab", 0,
       "model.vocab is 0, expected an integer from 1 to 16777216"},
      {"/model/vocab", 65.5,
       "model.vocab is 65.5, expected an integer from 1 to 16777216"},
      {"/model/padded_vocab", 49,
       "model.padded_vocab is 49, expected an integer from 50 to 16777216"},
      {"/model/embedding_width", -1,
       "model.embedding_width is -1, expected an integer from 0 to 16777216"},
      {"/model/causal", 1, "model.causal is 1, expected a bool"},
      {"/model/name", nullptr, "model.name is null, expected a string"},
      {"/model/max_context", uint64_t(1) << 63,
       "model.max_context is 9223372036854775808, expected an integer from 1 "
       "to 1073741824"},
      {"/code", json::array(),
       "code of 0 elements is [], expected an array of 1 to 32"},
      {"/code/0/features", "avx2",
       "code[0].features is \"avx2\", expected an array of 0 to 256"},
      {"/code/1/entry", -1,
       "code[1].entry is -1, expected an integer from 0 to 70368744177664"},
      {"/arena/row", "big",
       "arena.row is \"big\", expected an integer from 0 to 268435456"},
      {"/max_rows", 0, "max_rows is 0, expected an integer from 1 to 65536"},
      {"/kv/1/page_tokens", -1,
       "kv[1].page_tokens is -1, expected an integer from 0 to 65536"},
      {"/kv/0/block_bytes", int64_t(1) << 40,
       "kv[0].block_bytes is 1099511627776, expected an integer from 1 to "
       "1073741824"},
      {"/weights/offsets",
       {0, 64, 64},
       "weights.offsets of 3 elements is [0,64,64], expected an array of 2"},
      {"/weights/offsets/1", 128,
       "weights.offsets[1] is 128, expected an integer from -1 to 127"},
      {"/weights/offsets/1", 65,
       "weights.offsets[1] is 65, expected a multiple of 64"},
      {"/phases/0", 7, "phases[0] is 7, expected a string"},
      {"/work", 1, "work is 1, expected an array"},
  };
  for (const Case &c : cases) {
    json manifest = json::parse(tiny::manifest());
    manifest[json::json_pointer(c.pointer)] = c.value;
    ASSERT_TRUE(tiny::write(path, "", manifest.dump()));
    EXPECT_EQ(openError(), std::string("manifest: ") + c.message);
  }
}

/// A manifest that has everything: a chat template and two images.
ordered_json fullManifest() {
  auto root = ordered_json::parse(tiny::manifest());
  root["version"] = 2;
  root["chat"] = {{"template", "{{ messages }}"},
                  {"tools_template", "{{ tools }}"},
                  {"bos_token", "<s>"},
                  {"eos_token", "</s>"}};
  root["code"][1]["instead"] = {
      {"phases", {"one"}}, {"arena", {{"row", 8}, {"out", 4}, {"worker", 0}}}};
  root["work"] = {{{"phase", "append"}, {"calls", 2}, {"type", "i8/32"}}};
  return root;
}

// Whatever it says, opening is refused in one line or what was opened is whole.
TEST_F(ArtifactTest, DamagedManifests) {
  ordered_json whole = fullManifest();
  ASSERT_TRUE(tiny::write(path, "", whole.dump()));
  ASSERT_EQ(openError(), "");
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < test::kDamaged; ++i) {
    ASSERT_TRUE(tiny::write(path, "",
                            i % 4 ? test::damagedJson(whole, random)
                                  : test::damaged(whole.dump(), random)));
    if (!openError().empty()) {
      ++refused;
      continue;
    }
    auto artifact = Artifact::open(path);
    (void)parseWork(artifact->manifest().work, path);
    for (bool guarded : {false, true})
      if (auto weights = artifact->weightAddresses(guarded))
        for (uint64_t weight : *weights)
          if (weight)
            (void)*reinterpret_cast<const volatile char *>(weight);
    auto model = Model::load(path, {.threads = 1});
    if (!model)
      EXPECT_EQ(model.error().message.find('\n'), std::string::npos);
  }
  EXPECT_GT(refused, test::kDamaged / 4);
}

TEST(ManifestTest, Nested) {
  std::string text = R"({"model": )" + std::string(1000000, '[') +
                     std::string(1000000, ']') + "}";
  EXPECT_EQ(parseManifests(text, "M").error().message,
            "M: manifest nested 1000001 deep, expected at most 200");
}

TEST(ManifestTest, Images) {
  json root = json::parse(tiny::manifest());
  root["code"][1]["instead"] = {
      {"phases", {"one"}}, {"arena", {{"row", 8}, {"out", 4}, {"worker", 0}}}};
  auto manifests = parseManifests(root.dump(), "M");
  ASSERT_TRUE(manifests) << manifests.error().message;
  ASSERT_EQ(manifests->size(), 2u);
  const Manifest &first = manifests->front(), &second = manifests->back();
  EXPECT_EQ(first.image, 0u);
  EXPECT_EQ(second.image, 1u);
  EXPECT_EQ(first.phases.size(), 2u);
  EXPECT_EQ(second.phases, std::vector<std::string>{"one"});
  EXPECT_EQ(first.arenaBytes[0], 4u);
  EXPECT_EQ(second.arenaBytes[0], 8u);
  EXPECT_EQ(first.code[0].target(), "other+no-such-feature");
  EXPECT_EQ(second.cache.size(), first.cache.size());
}

TEST(ManifestTest, ImageErrors) {
  struct Case {
    const char *pointer;
    json value;
    const char *message;
  };
  const Case cases[] = {
      {"/code/1/instead", 1, "code[1].instead is 1, expected an object"},
      {"/code/1/instead/model", json::object(),
       "code[1].instead.model is {}, expected none, for images share it"},
      {"/code/1/instead/code", json::array(),
       "code[1].instead.code is [], expected none, for images share it"},
      {"/code/1/instead/arena", 1, "arena is 1, expected an object"},
      {"/code/1/instead/kv",
       {{{"name", 1}}},
       "kv[0].name is 1, expected a string"},
      {"/code/1/instead/weights/slots", -1,
       "weights.slots is -1, expected an integer from 0 to 4096"},
  };
  for (const Case &c : cases) {
    json root = json::parse(tiny::manifest());
    root[json::json_pointer(c.pointer)] = c.value;
    auto parsed = parseManifests(root.dump(), "M");
    ASSERT_FALSE(parsed) << c.pointer;
    EXPECT_EQ(parsed.error().message,
              std::string("M: manifest of code 1: ") + c.message);
  }
}

/// A manifest that says where rows of ops lie.
json withOutputs() {
  json manifest = json::parse(tiny::manifest());
  manifest["arena"]["row"] = 640;
  manifest["kv"][1]["page_tokens"] = 16;
  manifest["kv"][1]["block_bytes"] = 640;
  manifest["stack"] = {
      {{"function", "f"}, {"kv", {1}}, {"kv_layer", {1}}},
      {{"function", "g"}, {"kv", json::array()}, {"kv_layer", json::array()}},
      {{"function", "h"}, {"kv", {0, 1}}, {"kv_layer", {0, 0}}}};
  json row = {{"function", "f"}, {"op", "add"},    {"names", {"down", "add"}},
              {"phase", 1},      {"arena", "row"}, {"offset", 128},
              {"stride", 128},   {"columns", 100}, {"element", "f32"},
              {"role", "layer"}};
  json keys = {{"function", "f"}, {"op", "k"},       {"names", {"k"}},
               {"phase", 0},      {"arena", "keys"}, {"offset", 1},
               {"stride", 12},    {"columns", 12},   {"element", "bf16"}};
  json logits = {{"function", "step"}, {"op", "out"},       {"names", {"out"}},
                 {"phase", 1},         {"arena", "logits"}, {"offset", 0},
                 {"stride", 64},       {"columns", 50},     {"element", "f32"}};
  json rounded = row;
  rounded.update({{"op", "gate"}, {"element", "i8"}, {"columns", 64}});
  rounded["bf16_from"] = 16;
  manifest["outputs"] = {row, keys, logits, rounded};
  manifest["source"] = "/m";
  return manifest;
}

TEST(ManifestTest, Outputs) {
  auto manifests = parseManifests(withOutputs().dump(), "M");
  ASSERT_TRUE(manifests) << manifests.error().message;
  const Manifest *manifest = &manifests->front();
  ASSERT_EQ(manifest->stack.size(), 3u);
  EXPECT_EQ(manifest->stack[0].kv, std::vector<uint32_t>({1}));
  EXPECT_EQ(manifest->stack[0].kvLayer, std::vector<uint32_t>({1}));
  EXPECT_TRUE(manifest->stack[1].kv.empty());
  EXPECT_EQ(manifest->stack[2].kv, std::vector<uint32_t>({0, 1}));
  EXPECT_EQ(manifest->source, "/m");
  ASSERT_EQ(manifest->outputs.size(), 4u);
  EXPECT_EQ(manifest->outputs[3].bf16From, 16u);
  const OpOutput &row = manifest->outputs[0];
  EXPECT_EQ(row.names, "down, add");
  EXPECT_EQ(row.role, "layer");
  EXPECT_EQ(row.arena, OpOutput::Row);
  EXPECT_EQ(row.element, OpOutput::F32);
  EXPECT_EQ(manifest->outputs[1].arena, OpOutput::Keys);
  EXPECT_EQ(manifest->outputs[2].arena, OpOutput::Logits);
}

TEST(ManifestTest, OutputErrors) {
  struct Case {
    const char *pointer;
    json value;
    const char *message;
  };
  const Case cases[] = {
      {"/stack", 1, "stack is 1, expected an array of 0 to 65536"},
      {"/stack/0/kv", 2, "stack[0].kv is 2, expected an array of 0 to 2"},
      {"/stack/0/kv/0", 2, "stack[0].kv is 2, expected an integer from 0 to 1"},
      {"/stack/0/kv_layer/0", 2,
       "stack[0].kv_layer is 2, expected an integer from 0 to 1"},
      {"/stack/2/kv_layer",
       {0},
       "stack[2].kv_layer of 1 elements is [0], expected an array of 2"},
      {"/kv/1/page_tokens", 0,
       "outputs[1].offset is 1, expected a cache group whose blocks hold whole "
       "tokens"},
      {"/outputs/0", 1, "outputs[0] is 1, expected an object"},
      {"/outputs/0/names/1", 1, "outputs[0].names is 1, expected a string"},
      {"/outputs/0/phase", 2,
       "outputs[0].phase is 2, expected an integer from 0 to 1"},
      {"/outputs/0/arena", "worker",
       "outputs[0].arena is \"worker\", expected one of 'row', 'out', "
       "'logits', 'keys', 'values'"},
      {"/outputs/0/element", "i4",
       "outputs[0].element is \"i4\", expected one of 'f32', 'f16', 'bf16', "
       "'i8'"},
      {"/outputs/0/element", "i8",
       "outputs[0].stride is 128, expected groups of 32 and their scales"},
      {"/outputs/3/bf16_from", 0,
       "outputs[3].bf16_from is 0, expected an integer from 1 to 16"},
      {"/outputs/3/stride", 80,
       "outputs[3].bf16_from is 16, expected an integer from 1 to 0"},
      {"/outputs/0/columns", 129,
       "outputs[0].columns is 129, expected an integer from 1 to 128"},
      {"/outputs/0/offset", 192,
       "outputs[0].offset is 192, expected a place in the arena"},
      {"/outputs/0/offset", 2,
       "outputs[0].offset is 2, expected a place in the arena"},
      {"/outputs/0/arena", "out",
       "outputs[0].offset is 128, expected a place in the arena"},
      {"/outputs/1/offset", 2,
       "outputs[1].offset is 2, expected an integer from 0 to 1"},
      {"/outputs/1/offset", 0,
       "outputs[1].offset is 0, expected a cache group whose blocks hold "
       "whole tokens"},
      {"/outputs/1/element", "f16",
       "outputs[1].element is \"f16\", expected that of the cache group"},
      {"/outputs/1/columns", 11,
       "outputs[1].columns is 11, expected those of the cache group"},
      {"/outputs/2/stride", 65,
       "outputs[2].stride is 65, expected f32 logits of the vocabulary"},
      {"/source", 1, "source is 1, expected a string"},
  };
  for (const Case &c : cases) {
    json manifest = withOutputs();
    manifest[json::json_pointer(c.pointer)] = c.value;
    auto parsed = parseManifests(manifest.dump(), "M");
    ASSERT_FALSE(parsed) << c.pointer;
    EXPECT_EQ(parsed.error().message, std::string("M: manifest: ") + c.message);
  }
}

TEST_F(ArtifactTest, ManifestAgainstSections) {
  auto changed = [&](const char *pointer, const json &value) {
    json manifest = json::parse(tiny::manifest());
    manifest[json::json_pointer(pointer)] = value;
    EXPECT_TRUE(tiny::write(path, "", manifest.dump()));
    return openError();
  };
  EXPECT_NE(changed("/code/1/entry", 1 << 20)
                .find("bytes, expected an entry at 1048576"),
            std::string::npos);
  EXPECT_EQ(changed("/weights/bytes", 192),
            "weights have 128 bytes, expected 192");
  ASSERT_TRUE(tiny::write(path, "", "{"));
  EXPECT_EQ(openError(), "manifest is no JSON, expected an object");
  ASSERT_TRUE(tiny::write(path, "", "[]"));
  EXPECT_EQ(openError(), "manifest: the root is [], expected an object");
}

TEST_F(ArtifactTest, NoCodeForThisCPU) {
  json manifest = json::parse(tiny::manifest());
  manifest["code"].erase(1);
  manifest["code"][0]["features"] = {"sse2", "no-such-feature", "nor-this"};
  ASSERT_TRUE(tiny::write(path, "", manifest.dump()));
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact) << artifact.error().message;
  auto code = artifact->chooseCode();
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().message,
            path + ": code is for other (missing no-such-feature nor-this), "
                   "expected code for this CPU");
}

/// MICA_CPU_FEATURES while it exists.
struct FeatureMask {
  explicit FeatureMask(const char *text) {
    setenv("MICA_CPU_FEATURES", text, 1);
  }
  ~FeatureMask() { unsetenv("MICA_CPU_FEATURES"); }
};

TEST_F(ArtifactTest, TakesTheImageThatIsLeft) {
#if defined(__x86_64__)
  const char *feature = "sse2", *mask = "-x87,-sse2";
#else
  const char *feature = "neon", *mask = "-crc,-neon";
#endif
  json manifest = json::parse(tiny::manifest());
  manifest["code"][0] = {{"cpu", "any"}, {"features", {feature}}, {"entry", 0}};
  manifest["code"][1]["instead"] = {{"phases", {"one"}}};
  ASSERT_TRUE(tiny::write(path, "", manifest.dump()));
  EXPECT_EQ(Artifact::open(path)->manifest().image, 0u);
  {
    FeatureMask masked(mask);
    EXPECT_FALSE(cpuHas(feature));
    auto artifact = Artifact::open(path);
    EXPECT_EQ(artifact->manifest().image, 1u);
    EXPECT_EQ(artifact->manifest().phases.size(), 1u);
    EXPECT_EQ(*artifact->chooseCode(), 1u);
  }
  for (const char *text : {"sse2", "-sse2000", "-,"}) {
    FeatureMask wrong(text);
    std::string entry = std::string(text) == "-," ? "-" : text;
    EXPECT_EQ(Artifact::open(path)->chooseCode().error().message,
              "MICA_CPU_FEATURES: '" + entry +
                  "', expected a feature of this kind of CPU behind a minus");
  }
}

TEST(CPUFeatures, Levels) {
  std::vector<std::string> none, extra = {"no-such-feature"};
  EXPECT_TRUE(missingFeatures("any", none).empty());
  EXPECT_EQ(missingFeatures("any", extra), extra);
  // What a level asks for, the levels above it ask for too.
  size_t before = 0;
  for (const char *level :
       {"x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    auto missing = missingFeatures(level, none);
    EXPECT_GE(missing.size(), before);
    before = missing.size();
    if (cpuHas("avx512vl") && cpuHas("avx512bw"))
      EXPECT_TRUE(missing.empty());
  }
  EXPECT_EQ(missingFeatures("x86-64-v4", none).empty(),
            cpuHas("avx2") && cpuHas("avx512f") && cpuHas("avx512vl"));
  EXPECT_FALSE(cpuHas(""));
}

// Code for another architecture lacks that, and nothing need be told beside it.
TEST(CPUFeatures, OtherArchitectures) {
#if defined(__x86_64__)
  const char *other = "armv8.2-a", *name = "aarch64";
#else
  const char *other = "x86-64-v3", *name = "x86-64";
#endif
  std::vector<std::string> wanted = {"no-such-feature"};
  EXPECT_EQ(missingFeatures(other, wanted), std::vector<std::string>{name});
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

TEST_F(ArtifactTest, UnfinishedWriterLeavesNothing) {
  {
    auto writer = ArtifactWriter::create(path);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add(MICA_SECTION_MANIFEST, 0, "{}"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(ArtifactTest, KilledWriterLeavesNothing) {
  for (int signal : {SIGTERM, SIGINT}) {
    pid_t child = fork();
    if (!child) {
      auto writer = ArtifactWriter::create(path);
      kill(getpid(), signal);
      _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
    EXPECT_TRUE(fs::is_empty(folder));
  }
}

TEST_F(ArtifactTest, FailedWriteKeepsTheOldFile) {
  setBytes("old");
  {
    auto writer = ArtifactWriter::create(path);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add(MICA_SECTION_MANIFEST, 0, "{}"));
  }
  EXPECT_EQ(bytes(), "old");
  auto nowhere = ArtifactWriter::create(folder + "/no/M.mica");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("cannot create"), std::string::npos);
}

TEST(Hasher, PiecesOfAnySize) {
  std::string text(1000, 0);
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = char(i * 37);
  uint64_t whole = hashBytes(text.data(), text.size());
  for (size_t piece = 1; piece < 70; ++piece) {
    Hasher hasher;
    for (size_t at = 0; at < text.size(); at += piece)
      hasher.update(text.data() + at, std::min(piece, text.size() - at));
    ASSERT_EQ(hasher.finish(), whole) << piece;
  }
  // Zeros at the end count.
  EXPECT_NE(hashBytes("ab\0", 3), hashBytes("ab", 2));
}

} // namespace
