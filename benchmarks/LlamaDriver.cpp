//===- LlamaDriver.cpp - llama.cpp and ik_llama.cpp as engines ------------===//
//
//   LlamaDriver MODEL.gguf THREADS TOKENS [flash] [q8_0] [repack]
//
// flash turns flash attention on, q8_0 is the type of the cache (f16 without
// it), repack lays the weights out anew (ik_llama.cpp alone).
//
// Compiled against the headers and libraries that come with the packages
// llama-cpp-python and ik-llama-cpp-python (-DIK for the latter, whose
// interface differs a little).
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "benchmarks/Driver.h"
#include "llama.h"

#include <cstdlib>
#include <set>

namespace {

[[noreturn]] void fail(const char *what) {
  std::fprintf(stderr, "llama.cpp: cannot %s\n", what);
  std::exit(1);
}

//===----------------------------------------------------------------------===//
// The cache, by either interface
//===----------------------------------------------------------------------===//

#ifdef IK
void removeFrom(llama_context *context, llama_seq_id sequence, llama_pos from) {
  llama_kv_cache_seq_rm(context, sequence, from, -1);
}
void share(llama_context *context, llama_seq_id from, llama_seq_id to) {
  llama_kv_cache_seq_cp(context, from, to, -1, -1);
}
std::vector<uint8_t> stateOf(llama_context *context, llama_seq_id sequence) {
  std::vector<uint8_t> state(llama_state_seq_get_size(context, sequence, 0));
  llama_state_seq_get_data(context, state.data(), state.size(), sequence, 0);
  return state;
}
bool setState(llama_context *context, const std::vector<uint8_t> &state,
              llama_seq_id sequence) {
  return llama_state_seq_set_data(context, state.data(), state.size(), sequence,
                                  0);
}
bool hasWindow(const llama_model *) { return false; }
#else
void removeFrom(llama_context *context, llama_seq_id sequence, llama_pos from) {
  llama_memory_seq_rm(llama_get_memory(context), sequence, from, -1);
}
void share(llama_context *context, llama_seq_id from, llama_seq_id to) {
  llama_memory_seq_cp(llama_get_memory(context), from, to, -1, -1);
}
std::vector<uint8_t> stateOf(llama_context *context, llama_seq_id sequence) {
  std::vector<uint8_t> state(llama_state_seq_get_size(context, sequence));
  llama_state_seq_get_data(context, state.data(), state.size(), sequence);
  return state;
}
bool setState(llama_context *context, const std::vector<uint8_t> &state,
              llama_seq_id sequence) {
  return llama_state_seq_set_data(context, state.data(), state.size(),
                                  sequence);
}
bool hasWindow(const llama_model *model) {
  return llama_model_n_swa(model) > 0;
}
#endif

//===----------------------------------------------------------------------===//
// The engine
//===----------------------------------------------------------------------===//

class LlamaEngine : public Engine {
public:
  explicit LlamaEngine(llama_context *context) : context(context) {
    batch = llama_batch_init(kBatch, 0, 1);
  }
  ~LlamaEngine() override { llama_batch_free(batch); }

  /// Depths that would take minutes to compute are made of one batch, its keys
  /// and values in the cache many times over at the positions of that batch:
  /// attention reads and computes as much. A window goes by positions, so with
  /// one everything is computed.
  void setDepth(const std::vector<int32_t> &tokens) override {
    removeFrom(context, kMain, 0);
    position = 0;
    bool copies =
        tokens.size() >= 2 * kBatch && !hasWindow(llama_get_model(context));
    size_t copied = copies ? tokens.size() / kBatch * kBatch : 0;
    if (copied) {
      append({tokens.begin(), tokens.begin() + kBatch}, kBatch);
      const std::vector<uint8_t> state = stateOf(context, kMain);
      for (size_t at = kBatch; at < copied; at += kBatch) {
        if (!setState(context, state, kCopy))
          fail("copy a part of the cache");
        share(context, kCopy, kMain);
        removeFrom(context, kCopy, 0);
      }
    }
    append({tokens.begin() + copied, tokens.end()}, kBatch);
    base = position;
  }
  void prefill(const std::vector<int32_t> &tokens) override {
    append(tokens, kBatch);
  }
  void decode(const std::vector<int32_t> &tokens) override {
    append(tokens, 1);
  }
  void rows(const std::vector<int32_t> &tokens) override {
    append(tokens, kBatch, true);
  }
  void rewind() override {
    removeFrom(context, kMain, base);
    position = base;
  }

private:
  static constexpr uint32_t kBatch = 512;
  static constexpr llama_seq_id kMain = 0, kCopy = 1;

  void append(const std::vector<int32_t> &tokens, uint32_t most,
              bool allLogits = false) {
    for (size_t at = 0; at < tokens.size(); at += batch.n_tokens) {
      batch.n_tokens = std::min<size_t>(most, tokens.size() - at);
      for (int32_t i = 0; i < batch.n_tokens; ++i) {
        batch.token[i] = tokens[at + i];
        batch.pos[i] = position++;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = kMain;
        batch.logits[i] = allLogits || i + 1 == batch.n_tokens;
      }
      if (llama_decode(context, batch))
        fail("decode");
      llama_synchronize(context);
    }
  }

  llama_context *context;
  llama_batch batch;
  llama_pos base = 0, position = 0;
};

llama_context_params contextParams(char **arguments,
                                   const std::set<std::string> &words) {
  llama_context_params params = llama_context_default_params();
  params.n_threads = params.n_threads_batch = std::atoi(arguments[2]);
  params.n_ctx = std::atoi(arguments[3]);
  params.n_seq_max = 2; // kMain and kCopy
  params.n_batch = params.n_ubatch = 512;
  if (words.contains("q8_0"))
    params.type_k = params.type_v = GGML_TYPE_Q8_0;
#ifdef IK
  params.flash_attn = words.contains("flash");
#else
  params.kv_unified = true;
  params.flash_attn_type = words.contains("flash")
                               ? LLAMA_FLASH_ATTN_TYPE_ENABLED
                               : LLAMA_FLASH_ATTN_TYPE_DISABLED;
#endif
  return params;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: LlamaDriver MODEL.gguf THREADS TOKENS "
                         "[flash] [q8_0] [repack]\n");
    return 2;
  }
  std::set<std::string> words(argv + 4, argv + argc);
  llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
  llama_backend_init();
  llama_model_params modelParams = llama_model_default_params();
#ifdef IK
  modelParams.repack_tensors = words.contains("repack");
#endif
  llama_model *model = llama_model_load_from_file(argv[1], modelParams);
  llama_context *context =
      model ? llama_init_from_model(model, contextParams(argv, words))
            : nullptr;
  if (!context)
    fail("load the model");
  LlamaEngine engine(context);
  return serve(engine, llama_vocab_n_tokens(llama_model_get_vocab(model)));
}
