//===- MakeTokenizerTables.cpp - The tables of a tokenizer.json -----------===//
//
// MakeTokenizerTables TOKENIZER.json... OUT: seeds of FuzzTokenizerTables.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerJson.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace mica;

int main(int argc, char **argv) {
  std::filesystem::path out = argv[argc - 1];
  std::filesystem::create_directories(out);
  for (int i = 1; i + 1 < argc; ++i) {
    std::filesystem::path path = argv[i];
    auto source = readTokenizerJson(path.string());
    auto tables = source ? buildTokenizerTables(*source)
                         : Expected<std::string>(source.takeError());
    if (!tables) {
      std::fprintf(stderr, "%s\n", tables.error().message.c_str());
      return 1;
    }
    std::ofstream(out / path.stem(), std::ios::binary) << *tables;
  }
  return 0;
}
