//===- TunedRowsTest.cpp - The cache file of `mica tune` ------------------===//

#include "lib/Compiler/TunedRows.h"
#include "lib/Compiler/Nesting.h"
#include "lib/Compiler/Register.h"
#include "mica/Compile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "test/Damage.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using namespace mica;

namespace {

class TunedRowsTest : public testing::Test {
protected:
  TunedRowsTest() : context(registerCompiler()), b(&context) {
    context.loadAllAvailableDialects();
    std::string name = testing::TempDir() + "tuned.XXXXXX";
    folder = mkdtemp(name.data());
    path = folder + "/mica/schedules.mlir";
  }
  ~TunedRowsTest() override { std::filesystem::remove_all(folder); }

  mlir::DictionaryAttr kernel(int64_t columns) {
    return b.getDictionaryAttr(
        {b.getNamedAttr("op", b.getStringAttr("tile.contract")),
         b.getNamedAttr("columns", b.getI64IntegerAttr(columns))});
  }

  tile::ScheduleAttr schedule(int64_t block) {
    return tile::ScheduleAttr::get(&context, {4, 1}, {1, 2}, block, 64, 1,
                                   {0, 512}, 0);
  }

  TunedRows read() {
    auto tuned = TunedRows::read(context, path);
    EXPECT_TRUE(tuned) << (tuned ? "" : tuned.error().message);
    return std::move(*tuned);
  }

  /// The error of reading a file of `text`, without the file's name.
  std::string errorOf(const std::string &text) {
    std::filesystem::create_directories(folder + "/mica");
    std::ofstream(path) << text;
    auto tuned = TunedRows::read(context, path);
    if (tuned)
      return "none";
    std::string message = tuned.error().message;
    EXPECT_TRUE(message.starts_with(path + ": ")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message.substr(path.size() + 2);
  }

  mlir::MLIRContext context;
  mlir::Builder b;
  std::string folder, path;
  const TuningKey mine = {"cpu", "level,+feature", "1"};
  const TuningKey others[3] = {{"other", "level,+feature", "1"},
                               {"cpu", "level", "1"},
                               {"cpu", "level,+feature", "2"}};
};

TEST_F(TunedRowsTest, WhatIsWrittenIsRead) {
  TunedRows tuned = read();
  EXPECT_TRUE(tuned.rowsFor(mine).empty());
  tuned.set(mine, kernel(16), schedule(8));
  tuned.set(mine, kernel(32), schedule(16));
  tuned.set(mine, kernel(16), schedule(24)); // in its place
  ASSERT_TRUE(tuned.write());
  TunedRows again = read();
  EXPECT_EQ(again.find(mine, kernel(16)), schedule(24));
  EXPECT_EQ(again.find(mine, kernel(32)), schedule(16));
  auto rows = again.rowsFor(mine);
  ASSERT_EQ(rows.size(), 2u);
  auto row = mlir::cast<mlir::DictionaryAttr>(rows[0]);
  EXPECT_EQ(row.get("from"), b.getStringAttr(path));
  EXPECT_FALSE(row.get("machine"));
  again.set(mine, kernel(16), {});
  EXPECT_EQ(again.rowsFor(mine).size(), 1u);
}

TEST_F(TunedRowsTest, RowsOfOthersAreKeptAndIgnored) {
  TunedRows tuned = read();
  for (const TuningKey &key : others)
    tuned.set(key, kernel(16), schedule(8));
  ASSERT_TRUE(tuned.write());
  tuned = read();
  EXPECT_TRUE(tuned.rowsFor(mine).empty());
  EXPECT_FALSE(tuned.find(mine, kernel(16)));
  tuned.set(mine, kernel(16), schedule(32));
  ASSERT_TRUE(tuned.write());
  tuned = read();
  for (const TuningKey &key : others)
    EXPECT_EQ(tuned.find(key, kernel(16)), schedule(8));
  EXPECT_EQ(tuned.find(mine, kernel(16)), schedule(32));
}

TEST_F(TunedRowsTest, BadFilesAreRefused) {
  EXPECT_NE(errorOf("module {").find("expected"), std::string::npos);
  EXPECT_EQ(errorOf("module {}"), "module without 'tile.schedules', expected "
                                  "what mica tune writes");
  auto row = [](const std::string &fields) {
    return "module attributes {tile.schedules = [" + fields + "]} {}";
  };
  EXPECT_EQ(errorOf(row("1")), "row 0 is no dictionary, expected one");
  EXPECT_EQ(errorOf(row("{machine = 1}")),
            "row 0 has no machine, expected a string");
  std::string key = "machine = \"a\", features = \"b\", compiler = \"c\"";
  EXPECT_EQ(errorOf(row("{" + key + "}")),
            "row 0 has no schedule, expected #tile.schedule");
  std::string good =
      "schedule = #tile.schedule<rows = [1], panels = [1], block "
      "= 1, unit = 1, unroll = 1, prefetch = 0>";
  EXPECT_EQ(errorOf(row("{" + key + ", " + good + "}")),
            "row 0 has no op, expected a string");
  EXPECT_EQ(errorOf(row("{op = \"a\", " + key + ", " + good + "}")), "none");
  EXPECT_NE(errorOf(row("{op = \"a\", " + key +
                        ", schedule = #tile.schedule<rows = [2], panels = [1], "
                        "block = 1, unit = 1, unroll = 1, prefetch = 0>}"))
                .find("expects rows that descend to 1"),
            std::string::npos);
}

// Whatever is wrong, reading ends in rows or one line.
TEST_F(TunedRowsTest, DamagedFiles) {
  TunedRows tuned = read();
  tuned.set(mine, kernel(16), schedule(8));
  tuned.set(others[0], kernel(32), schedule(16));
  ASSERT_TRUE(tuned.write());
  std::ifstream file(path);
  std::string whole(std::istreambuf_iterator<char>(file), {});
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < test::kDamaged; ++i)
    refused += errorOf(test::damaged(whole, random)) != "none";
  EXPECT_GT(refused, test::kDamaged / 4);
}

TEST_F(TunedRowsTest, Nested) {
  auto nested = [](char open, char close) {
    return "module attributes {a = " + std::string(100000, open) +
           std::string(100000, close) + "} {}";
  };
  std::string error = "brackets nested 100001 deep, expected at most 1000";
  EXPECT_EQ(errorOf(nested('[', ']')), error);
  EXPECT_EQ(errorOf(nested('<', '>')), error);
  EXPECT_EQ(moduleNesting("// [[[\n\"[\\\"[[\" (a) -> (b[<1>]) {a >= 1}"), 3u);
}

TEST_F(TunedRowsTest, TheDefaultFileIsInTheUsersCache) {
  setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(defaultTunedFile(), "/cache/mica/schedules.mlir");
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/home/me", 1);
  EXPECT_EQ(defaultTunedFile(), "/home/me/.cache/mica/schedules.mlir");
  unsetenv("HOME");
  EXPECT_EQ(defaultTunedFile(), "");
}

} // namespace
