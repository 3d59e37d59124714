//===- HwlocAlone.cpp - What hwloc finds instead of other libraries -------===//
//
// hwloc's archive asks dlopen for plugins (graphics cards, which Mica does not
// use) and libudev for names of disks. Debian has no archive of libudev, and a
// static program must not load libraries. So the archive that we link calls
// these instead (HwlocAlone.syms): each says that there is nothing.
//
// Its code is made for programs. A shared object may hold it too if all data
// that it names is the object's own, so the C library's has a second name here.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include <cerrno>
#include <cstdio>

extern "C" {

FILE *mica_own_stderr = stderr, *mica_own_stdout = stdout;
char *mica_own_program_invocation_name = program_invocation_name;

void *mica_no_dlopen(const char *, int) { return nullptr; }
void *mica_no_dlsym(void *, const char *) { return nullptr; }
char *mica_no_dlerror() { return nullptr; }
int mica_no_dlclose(void *) { return 0; }

void *mica_no_udev_new() { return nullptr; }
void *mica_no_udev_unref(void *) { return nullptr; }
void *mica_no_udev_device_new_from_subsystem_sysname(void *, const char *,
                                                     const char *) {
  return nullptr;
}
const char *mica_no_udev_device_get_property_value(void *, const char *) {
  return nullptr;
}
void *mica_no_udev_device_unref(void *) { return nullptr; }

} // extern "C"
