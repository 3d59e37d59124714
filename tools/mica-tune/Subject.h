//===- Subject.h - What is tuned --------------------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_TUNE_SUBJECT_H
#define TOOLS_MICA_TUNE_SUBJECT_H

#include "mica/Compile.h"

#include <string>
#include <utility>

namespace mica {

/// A folder that is removed, with all that is in it, when this is destroyed.
class TemporaryFolder {
public:
  static Expected<TemporaryFolder> create();
  TemporaryFolder(TemporaryFolder &&other) noexcept
      : path(std::exchange(other.path, {})) {}
  TemporaryFolder &operator=(TemporaryFolder &&other) noexcept {
    std::swap(path, other.path);
    return *this;
  }
  ~TemporaryFolder();

  std::string file(const char *name) const { return path + "/" + name; }

private:
  explicit TemporaryFolder(std::string path) : path(std::move(path)) {}
  std::string path;
};

/// An artifact, and the options that make its code again.
struct Subject {
  std::string artifact;
  CompileOptions options;
  int64_t columns = 0; ///< of the product that it is about; 0: all
};

/// The subject that `options.input` names: an artifact, which says itself what
/// it was made of; what `compile` takes, which is compiled into `folder`; or a
/// shape, of which a model is made there.
Expected<Subject> openSubject(const CompileOptions &options,
                              const TemporaryFolder &folder);

} // namespace mica

#endif // TOOLS_MICA_TUNE_SUBJECT_H
