//===- GGUFPartsTest.cpp - Models in several GGUF files -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Import/TestFiles.h"

#include <random>

using namespace mica;
using namespace mica::test;

namespace {

/// Three parts, each with one tensor, "t0" to "t2".
struct Parts : TemporaryDirectory {
  std::vector<uint16_t> numbers = {0, 1, 2};
  uint16_t count = 3;
  uint32_t tensors = 3;

  static std::string name(int i) {
    return "m-0000" + std::to_string(i + 1) + "-of-00003.gguf";
  }
  std::string part(int i) const {
    GGUFWriter w;
    if (i == 0)
      w.text("general.architecture", "llama");
    w.raw("split.no", 2, Bytes().put(numbers[i]));
    w.raw("split.count", 2, Bytes().put(count));
    w.integer("split.tensors.count", tensors);
    w.floats("t" + std::to_string(i), {2, 32});
    return w.file();
  }
  void writeAll() const {
    for (int i = 0; i < 3; ++i)
      write(name(i), part(i));
  }
  /// The error of opening a file, without the directory's name.
  std::string error(const std::string &file = name(0)) const {
    auto checkpoint = Checkpoint::open(path() + "/" + file);
    if (checkpoint)
      return "no error";
    std::string text = checkpoint.error().message;
    EXPECT_TRUE(text.starts_with(path() + "/")) << text;
    return text.substr(path().size() + 1);
  }
};

TEST(GGUFParts, the_first_opens_all) {
  Parts p;
  p.writeAll();
  auto checkpoint = Checkpoint::open(p.path() + "/" + Parts::name(0));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*checkpoint->gguf()->getString("general.architecture"), "llama");
  EXPECT_EQ(checkpoint->tensors().size(), 3u);
  const TensorView *last = checkpoint->find("t2");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->file, p.path() + "/" + Parts::name(2));
  EXPECT_EQ(last->offset + last->data.size(),
            std::filesystem::file_size(last->file));
}

TEST(GGUFParts, one_part_is_a_file) {
  Parts p;
  p.count = 1;
  p.write("any.gguf", p.part(0));
  EXPECT_EQ(p.error("any.gguf"), "no error");
}

TEST(GGUFParts, another_part) {
  Parts p;
  p.writeAll();
  EXPECT_EQ(p.error(Parts::name(1)),
            "m-00002-of-00003.gguf: part 2 of 3, expected the first part, "
            "*-00001-of-00003.gguf");
}

TEST(GGUFParts, missing_part) {
  Parts p;
  p.writeAll();
  std::filesystem::remove(p.path() + "/" + Parts::name(2));
  EXPECT_EQ(p.error(), "m-00003-of-00003.gguf: No such file or directory, "
                       "expected a readable file");
}

TEST(GGUFParts, renamed_part) {
  Parts p;
  p.write("m.gguf", p.part(0));
  EXPECT_EQ(p.error("m.gguf"), "m.gguf: first of 3 parts, expected a name that "
                               "ends in -00001-of-00003.gguf");
}

TEST(GGUFParts, parts_that_disagree) {
  {
    Parts p;
    p.numbers[2] = 1;
    p.writeAll();
    EXPECT_EQ(p.error(), "m-00003-of-00003.gguf: metadata 'split.no' is 1, "
                         "expected 2");
  }
  {
    Parts p;
    p.writeAll();
    p.count = 4;
    p.write(Parts::name(1), p.part(1));
    EXPECT_EQ(p.error(), "m-00002-of-00003.gguf: metadata 'split.count' is 4, "
                         "expected 3");
  }
  {
    Parts p;
    p.tensors = 5;
    p.writeAll();
    EXPECT_EQ(p.error(), "m-00001-of-00003.gguf: 3 tensors in all parts, "
                         "expected 5");
  }
  {
    Parts p;
    p.writeAll();
    GGUFWriter w;
    w.raw("split.no", 2, Bytes().put(uint16_t(1)));
    w.raw("split.count", 2, Bytes().put(uint16_t(3)));
    w.floats("t0", {2, 32});
    p.write(Parts::name(1), w.file());
    EXPECT_EQ(p.error(), "m-00001-of-00003.gguf: tensor 't0' is in two files, "
                         "expected it in one");
  }
}

/// The first 1,000 files that differ from a valid part in a few bits or are cut
/// get one line or are read; never anything else.
TEST(GGUFParts, damaged) {
  Parts p;
  p.writeAll();
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    int which = i % 3;
    std::string text = p.part(which);
    if (i % 4 == 3)
      text.resize(random() % text.size());
    else
      for (uint32_t flips = 1 + random() % 3; flips--;)
        text[random() % text.size()] ^= 1 << random() % 8;
    p.write(Parts::name(which), text);
    auto checkpoint = Checkpoint::open(p.path() + "/" + Parts::name(0));
    if (!checkpoint)
      EXPECT_EQ(checkpoint.error().message.find('\n'), std::string::npos);
    else
      for (const auto &[name, view] : checkpoint->tensors())
        EXPECT_LE(view.offset + view.data.size(),
                  std::filesystem::file_size(view.file));
    p.write(Parts::name(which), p.part(which));
  }
}

} // namespace
