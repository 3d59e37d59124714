//===- LlamaLogits.cpp - What llama.cpp computes for given tokens ---------===//
//
//   LlamaLogits MODEL.gguf THREADS CONTEXT f16|f32
//   LlamaLogits quantize IN.gguf OUT.gguf FTYPE [pure]
//
// The first answers each line of its standard input, the token ids of a text
// that begins in an empty cache, with the logits after each of them: f32,
// [tokens, vocabulary], in the order of this machine's bytes. The last argument
// is the type of the cache. The second writes OUT.gguf with the quantizer of
// llama.cpp; FTYPE is a number of `llama_ftype`, and pure means that every
// matrix has that type.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "llama.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int32_t kBatch = 128; // tokens whose logits lie in memory

[[noreturn]] void fail(const char *what) {
  std::fprintf(stderr, "llama.cpp: cannot %s\n", what);
  std::exit(1);
}

int quantize(const char *in, const char *out, int type, bool pure) {
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.ftype = static_cast<llama_ftype>(type);
  params.allow_requantize = true;
  params.pure = pure;
  if (llama_model_quantize(in, out, &params))
    fail("quantize");
  return 0;
}

/// Without other layouts of the weights: those for tiles of AMX end this
/// program by an invalid opcode on some virtual machines.
llama_model_params modelParams() {
  llama_model_params params = llama_model_default_params();
  params.use_extra_bufts = false;
  return params;
}

llama_context *makeContext(llama_model *model, int threads, int length,
                           bool isF32) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = length;
  params.n_batch = params.n_ubatch = kBatch;
  params.n_threads = params.n_threads_batch = threads;
  if (isF32) { // flash attention would round it to f16
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  }
  return llama_init_from_model(model, params);
}

void writeLogits(llama_context *context, size_t vocabulary,
                 const std::vector<int32_t> &tokens) {
  llama_memory_clear(llama_get_memory(context), true);
  llama_batch batch = llama_batch_init(kBatch, 0, 1);
  for (size_t at = 0; at < tokens.size(); at += batch.n_tokens) {
    batch.n_tokens = std::min<size_t>(kBatch, tokens.size() - at);
    for (int32_t i = 0; i < batch.n_tokens; ++i) {
      batch.token[i] = tokens[at + i];
      batch.pos[i] = static_cast<int32_t>(at) + i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = true;
    }
    if (llama_decode(context, batch))
      fail("decode");
    size_t count = batch.n_tokens * vocabulary;
    if (std::fwrite(llama_get_logits(context), sizeof(float), count, stdout) !=
        count)
      fail("write logits");
  }
  std::fflush(stdout);
  llama_batch_free(batch);
}

} // namespace

int main(int argc, char **argv) {
  bool pure = argc == 6 && argv[5] == std::string("pure");
  if (argc != 5 && !pure) {
    std::fprintf(stderr, "usage: LlamaLogits MODEL.gguf THREADS CONTEXT "
                         "f16|f32\n"
                         "       LlamaLogits quantize IN.gguf OUT.gguf FTYPE "
                         "[pure]\n");
    return 2;
  }
  llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
  llama_backend_init();
  if (argv[1] == std::string("quantize"))
    return quantize(argv[2], argv[3], std::atoi(argv[4]), pure);
  llama_model *model = llama_model_load_from_file(argv[1], modelParams());
  llama_context *context =
      model ? makeContext(model, std::atoi(argv[2]), std::atoi(argv[3]),
                          argv[4] == std::string("f32"))
            : nullptr;
  if (!context)
    fail("load the model");
  size_t vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::vector<int32_t> tokens;
    for (int32_t token; words >> token;)
      tokens.push_back(token);
    writeLogits(context, vocabulary, tokens);
  }
  return 0;
}
