//===- Verify.cpp - `mica verify` -----------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Artifact.h"
#include "tools/mica/Commands.h"
#include "tools/mica/Support.h"

#include <cstdio>
#include <memory>

using namespace mica;

static int verify(const std::string &path) {
  auto artifact = Artifact::open(path);
  if (!artifact)
    return report(artifact.error());
  uint64_t bytes = artifact->section(MICA_SECTION_WEIGHTS).size();
  Progress progress("verify", bytes);
  Status status =
      artifact->verifyWeights([&](uint64_t done) { progress.update(done); });
  if (!status)
    return report(status.error());
  std::printf("%s: intact, %u sections, %s of weights\n", path.c_str(),
              artifact->header().sections, formatBytes(bytes).c_str());
  return 0;
}

void mica::addVerifyCommand(CLI::App &app, int &status) {
  CLI::App *command = app.add_subcommand(
      "verify", "Check every byte of a .mica file, the weights included");
  command->footer("Example:\n  mica verify M.mica\n");
  auto path = std::make_shared<std::string>();
  command->add_option("model", *path, "A .mica file")->required();
  command->callback([=, &status] { status = verify(*path); });
}
