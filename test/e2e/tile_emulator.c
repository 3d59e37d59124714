//===- tile_emulator.c - AMX in software, where the CPU has none ----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//
//
// Once loaded into a process, executes the tile instructions that a CPU without
// AMX refuses by SIGILL. Their encodings and meaning: Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2 (LDTILECFG, TILERELEASE,
// TILEZERO, TILELOADD, TILESTORED, TDPBSSD and its kin, TDPBF16PS). Denormal
// numbers are not flushed. Anything else ends the process.
//
//===----------------------------------------------------------------------===//

#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { kTiles = 8, kRows = 16, kRowBytes = 64 };

// Of each thread: what LDTILECFG read, and the registers.
static _Thread_local struct {
  uint8_t config[64];
  uint8_t tiles[kTiles][kRows][kRowBytes];
} state;

static int rowsOf(int tile) { return state.config[48 + tile]; }
static int bytesOf(int tile) { return state.config[16 + 2 * tile]; }

/// The fields of an instruction with a three-byte VEX prefix of map 0F38.
struct Instruction {
  int opcode, prefix, source; // prefix: none, 66, F3, F2
  int mode, reg, rm;
  uint8_t *memory; // where the operand in memory begins, without an index
  int64_t index;
  const uint8_t *end;
};

static const int kRegisters[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void refuse(const uint8_t *code) {
  fprintf(stderr, "tile_emulator: instruction");
  for (int i = 0; i < 8; ++i)
    fprintf(stderr, " %02x", code[i]);
  fprintf(stderr, ", expected one on tiles as they are configured\n");
  _exit(1);
}

static int32_t readInt32(const uint8_t *from) {
  int32_t value;
  memcpy(&value, from, sizeof value);
  return value;
}

/// The operand in memory, from behind the byte ModRM on.
static void decodeMemory(struct Instruction *in, const uint8_t *code,
                         const greg_t *registers) {
  int highIndex = !(code[1] >> 6 & 1) << 3, highBase = !(code[1] >> 5 & 1) << 3;
  int64_t base = 0;
  int hasNoBase = 0;
  if (in->rm == 4) {
    int sib = *in->end++, index = (sib >> 3 & 7) | highIndex;
    hasNoBase = (sib & 7) == 5 && in->mode == 0;
    if (!hasNoBase)
      base = registers[kRegisters[(sib & 7) | highBase]];
    if (index != 4)
      in->index = registers[kRegisters[index]] << (sib >> 6);
  } else if (in->rm == 5 && in->mode == 0) {
    base = (int64_t)(in->end + 4); // relative to what follows
    hasNoBase = 1;
  } else {
    base = registers[kRegisters[in->rm | highBase]];
  }
  if (in->mode == 1) {
    base += (int8_t)*in->end++;
  } else if (in->mode == 2 || hasNoBase) {
    base += readInt32(in->end);
    in->end += 4;
  }
  in->memory = (uint8_t *)base;
}

static struct Instruction decode(const uint8_t *code,
                                 const greg_t *registers) {
  if (code[0] != 0xc4 || (code[1] & 31) != 2)
    refuse(code);
  struct Instruction in = {.opcode = code[3],
                           .prefix = code[2] & 3,
                           .source = ~(code[2] >> 3) & 15,
                           .mode = code[4] >> 6,
                           .reg = code[4] >> 3 & 7,
                           .rm = code[4] & 7,
                           .end = code + 5};
  if (in.mode != 3)
    decodeMemory(&in, code, registers);
  return in;
}

static float fromBF16(const uint8_t *at) {
  uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 24;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// sum + four products; of the prefixes, 66 and none have an unsigned first
/// factor, F3 and none an unsigned second one.
static int32_t dotBytes(int32_t sum, const uint8_t *a, const uint8_t *b,
                        int prefix) {
  for (int i = 0; i < 4; ++i) {
    int x = prefix >= 2 ? (int8_t)a[i] : a[i];
    int y = prefix == 3 || prefix == 1 ? (int8_t)b[i] : b[i];
    sum += x * y;
  }
  return sum;
}

/// tile `into` += tile `a` * tile `b`, whose rows are dwords of k.
static void multiply(int into, int a, int b, int opcode, int prefix) {
  int dwords = bytesOf(a) / 4;
  for (int r = 0; r < rowsOf(into); ++r)
    for (int n = 0; n < bytesOf(into); n += 4) {
      uint8_t *at = state.tiles[into][r] + n;
      const uint8_t *row = state.tiles[a][r];
      if (opcode == 0x5e) {
        int32_t sum = readInt32(at);
        for (int k = 0; k < dwords; ++k)
          sum = dotBytes(sum, row + 4 * k, state.tiles[b][k] + n, prefix);
        memcpy(at, &sum, sizeof sum);
        continue;
      }
      float sum, even = 0, odd = 0;
      memcpy(&sum, at, sizeof sum);
      for (int k = 0; k < dwords; ++k) {
        const uint8_t *x = row + 4 * k, *y = state.tiles[b][k] + n;
        even = __builtin_fmaf(fromBF16(x), fromBF16(y), even);
        odd = __builtin_fmaf(fromBF16(x + 2), fromBF16(y + 2), odd);
      }
      sum += even + odd;
      memcpy(at, &sum, sizeof sum);
    }
}

static void execute(const struct Instruction *in, const uint8_t *code) {
  int isRegister = in->mode == 3, tile = in->reg;
  if (in->opcode == 0x49 && in->prefix == 0) { // LDTILECFG, TILERELEASE
    memset(&state, 0, sizeof state);
    if (!isRegister)
      memcpy(state.config, in->memory + in->index, sizeof state.config);
  } else if (in->opcode == 0x49 && in->prefix == 3 && isRegister) { // TILEZERO
    memset(state.tiles[tile], 0, sizeof state.tiles[tile]);
  } else if (in->opcode == 0x4b && !isRegister && in->prefix && rowsOf(tile)) {
    if (in->prefix != 2) // TILELOADD, TILELOADDT1
      memset(state.tiles[tile], 0, sizeof state.tiles[tile]);
    for (int r = 0; r < rowsOf(tile); ++r) {
      uint8_t *row = state.tiles[tile][r], *at = in->memory + r * in->index;
      memcpy(in->prefix == 2 ? at : row, in->prefix == 2 ? row : at,
             (size_t)bytesOf(tile));
    }
  } else if (isRegister &&
             (in->opcode == 0x5e || (in->opcode == 0x5c && in->prefix == 2)) &&
             rowsOf(in->rm) == rowsOf(tile) &&
             bytesOf(in->source) == bytesOf(tile) &&
             rowsOf(in->source) * 4 == bytesOf(in->rm)) { // TDP…
    multiply(tile, in->rm, in->source, in->opcode, in->prefix);
  } else {
    refuse(code);
  }
}

static void handle(int signal, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *code = (const uint8_t *)registers[REG_RIP];
  struct Instruction in = decode(code, registers);
  execute(&in, code);
  registers[REG_RIP] = (greg_t)in.end;
}

__attribute__((constructor)) static void install(void) {
  struct sigaction action = {.sa_sigaction = handle,
                             .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGILL, &action, NULL);
}
