//===- CommandsTest.cpp - The mica program on the hand-written model ------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerJson.h"
#include "mica/Sampler.h"
#include "runtime/Placement.h"
#include "test/runtime/TinyModel.h"

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace mica;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

class Commands : public ::testing::Test {
protected:
  Commands() {
    folder = ::testing::TempDir() + "commands-" + std::to_string(::getpid());
    fs::create_directories(folder);
    model = folder + "/M.mica";
    Status status = tiny::write(model);
    EXPECT_TRUE(status) << status.error().message;
  }
  ~Commands() override { fs::remove_all(folder); }

  /// Runs `mica <arguments>` in the folder. Both outputs are kept.
  int run(const std::string &arguments, const std::string &environment = "") {
    std::string command = "cd '" + folder + "' && " + environment + " " +
                          MICA_PROGRAM + " " + arguments +
                          " >out.txt 2>err.txt";
    int status = std::system(command.c_str());
    out = read("out.txt");
    err = read("err.txt");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string read(const std::string &name) const {
    std::ostringstream text;
    text << std::ifstream(folder + "/" + name, std::ios::binary).rdbuf();
    return text.str();
  }

  /// Writes T.npy of [sequences, length] tokens.
  void writeTokens(uint32_t sequences, uint32_t length) {
    for (uint32_t i = 0; i < sequences * length; ++i)
      tokens.push_back(i * 31 % tiny::kVocab);
    std::string text = "{'descr': '<i4', 'fortran_order': False, 'shape': (" +
                       std::to_string(sequences) + ", " +
                       std::to_string(length) + "), }";
    text.resize(117, ' ');
    text += '\n';
    std::ofstream file(folder + "/T.npy", std::ios::binary);
    file << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << text;
    file.write(reinterpret_cast<const char *>(tokens.data()),
               tokens.size() * 4);
  }

  /// Checks L.npy against what the hand-written model computes.
  void checkLogits(uint32_t sequences, uint32_t length) {
    std::string file = read("L.npy");
    size_t values = size_t(sequences) * length * tiny::kVocab;
    ASSERT_EQ(file.size(), 128 + values * 4);
    std::vector<float> found(values), expected;
    std::memcpy(found.data(), file.data() + 128, values * 4);
    for (uint32_t s = 0; s < sequences; ++s)
      for (uint32_t n = 1; n <= length; ++n) {
        auto row =
            tiny::expectedLogits(std::span(tokens).subspan(s * length, n));
        expected.insert(expected.end(), row.begin(), row.end());
      }
    EXPECT_EQ(found, expected);
  }

  std::string folder, model, out, err;
  std::vector<int32_t> tokens;
};

TEST_F(Commands, HelpHasAnExample) {
  for (const char *command : {"run", "eval", "bench", "explain", "verify"}) {
    EXPECT_EQ(run(std::string(command) + " --help"), 0);
    EXPECT_NE(out.find("  mica " + std::string(command) + " "),
              std::string::npos)
        << out;
  }
  EXPECT_EQ(run("--help"), 0);
  EXPECT_NE(run(""), 0);
  EXPECT_NE(run("nothing"), 0);
}

TEST_F(Commands, Eval) {
  writeTokens(3, 45);
  for (const char *options :
       {"", "--chunk 7", "--decode-from 20", "--decode-from 0", "--ragged",
        "--ragged --decode-from 11 --threads 3 --page-seed 9",
        "--chunk 1 --page-seed 1 --threads 1"}) {
    for (const char *environment : {"", "MICA_GUARD=1"}) {
      ASSERT_EQ(run("eval M.mica --tokens T.npy --logits L.npy " +
                        std::string(options),
                    environment),
                0)
          << err;
      checkLogits(3, 45);
    }
  }
}

TEST_F(Commands, EvalErrors) {
  EXPECT_EQ(run("eval M.mica --tokens T.npy --logits L.npy"), 1);
  EXPECT_EQ(err, "mica: T.npy: cannot open: No such file or directory\n");
  EXPECT_EQ(run("eval M.mica"), 1);
  EXPECT_EQ(err, "mica: eval: neither --text nor both --tokens and --logits "
                 "given, expected one of the two, or --against\n");
  std::ofstream(folder + "/T.npy") << "text";
  EXPECT_EQ(run("eval M.mica --tokens T.npy --logits L.npy"), 1);
  EXPECT_EQ(err, "mica: T.npy: header is no .npy header, expected version 1, 2 "
                 "or 3 of it\n");
  writeTokens(1, 201);
  EXPECT_EQ(run("eval M.mica --tokens T.npy --logits L.npy"), 1);
  EXPECT_EQ(err, "mica: step: request 0 makes its sequence 201 tokens long, "
                 "expected at most 200\n");
  EXPECT_FALSE(fs::exists(folder + "/L.npy"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 4);
  EXPECT_EQ(run("eval no.mica --text T.npy"), 1);
  EXPECT_EQ(err, "mica: no.mica: cannot open: No such file or directory\n");
}

TEST_F(Commands, Verify) {
  EXPECT_EQ(run("verify M.mica"), 0) << err;
  EXPECT_EQ(out, "M.mica: intact, 4 sections, 128 B of weights\n");
  std::fstream file(model, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(4096 + 70);
  file.put('x');
  file.close();
  EXPECT_EQ(run("verify M.mica"), 1);
  EXPECT_TRUE(err.starts_with("mica: M.mica: weights 0 has checksum ")) << err;
}

/// Lower-case letters, then upper-case ones, one token each.
std::string letter(int32_t token) {
  return std::string(1, token < 26 ? 'a' + token : 'A' + token - 26);
}

/// The tables of a byte-level tokenizer whose tokens are letters.
std::string letterTokenizer(const std::string &folder) {
  json vocab;
  for (uint32_t token = 0; token < tiny::kVocab; ++token)
    vocab[letter(token)] = token;
  json bytes = {{"type", "ByteLevel"},
                {"add_prefix_space", false},
                {"trim_offsets", true},
                {"use_regex", true}};
  json root = {
      {"version", "1.0"},
      {"added_tokens", json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer", bytes},
      {"post_processor", nullptr},
      {"decoder", bytes},
      {"model",
       {{"type", "BPE"}, {"vocab", vocab}, {"merges", json::array()}}}};
  std::ofstream(folder + "/tokenizer.json") << root;
  auto source = readTokenizerJson(folder);
  EXPECT_TRUE(source) << source.error().message;
  auto tables = buildTokenizerTables(*source);
  EXPECT_TRUE(tables) << tables.error().message;
  return *tables;
}

TEST_F(Commands, Run) {
  ASSERT_TRUE(tiny::write(model, letterTokenizer(folder)));
  std::vector<int32_t> all = {0, 1, 2};
  std::string text;
  for (int i = 0; i < 12; ++i) {
    all.push_back(argmax(tiny::expectedLogits(all)));
    text += letter(all.back());
  }
  EXPECT_EQ(run("run M.mica -p abc -n 12"), 0) << err;
  EXPECT_EQ(out, text + "\n");
  EXPECT_TRUE(err.starts_with("prompt: 3 tokens, ")) << err;
  EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;

  std::ofstream(folder + "/prompt.txt") << "abc";
  EXPECT_EQ(run("run M.mica -f prompt.txt -n 12 --threads 1"), 0) << err;
  EXPECT_EQ(out, text + "\n");
  EXPECT_EQ(run("run M.mica -n 12 <prompt.txt"), 0) << err;
  EXPECT_EQ(out, text + "\n");

  std::string stop = text.substr(4, 2);
  EXPECT_EQ(run("run M.mica -p abc -n 12 --stop " + stop), 0) << err;
  EXPECT_EQ(out, text.substr(0, text.find(stop)) + "\n");

  EXPECT_EQ(run("run M.mica -p ''"), 1);
  EXPECT_EQ(err, "mica: prompt: no tokens, expected 1 or more\n");
  EXPECT_EQ(run("run M.mica -p abcdefgh --ctx 4"), 1);
  EXPECT_TRUE(err.starts_with("mica: cache: group 'full' has ")) << err;
}

TEST_F(Commands, RunIsSeeded) {
  ASSERT_TRUE(tiny::write(model, letterTokenizer(folder)));
  auto sample = [&](const std::string &options) {
    EXPECT_EQ(run("run M.mica -p abc -n 40 --temp 2 " + options), 0) << err;
    return out;
  };
  EXPECT_EQ(sample("--seed 7"), sample("--seed 7"));
  EXPECT_NE(sample("--seed 7"), sample("--seed 8"));
  EXPECT_EQ(sample("--seed 7 --top-k 1"), sample("--seed 8 --top-p 0"));
}

TEST_F(Commands, Perplexity) {
  ASSERT_TRUE(tiny::write(model, letterTokenizer(folder)));
  std::string text;
  std::vector<int32_t> ids;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(i * i % 50);
    text += letter(ids.back());
  }
  std::ofstream(folder + "/text.txt") << text;
  // Windows of 40, 40 and 20 tokens; the first token of each is given.
  double nll = 0;
  for (size_t at = 0; at < ids.size(); at += 40)
    for (size_t n = at + 1; n < std::min(ids.size(), at + 40); ++n) {
      auto logits = tiny::expectedLogits(std::span(ids).subspan(at, n - at));
      double sum = 0;
      for (float logit : logits)
        sum += std::exp(double(logit));
      nll += std::log(sum) - logits[ids[n]];
    }
  EXPECT_EQ(run("eval M.mica --text text.txt --ctx 40 --every-token --json"), 0)
      << err;
  json shown = json::parse(out, nullptr, false);
  ASSERT_TRUE(shown.is_object()) << out;
  EXPECT_EQ(shown["tokens"], 97);
  EXPECT_EQ(shown["windows"], 3);
  EXPECT_NEAR(shown["nll"].get<double>(), nll / 97, 1e-5);
  EXPECT_NEAR(shown["perplexity"].get<double>(), std::exp(nll / 97), 1e-3);
  EXPECT_EQ(
      run("eval M.mica --text text.txt --ctx 40 --every-token --limit 50"), 0)
      << err;
  EXPECT_NE(out.find("48 tokens, 2 windows"), std::string::npos) << out;
  EXPECT_EQ(run("eval M.mica --text text.txt --ctx 201"), 1);
  EXPECT_EQ(err, "mica: --ctx: 201 tokens, expected 3 to the model's 200\n");
}

TEST_F(Commands, RunNeedsATokenizer) {
  EXPECT_EQ(run("run M.mica -p x"), 1);
  EXPECT_EQ(err, "mica: M.mica: no tokenizer, expected one\n");
}

TEST_F(Commands, Explain) {
  EXPECT_EQ(run("explain M.mica --steps 2 --trace trace.json --json"), 0)
      << err;
  json shown = json::parse(out, nullptr, false);
  ASSERT_TRUE(shown.is_object()) << out;
  EXPECT_TRUE(shown["measured"].contains("append"));
  json trace = json::parse(read("trace.json"), nullptr, false);
  ASSERT_TRUE(trace.is_object());
  // Two steps of a phase and an end, each with its work and its wait.
  ASSERT_EQ(trace["traceEvents"].size(), 8u);
  EXPECT_EQ(trace["traceEvents"][0]["name"], "append");
  EXPECT_EQ(run("explain M.mica --steps 2"), 0) << err;
  EXPECT_NE(out.find("cache 'window': 2 layers"), std::string::npos) << out;
  EXPECT_NE(out.find("workers: 1, not bound\n"), std::string::npos) << out;
}

TEST_F(Commands, ExplainNamesCPUs) {
  // As many workers as cores, each on a CPU of its own.
  EXPECT_EQ(run("explain M.mica --steps 1 --threads 0 --json"), 0) << err;
  json shown = json::parse(out, nullptr, false);
  ASSERT_TRUE(shown.is_object()) << out;
  EXPECT_EQ(shown["threads"], defaultWorkers());
  std::set<int> cpus = shown["cpus"];
  EXPECT_EQ(cpus.size(), defaultWorkers() > 1 ? defaultWorkers() : 0);
  EXPECT_EQ(run("explain M.mica --steps 1 --threads 0"), 0) << err;
  size_t line = out.find("workers: " + std::to_string(defaultWorkers()));
  ASSERT_NE(line, std::string::npos) << out;
  for (int cpu : cpus)
    EXPECT_NE(out.find(std::to_string(cpu), line), std::string::npos) << out;
}

TEST_F(Commands, Bench) {
  EXPECT_EQ(run("bench M.mica -p 20 -n 4 -d 30 --threads 1 --json"), 0) << err;
  json figures = json::parse(out, nullptr, false);
  ASSERT_TRUE(figures.is_array()) << out;
  ASSERT_EQ(figures.size(), 2u);
  EXPECT_EQ(figures[0]["test"], "pp20");
  EXPECT_EQ(figures[1]["test"], "tg4");
  EXPECT_EQ(figures[1]["depth"], 30);
  for (const json &figure : figures) {
    EXPECT_EQ(figure["threads"], 1);
    EXPECT_GT(figure["tokens_per_second"], 0);
    EXPECT_TRUE(figure.contains("roofline_share"));
  }
  EXPECT_EQ(run("bench"), 1);
}

TEST_F(Commands, CompilerStandsBesideIt) {
  // In a folder without the compiler.
  fs::copy_file(MICA_PROGRAM, folder + "/mica");
  int status = std::system(
      ("cd '" + folder + "' && ./mica compile x 2>err.txt").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(read("err.txt").find("mica-compile: cannot run: "),
            std::string::npos);
}

} // namespace
