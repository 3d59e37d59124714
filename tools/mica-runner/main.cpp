//===- main.cpp - A program that carries its model -----------------------===//
//
// `mica compile --emit=exe` writes an artifact behind this program. It needs no
// other file, not even /proc, and takes the options of `mica run`.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Commands.h"

#include <sys/auxv.h>
#include <unistd.h>

using namespace mica;

/// This file. Where /proc is missing, the path by which it was started.
static std::string ownFile() {
  char path[4096];
  ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  if (size > 0 && size < ssize_t(sizeof(path)))
    return std::string(path, size);
  unsigned long started = getauxval(AT_EXECFN);
  return started ? reinterpret_cast<const char *>(started) : "/proc/self/exe";
}

int main(int argc, char **argv) {
  int status = 0;
  CLI::App app("Generates text with the model that this program carries.");
  addRunOptions(app, status, ownFile());
  CLI11_PARSE(app, argc, argv);
  return status;
}
