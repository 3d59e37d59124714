/*===- mica.h - The C interface of Mica -----------------------------------===
 *
 * C99 and C++17. What may change in it and what may not: docs/c-api.md.
 *
 * Threads: different models may be used by different threads at a time. A
 * model with its sequences is for one thread at a time, and so is each sampler
 * and each detokenizer. Encoding and decoding are safe everywhere.
 *
 * Ownership: what a function *_create, *_fork or *_load gives is freed by its
 * *_free, in any order; NULL may be freed. Everything else is lent, for as long
 * as its comment says. Nothing given to a function is kept.
 *
 * Structures but mica_logit_bias, which does not grow, begin with `size`, which
 * the caller sets to the structure's sizeof. In options 0 means the default, so
 * {sizeof(options)} is all defaults and a NULL is too.
 *
 * Part of Mica, under Apache-2.0 WITH LLVM-exception.
 *===----------------------------------------------------------------------===*/

#ifndef MICA_C_MICA_H
#define MICA_C_MICA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MICA_C_MAJOR 1
#define MICA_C_MINOR 1

/* What most functions return. */
typedef int32_t mica_status;
#define MICA_OK 0
#define MICA_FAILED 1  /* a file, the machine or memory: mica_last_error() */
#define MICA_INVALID 2 /* an argument that is not allowed */
#define MICA_SMALL 3   /* the caller's buffer; the size needed was stored */

typedef struct mica_model mica_model;
typedef struct mica_sequence mica_sequence;
typedef struct mica_sampler mica_sampler;
typedef struct mica_detokenizer mica_detokenizer;

/* The library's version: major * 65536 + minor. */
uint32_t mica_version(void);

/* Why the last call of this thread that did not return MICA_OK failed: one
 * line, valid until the thread's next call. */
const char *mica_last_error(void);

/*===- Models --------------------------------------------------------------===*/

typedef struct mica_load_options {
  size_t size;
  uint32_t threads;   /* 0: one for each core */
  uint32_t sequences; /* at a time; 0: 1 */
  uint64_t kv_tokens; /* over all sequences; 0: the model's maximum */
} mica_load_options;

typedef struct mica_model_info {
  size_t size;
  uint32_t vocab;       /* token ids are below it */
  uint32_t max_context; /* tokens of one sequence */
  uint32_t max_rows;    /* tokens of one step */
  uint32_t layers;
  uint64_t parameters;
  uint32_t threads;
  int32_t begin_token; /* -1: none */
  const char *name;    /* valid as long as the model */
} mica_model_info;

/* Opens a .mica file, or a program or library that carries one; with a NULL
 * path the library that this function is in. */
mica_status mica_model_load(const char *path, const mica_load_options *options,
                            mica_model **model);
void mica_model_free(mica_model *model);

/* Fills in the first info->size bytes of what is known. */
mica_status mica_model_get_info(const mica_model *model, mica_model_info *info);

/*===- Text ----------------------------------------------------------------===*/

#define MICA_ADD_SPECIAL 1u   /* the ids that the model wants around a text */
#define MICA_PARSE_SPECIAL 2u /* "<bos>" in a text is the token */
#define MICA_SHOW_SPECIAL 4u  /* decoding has special tokens as text */

/* Stores the ids of a text of `length` bytes; *count is their number, also
 * where `capacity` is less (MICA_SMALL, nothing stored). */
mica_status mica_encode(const mica_model *model, const char *text,
                        size_t length, uint32_t flags, int32_t *ids,
                        size_t capacity, size_t *count);

/* The same for the text of ids: UTF-8, without a zero behind it. */
mica_status mica_decode(const mica_model *model, const int32_t *ids,
                        size_t count, uint32_t flags, char *text,
                        size_t capacity, size_t *length);

/* 1 if the id ends a text, else 0. */
int32_t mica_is_end(const mica_model *model, int32_t id);

/* Turns ids that come behind a prompt into text as they come: whole characters
 * only. The text is lent until the detokenizer's next call. */
mica_status mica_detokenizer_create(const mica_model *model, uint32_t flags,
                                    mica_detokenizer **detokenizer);
void mica_detokenizer_free(mica_detokenizer *detokenizer);
mica_status mica_detokenizer_push(mica_detokenizer *detokenizer, int32_t id,
                                  const char **text, size_t *length);
mica_status mica_detokenizer_finish(mica_detokenizer *detokenizer,
                                    const char **text, size_t *length);

/*===- Sequences and steps -------------------------------------------------===*/

/* Tokens with their cache. A sequence keeps its model in memory. */
mica_status mica_sequence_create(mica_model *model, mica_sequence **sequence);
mica_status mica_sequence_fork(const mica_sequence *sequence,
                               mica_sequence **fork);
void mica_sequence_free(mica_sequence *sequence);
uint32_t mica_sequence_length(const mica_sequence *sequence);

/* Tokens to append to one sequence. */
typedef struct mica_request {
  size_t size;
  const mica_sequence *sequence;
  const int32_t *tokens;
  size_t count;
  uint32_t outputs; /* the last tokens, this many, whose logits are wanted */
} mica_request;

/* Lent until the model's next step. Row i begins at data + i * stride. */
typedef struct mica_logits {
  size_t size;
  const float *data;
  uint32_t rows, vocab, stride;
} mica_logits;

/* Appends to several sequences of the model at once, each at most once. All
 * requests are of one size. On a failure nothing has changed. */
mica_status mica_model_step(mica_model *model, const mica_request *requests,
                            size_t count, mica_logits *logits);

/* Appends any number of tokens, in steps of at most `chunk` (0: as many as
 * possible); the logits are those of the last one. */
mica_status mica_model_feed(mica_model *model, mica_sequence *sequence,
                            const int32_t *tokens, size_t count, uint32_t chunk,
                            mica_logits *logits);

/*===- Sampling and generation ---------------------------------------------===*/

/* Added to the logit of one token; -INFINITY bans it. */
typedef struct mica_logit_bias {
  int32_t token;
  float bias;
} mica_logit_bias;

/* The stages, their order and formulas: docs/sampling.md. */
typedef struct mica_sampler_options {
  size_t size;
  float temperature; /* 0: the best token each time */
  float top_p;       /* 0: 1 */
  uint32_t top_k;    /* 0: all */
  uint32_t reserved; /* 0 */
  uint64_t seed;
  /* Since 1.1. */
  float min_p;
  float typical_p; /* 0: 1 */
  float top_n_sigma;
  float xtc_probability;
  float xtc_threshold; /* 0: 0.1 */
  float dynatemp_range;
  float dynatemp_exponent; /* 0: 1 */
  float repeat_penalty;    /* 0: 1 */
  float frequency_penalty;
  float presence_penalty;
  int32_t penalty_last_n; /* tokens; 0: 64, -1: all */
  float dry_multiplier;
  float dry_base;              /* 0: 1.75 */
  uint32_t dry_allowed_length; /* 0: 2 */
  int32_t dry_last_n;          /* tokens; 0 or -1: all */
  uint32_t mirostat;           /* 1 or 2; 0: off */
  float mirostat_tau;          /* 0: 5 */
  float mirostat_eta;          /* 0: 0.1 */
  const char *stages; /* "top_k;min_p;temperature"; NULL: the usual ones */
  const mica_logit_bias *bias;
  size_t bias_count;
  const mica_model *model;         /* whose tokens the breakers are */
  const char *const *dry_breakers; /* texts; no repeat reaches across one */
  size_t dry_breaker_count;        /* 0: none */
} mica_sampler_options;

mica_status mica_sampler_create(const mica_sampler_options *options,
                                mica_sampler **sampler);
void mica_sampler_free(mica_sampler *sampler);
mica_status mica_sampler_sample(mica_sampler *sampler, const float *logits,
                                size_t vocab, int32_t *id);

/* Tells of tokens of the text, those of the prompt too, which penalties and DRY
 * look at. mica_model_generate does it. Since 1.1. */
mica_status mica_sampler_accept(mica_sampler *sampler, const int32_t *ids,
                                size_t count);

/* Told of each token and of the text that it completes, lent for the call;
 * at the end, with token -1, of text that is left. Other than 0 ends it. */
typedef int (*mica_show)(void *user, int32_t token, const char *text,
                         size_t length);

/* Appends the prompt and generates at most `tokens` ids, until one ends the
 * text. `sampler` may be NULL: the best token each time. */
mica_status mica_model_generate(mica_model *model, mica_sequence *sequence,
                                const int32_t *prompt, size_t count,
                                mica_sampler *sampler, uint32_t tokens,
                                mica_show show, void *user);

#ifdef __cplusplus
}
#endif

#endif /* MICA_C_MICA_H */
