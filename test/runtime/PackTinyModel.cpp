//===- PackTinyModel.cpp - Write the hand-written model to a file ---------===//
//
//   PackTinyModel OUT.mica [TOKENIZER-TABLES]
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/runtime/TinyModel.h"

#include <cstdio>
#include <fstream>
#include <sstream>

int main(int argc, char **argv) {
  if (argc < 2)
    return 2;
  std::ostringstream tokenizer;
  if (argc > 2)
    tokenizer << std::ifstream(argv[2], std::ios::binary).rdbuf();
  auto status = mica::tiny::write(argv[1], tokenizer.str());
  if (!status)
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return !status;
}
