"""The engines that cpu.py times: how each is installed, built and spoken to."""
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
PACKAGES = {"llama.cpp": "llama-cpp-python==0.3.36",
            "ik_llama.cpp": "ik-llama-cpp-python==0.1.5"}
# In an environment of their own, because optimum-intel wants transformers of
# another version; torch and numpy are those of scripts/requirements.txt.
OPENVINO = """
    cloudpickle==3.1.2 httpcore==1.0.9 httpx==0.28.1 huggingface_hub==1.21.0
    joblib==1.6.0 narwhals==2.29.0 nncf==3.4.0 openvino==2026.4.1
    openvino-genai==2026.4.1.0 openvino-telemetry==2025.2.0
    openvino-tokenizers==2026.4.1.0 optimum==2.3.0 optimum-intel==2.2.0
    pydot==4.0.1 scikit-learn==1.9.1 tabulate==0.10.0 threadpoolctl==3.8.0
    tokenizers==0.22.2 transformers==5.5.4 typer==0.25.1""".split()
SEQUENCES = 9  # of a step of Mica at most
FTYPES = {"q8_0": 7, "q4_0": 2, "q4_k": 14, "q6_k": 18}  # of llama.h


def run(*command, **options):
    """Runs a command quietly; shows its output only if it fails."""
    result = subprocess.run([str(c) for c in command], text=True,
                            capture_output=True, **options)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}"
                 f"{result.stderr}")
    return result.stdout


def find(folder, name):
    """Returns the folder below `folder` that holds a file of this name."""
    found = sorted(folder.rglob(name))
    if not found:
        sys.exit(f"{folder}: no {name}, expected the package to carry one")
    return found[0].parent


def without_tiles():
    """Returns CMake options for all that this CPU has but tile registers: with
    those llama.cpp 0.3.36 dies of an illegal instruction (tileloadd) here."""
    flags = (pathlib.Path("/proc/cpuinfo").read_text().partition("flags")[2]
             .partition("\n")[0].split())
    if "amx_tile" not in flags:
        return ""
    names = {"sse4_2": "SSE42", "avx": "AVX", "avx2": "AVX2", "fma": "FMA",
             "f16c": "F16C", "bmi2": "BMI2", "avx_vnni": "AVX_VNNI",
             "avx512f": "AVX512", "avx512vbmi": "AVX512_VBMI",
             "avx512_vnni": "AVX512_VNNI", "avx512_bf16": "AVX512_BF16"}
    return " ".join(["-DGGML_NATIVE=OFF"] + [
        f"-DGGML_{name}=ON" for flag, name in names.items() if flag in flags])


def install(engine):
    """Installs the package of the engine unless it is there; returns where."""
    target = CACHE / engine
    if not list(target.rglob("libllama.so*")):
        print(f"installing {PACKAGES[engine]}", flush=True)
        options = " ".join(f"-D{name}=OFF" for name in (
            "LLAVA_BUILD", "LLAMA_BUILD_TESTS", "LLAMA_BUILD_TOOLS",
            "LLAMA_BUILD_EXAMPLES", "LLAMA_BUILD_SERVER"))
        if engine == "llama.cpp":
            options += " " + without_tiles()
        run(sys.executable, "-m", "pip", "install", "--no-deps",
            "--disable-pip-version-check", "--target", target,
            PACKAGES[engine], env=dict(os.environ, CMAKE_ARGS=options))
    return target


def llama_driver(engine, source="LlamaDriver.cpp", name="driver"):
    """Builds a driver for the engine unless it is newer than its source;
    returns it."""
    source = ROOT / "benchmarks" / source
    target = install(engine)
    driver = target / name
    if driver.exists() and driver.stat().st_mtime > source.stat().st_mtime:
        return driver
    include, lib = find(target, "llama.h"), find(target, "libllama.so")
    ggml = find(target, "ggml.h")
    libraries = [path for path in sorted(lib.glob("lib*.so"))
                 if path.name.startswith(("libllama", "libggml"))]
    run("clang++-22", "-O2", "-std=c++20", f"-I{ROOT}", f"-I{include}",
        f"-I{ggml}", *(["-DIK"] if engine == "ik_llama.cpp" else []),
        source, *libraries, f"-Wl,-rpath,{lib}", "-o", driver)
    return driver


def logits_driver():
    return llama_driver("llama.cpp", "LlamaLogits.cpp", "logits")


def quantize(source, target, name, *pure):
    """Writes a GGUF file by llama.cpp's quantizer; "pure" for one type."""
    partial = target.with_suffix(".part")
    run(logits_driver(), "quantize", source, partial, FTYPES[name], *pure)
    partial.rename(target)


def openvino_python():
    """Makes the environment of OpenVINO unless it is there; returns its
    interpreter."""
    folder = CACHE / "openvino" / "venv"
    done = folder / "packages.txt"
    if not done.exists() or done.read_text().split() != OPENVINO:
        print(f"installing {', '.join(OPENVINO)}", flush=True)
        run(sys.executable, "-m", "venv", "--system-site-packages", folder)
        run(folder / "bin/python", "-m", "pip", "install", "--no-deps",
            "--disable-pip-version-check", *OPENVINO)
        done.write_text("\n".join(OPENVINO) + "\n")
    return folder / "bin/python"


class Engine:
    """A driver that runs; `ask` returns the seconds of one line of work."""

    def __init__(self, name, words):
        self.name = name
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while (line := self.process.stdout.readline()).strip() != "ready":
            if not line:
                raise RuntimeError(f"{name}: ended before it was ready, with "
                                   f"status {self.process.wait()}")
        self.load_seconds = time.perf_counter() - begin

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        try:
            seconds = float(answer)
        except ValueError:
            raise RuntimeError(f"{self.name}: answered '{answer.strip()}' to "
                               f"'{line}', expected seconds") from None
        if seconds < 0:
            raise RuntimeError(f"{self.name}: does not know '{line}'")
        return seconds

    def memory(self):
        """Returns (peak resident, anonymous now) in MiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in text.splitlines())
        return tuple(int(lines[key].split()[0]) >> 10
                     for key in ("VmHWM", "RssAnon"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0]:
            self.process.kill()
        elif self.process.poll() is None:
            self.process.stdin.close()
        self.process.wait(timeout=60)


def command(name, case, tokens):
    """Returns the words that start an engine, but for its pinning."""
    if name == "mica":
        return [ROOT / "build/bin/MicaDriver", case.mica_file(), case.threads,
                tokens, SEQUENCES]
    engine, *words = name.split("-")
    if engine == "torch":
        return [sys.executable, ROOT / "benchmarks/torch_driver.py",
                case.hf_folder(), case.threads, tokens, *words]
    if engine == "openvino":
        return [openvino_python(), ROOT / "benchmarks/openvino_driver.py",
                case.openvino_folder(), case.threads, tokens,
                {"f16": "f16", "int8": "u8"}[case.cache], *words]
    names = {"fa": "flash", "rtr": "repack"}
    return [llama_driver(engine), case.gguf_file(), case.threads, tokens,
            *(names[word] for word in words),
            *(["q8_0"] if case.cache == "int8" else [])]


def start(name, case, tokens):
    """Starts an engine on a case of cases.py.

    name: mica; llama.cpp, ik_llama.cpp, with -fa for flash attention and -rtr
    for weights repacked at the start; openvino, openvino-f32 for sums in f32
    (bf16 otherwise where the CPU multiplies it); torch-bf16, torch-f32.
    tokens: what its cache is to hold.
    """
    pin = [] if case.threads > 1 else ["taskset", "-c", "0"]
    return Engine(name, pin + command(name, case, tokens))
