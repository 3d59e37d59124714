import os
import lit.formats
from lit.llvm import llvm_config

config.name = "mica"
config.test_format = lit.formats.ShTest(not llvm_config.use_lit_shell)
config.suffixes = [".mlir", ".test"]
# What other runners own: pytest's end-to-end tests, GoogleTest, libFuzzer.
config.excludes = ["e2e", "runtime", "lib", "fuzz"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.mica_obj_root, "test")
llvm_config.with_system_environment(["HOME", "TMP"])
llvm_config.use_default_substitutions()
# No file of `mica tune` that lies in the user's cache.
config.environment["XDG_CACHE_HOME"] = os.path.join(config.test_exec_root,
                                                    "no-cache")

# %runner: executes a module in LLVM dialect, with printing and C functions.
libraries = [os.path.join(config.llvm_lib_dir, f"libmlir_{name}.so")
             for name in ("runner_utils", "c_runner_utils")]
config.substitutions.append(
    ("%runner", "mlir-runner -e main -entry-point-result=void " +
     "-shared-libs=" + ",".join(libraries)))
config.substitutions.append(("%llvm_lib", config.llvm_lib_dir))

tools = os.path.join(config.mica_obj_root, "bin")
llvm_config.add_tool_substitutions(
    ["mica-opt", "mica-translate", "mlir-opt", "mlir-runner", "llvm-mc",
     "llvm-objdump"],
    [tools, config.llvm_tools_dir])
if os.path.exists(os.path.join(tools, "mica")):
    config.available_features.add("mica")
    # A whole word and no path or option around it: "mica" is also a dialect.
    config.substitutions.append(
        (r"%mica\b", os.path.join(tools, "mica")))
