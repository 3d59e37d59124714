//===- OutputFile.cpp - A file that appears whole or not at all -----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Artifact/OutputFile.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

using namespace mica;

namespace {

// Written at multiples of it; two huge pages.
constexpr uint64_t kPiece = uint64_t(4) << 20;

constexpr int kGuards = 16;
constexpr size_t kPathMax = 4096;

/// Names of temporary files, kept where a signal handler may read them.
struct GuardedName {
  std::atomic<bool> used{false}, ready{false};
  char name[kPathMax];
};
GuardedName guardedNames[kGuards];

void removeTemporaries(int signal) {
  for (GuardedName &entry : guardedNames)
    if (entry.ready.load())
      unlink(entry.name);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

/// Handles a signal, unless the program already does.
void handle(int signal) {
  struct sigaction now;
  if (sigaction(signal, nullptr, &now) || now.sa_handler != SIG_DFL)
    return;
  struct sigaction mine = {};
  mine.sa_handler = removeTemporaries;
  sigaction(signal, &mine, nullptr);
}

/// Returns the index of an entry that holds `name`, -1 if none is free.
int guardName(const std::string &name) {
  static std::once_flag once;
  std::call_once(once, [] {
    handle(SIGINT);
    handle(SIGTERM);
    handle(SIGHUP);
  });
  if (name.size() >= kPathMax)
    return -1;
  for (int i = 0; i < kGuards; ++i) {
    GuardedName &entry = guardedNames[i];
    if (entry.used.exchange(true))
      continue;
    std::memcpy(entry.name, name.c_str(), name.size() + 1);
    entry.ready = true;
    return i;
  }
  return -1;
}

void unguardName(int index) {
  if (index < 0)
    return;
  guardedNames[index].ready = false;
  guardedNames[index].used = false;
}

} // namespace

Expected<OutputFile> OutputFile::create(const std::string &path) {
  // A rename would put a file in the place of a device.
  struct stat found;
  if (!stat(path.c_str(), &found) && !S_ISREG(found.st_mode))
    return Error{path + ": is no regular file, expected one or a new name"};
  OutputFile file;
  file.path = path;
  file.temporary = path + ".tmp." + std::to_string(getpid());
  file.guard = guardName(file.temporary);
  file.fd = open(file.temporary.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC,
                 0666);
  if (file.fd < 0)
    return file.failure("create");
  return file;
}

OutputFile::OutputFile(OutputFile &&other)
    : path(std::move(other.path)), temporary(std::move(other.temporary)),
      pending(std::move(other.pending)), offset(other.offset),
      fd(std::exchange(other.fd, -1)), guard(std::exchange(other.guard, -1)) {}

OutputFile &OutputFile::operator=(OutputFile &&other) {
  std::swap(path, other.path);
  std::swap(temporary, other.temporary);
  std::swap(pending, other.pending);
  std::swap(offset, other.offset);
  std::swap(fd, other.fd);
  std::swap(guard, other.guard);
  return *this;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() {
  if (fd >= 0) {
    close(fd);
    unlink(temporary.c_str());
  }
  fd = -1;
  unguardName(std::exchange(guard, -1));
}

Error OutputFile::failure(const char *action) const {
  return Error{path + ": cannot " + action + " '" + temporary +
               "': " + std::strerror(errno)};
}

Status OutputFile::write(const void *data, uint64_t size) {
  auto *bytes = static_cast<const char *>(data);
  while (size) {
    uint64_t room = kPiece - offset % kPiece;
    uint64_t taken = std::min(room, size);
    pending.append(bytes, taken);
    bytes += taken, offset += taken, size -= taken;
    if (taken == room)
      if (Status status = flush(); !status)
        return status;
  }
  return {};
}

Status OutputFile::flush() {
  Status status = put(offset - pending.size(), pending.data(), pending.size());
  pending.clear();
  return status;
}

Status OutputFile::writeAt(uint64_t at, const void *data, uint64_t size) {
  if (Status status = flush(); !status)
    return status;
  return put(at, data, size);
}

Status OutputFile::put(uint64_t at, const void *data, uint64_t size) {
  auto *bytes = static_cast<const char *>(data);
  while (size) {
    ssize_t done = pwrite(fd, bytes, size, at);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return failure("write");
    bytes += done, at += done, size -= done;
  }
  return {};
}

Status OutputFile::makeExecutable() {
  struct stat info;
  if (fstat(fd, &info) || fchmod(fd, info.st_mode | (info.st_mode & 0444) >> 2))
    return failure("make executable");
  return {};
}

Status OutputFile::commit() {
  if (Status status = flush(); !status)
    return status;
  if (fsync(fd) && errno != EINVAL)
    return failure("write");
  if (rename(temporary.c_str(), path.c_str()))
    return failure("rename");
  close(std::exchange(fd, -1));
  unguardName(std::exchange(guard, -1));
  return {};
}

Status mica::writeFile(const std::string &path, const void *data,
                       uint64_t size) {
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (Status status = file->write(data, size); !status)
    return status;
  return file->commit();
}
