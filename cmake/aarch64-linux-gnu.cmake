# Builds for AArch64 Linux on another machine, with Clang and Debian's packages
# of that architecture (scripts/install-deps). CMakePresets.json names the
# compilers.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
# What pkg-config knows of the host's libraries is of no use.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig)
